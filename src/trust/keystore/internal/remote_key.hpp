// A key of OpenSSL's (EVP_PKEY) whose private half is elsewhere: a provider of our own, built in.
//
// Promise: TLS and the makers of requests use it as any other; the digest is made here, the
// signature by `signer`. ECDSA; RSA with PKCS#1 1.5 or PSS with a salt as long as the digest;
// SHA-256, 384, 512; nothing else: static-RSA key exchange and any decryption end with an error of
// OpenSSL's. When the signer fails, so does the call, with an error "the custody of the keys did
// not sign". Deviation: EVP_PKEY_export and i2d_PrivateKey fail, which is the point. Standard:
// provider-keymgmt(7), provider-signature(7) of OpenSSL 3.0. Any thread.
#pragma once

#include <memory>
#include <string>

#include "trust/keystore/internal/custody_wire.hpp"

namespace valija::keystore::internal {

class RemoteSigner {
  public:
    virtual ~RemoteSigner() = default;
    virtual Result<std::string> sign(const std::string& name, const std::string& id,
                                     Padding padding, Hash hash, std::string digest) = 0;
};

Result<KeyHandle> remote_key(std::shared_ptr<RemoteSigner> signer, const std::string& name,
                             std::string_view public_bytes);

}  // namespace valija::keystore::internal
