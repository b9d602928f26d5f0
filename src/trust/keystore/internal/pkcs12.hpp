// PKCS#12 (RFC 7292), opened with a password, in a library context of its own.
#pragma once

#include <string_view>

#include "trust/keystore/key_file.hpp"
#include "trust/x509/native.hpp"

namespace valija::keystore::internal {

bool looks_like_pkcs12(std::string_view der);
Result<KeyFile> read_pkcs12(std::string_view der, std::string_view password);

// Kinds and sizes that we take: RSA 2048 to 4096, ECDSA on P-256 and P-384.
Result<void> accepted_kind(const EVP_PKEY* key);

// The same, of a whole key whose halves belong together.
Result<KeyHandle> accepted_key(x509::KeyOwner key);

}  // namespace valija::keystore::internal
