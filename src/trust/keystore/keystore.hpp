// Our own certificates and the keys that go with them.
//
// Promise: a private key is used through the Signer port alone: its users get a handle that signs
// within TLS, never bytes. Certificates are read from `keys/*.crt` (PEM, leaf first, chain after)
// with the key `keys/<same name>.key`; one without a matching key, or with a key that needs a
// pass-phrase, is reported with the file's name and not offered (EX-49, EX-51). Selection for a
// name by semantics 2.3: the name in subject or SAN (a wildcard covers one label), newest valid
// PKI-issued first, then self-signed; an expired one is the last resort; one that is not enabled
// for smtp (`<name>.meta`) is not offered (EX-52). Immutable after load; any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.hpp"
#include "platform/base/time.hpp"
#include "trust/keystore/key.hpp"
#include "trust/keystore/metadata.hpp"
#include "trust/x509/certificate.hpp"

namespace valija::keystore {

struct OwnCertificate {
    std::string name;                      // file name without .crt
    std::vector<x509::Certificate> chain;  // leaf first
    KeyHandle key;
    bool for_smtp = true;  // <name>.meta says otherwise; without that file: yes
};

// What was thought of a certificate when one for a name was looked for.
struct Candidate {
    std::shared_ptr<const OwnCertificate> own;
    bool is_eligible = false;
    std::string reason;  // why it is the one, or why it is not
};

// Whether its dates hold.
bool is_in_time(const x509::Certificate& leaf, Time now);

// Semantics 2.3, between two that are for the same name: valid before not valid, issued by a CA
// before self-signed, then the newest.
bool is_better(const x509::Certificate& a, const x509::Certificate& b, Time now);

class KeyStore {
  public:
    struct Problem {
        std::string file;
        std::string text;
    };

    // A certificate that cannot be used any more is a problem, and the one that `before` has from
    // the same file stays: half a renewal takes nothing away.
    static KeyStore load(const std::string& directory, Signer& signer,
                         const KeyStore* before = nullptr);

    // The certificate to show for this name (an FQDN, a thumbprint, or a file name), or null.
    std::shared_ptr<const OwnCertificate> select(std::string_view name, Time now) const;

    // That one first, and then the others for this name whose dates hold, in the order of
    // preference: for a server that says whose certificates it takes.
    std::vector<std::shared_ptr<const OwnCertificate>> choices(std::string_view name,
                                                               Time now) const;

    // All of them in the order of preference: the first one, if it is eligible, is the one that
    // select() gives (EX-125).
    std::vector<Candidate> candidates(std::string_view name, Time now) const;

    const std::vector<std::shared_ptr<const OwnCertificate>>& certificates() const { return all_; }

    const std::vector<Problem>& problems() const { return problems_; }

  private:
    std::shared_ptr<const OwnCertificate> from_file(std::string_view name) const;

    std::vector<std::shared_ptr<const OwnCertificate>> all_;
    std::vector<Problem> problems_;
};

}  // namespace valija::keystore
