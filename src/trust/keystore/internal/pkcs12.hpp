// PKCS#12 (RFC 7292), opened with a password, in a library context of its own.
#pragma once

#include <string_view>

#include "trust/keystore/key_file.hpp"
#include "trust/x509/native.hpp"

namespace valija::keystore::internal {

bool looks_like_pkcs12(std::string_view der);
Result<KeyFile> read_pkcs12(std::string_view der, std::string_view password);

// What we can use, or a fault that says why not.
Result<KeyHandle> accepted_key(x509::KeyOwner key);

}  // namespace valija::keystore::internal
