// Handles of private keys, and where the server gets them.
#pragma once

#include <memory>
#include <string>

#include "platform/base/result.hpp"
#include "trust/x509/certificate.hpp"

struct evp_pkey_st;

namespace valija::keystore {

// A key that can sign, here or in the custody process: its users cannot tell.
class KeyHandle {
  public:
    // Both halves are in this process.
    explicit KeyHandle(std::shared_ptr<evp_pkey_st> key) : key_(key), public_(std::move(key)) {}

    // `key` signs elsewhere.
    KeyHandle(std::shared_ptr<evp_pkey_st> key, std::shared_ptr<evp_pkey_st> public_half)
        : key_(std::move(key)), public_(std::move(public_half)) {}

    evp_pkey_st* native() const { return key_.get(); }

    evp_pkey_st* public_half() const { return public_.get(); }

    // Whether the certificate is for this key.
    bool belongs_to(const x509::Certificate& certificate) const;

    Result<std::string> public_bytes() const;  // SubjectPublicKeyInfo, DER
    std::string id() const;                    // SHA-256 of that, 32 bytes

    // Whether a signature takes so little (ECDSA P-256: some 30 µs) that an event loop may wait for
    // it; RSA and P-384 take ten to a hundred times that.
    bool is_quick() const;

  private:
    std::shared_ptr<evp_pkey_st> key_;
    std::shared_ptr<evp_pkey_st> public_;
};

class Signer {
  public:
    virtual ~Signer() = default;
    // The handle for the key that belongs to this certificate.
    virtual Result<KeyHandle> key_for(const std::string& name, const x509::Certificate& leaf) = 0;
};

}  // namespace valija::keystore
