#include "trust/keystore/key.hpp"

#include <openssl/sha.h>

#include "trust/x509/native.hpp"

namespace valija::keystore {

bool KeyHandle::belongs_to(const x509::Certificate& certificate) const {
    const EVP_PKEY* its = X509_get0_pubkey(certificate.native());
    const bool same = its != nullptr && EVP_PKEY_eq(its, public_.get()) == 1;
    ERR_clear_error();
    return same;
}

Result<std::string> KeyHandle::public_bytes() const {
    return x509::der_of<i2d_PUBKEY>(public_.get(), "writing a public key");
}

std::string KeyHandle::id() const {
    const auto bytes = public_bytes();
    if (!bytes) return {};
    std::string digest(SHA256_DIGEST_LENGTH, '\0');
    SHA256(reinterpret_cast<const unsigned char*>(bytes->data()), bytes->size(),
           reinterpret_cast<unsigned char*>(digest.data()));
    return digest;
}

bool KeyHandle::is_quick() const {
    return EVP_PKEY_is_a(public_.get(), "EC") == 1 && EVP_PKEY_get_bits(public_.get()) == 256;
}

}  // namespace valija::keystore
