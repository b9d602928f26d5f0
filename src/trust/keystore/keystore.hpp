// Our own certificates and the keys that go with them.
//
// Promise: a private key is used through the Signer port alone: its users get a handle that signs
// within TLS, never bytes. Certificates are read from `keys/*.crt` (PEM, leaf first, chain after)
// with the key `keys/<same name>.key`; one without a matching key, or with a key that needs a
// pass-phrase, is reported with the file's name and not offered (EX-49, EX-51). Selection for a
// name by semantics 2.3: the name in subject or SAN (a wildcard covers one label), newest valid
// PKI-issued first, then self-signed; an expired one is the last resort.
// Immutable after load; any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.hpp"
#include "platform/base/time.hpp"
#include "trust/x509/certificate.hpp"

struct evp_pkey_st;

namespace valija::keystore {

// A key that can sign within TLS. The custody process will stand behind the same handle.
class KeyHandle {
  public:
    KeyHandle(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}

    evp_pkey_st* native() const { return key_.get(); }

  private:
    std::shared_ptr<evp_pkey_st> key_;
};

class Signer {
  public:
    virtual ~Signer() = default;
    // The handle for the key that belongs to this certificate.
    virtual Result<KeyHandle> key_for(const std::string& name, const x509::Certificate& leaf) = 0;
};

// Keys in files of this process.
std::unique_ptr<Signer> make_file_signer(std::string directory);

struct OwnCertificate {
    std::string name;                      // file name without .crt
    std::vector<x509::Certificate> chain;  // leaf first
    KeyHandle key;
};

class KeyStore {
  public:
    struct Problem {
        std::string file;
        std::string text;
    };

    static KeyStore load(const std::string& directory, Signer& signer);

    // The certificate to show for this name (an FQDN, a thumbprint, or a file name), or null.
    std::shared_ptr<const OwnCertificate> select(std::string_view name, Time now) const;

    const std::vector<std::shared_ptr<const OwnCertificate>>& certificates() const { return all_; }

    const std::vector<Problem>& problems() const { return problems_; }

  private:
    std::vector<std::shared_ptr<const OwnCertificate>> all_;
    std::vector<Problem> problems_;
};

}  // namespace valija::keystore
