// Handles of private keys, and where the server gets them.
#pragma once

#include <memory>
#include <string>

#include "platform/base/result.hpp"
#include "trust/x509/certificate.hpp"

struct evp_pkey_st;

namespace valija::keystore {

// A key that can sign. The custody process will stand behind the same handle.
class KeyHandle {
  public:
    KeyHandle(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}

    evp_pkey_st* native() const { return key_.get(); }

    // Whether the certificate is for this key.
    bool belongs_to(const x509::Certificate& certificate) const;

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

}  // namespace valija::keystore
