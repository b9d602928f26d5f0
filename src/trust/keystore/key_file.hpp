// What people hand us: certificates and keys in PEM, DER, PKCS#7 or PKCS#12.
//
// Promise: the file is read as what it is, whatever it is called. A pass-phrase is never asked for:
// a protected PEM key is refused (EX-49), a PKCS#12 is opened with the password given. Old PKCS#12
// files (RC2-40, 3DES; Windows writes them) are read by OpenSSL's legacy module in a library
// context of their own, so that the process as a whole keeps without those ciphers; where the
// module is not installed the fault says so. Bounded: 1 MiB, 1000 certificates, one key, 2,000,000
// rounds of key derivation. Keys: RSA 2048 to 4096, ECDSA P-256 and P-384.
// Fault Input says what is wrong with the file. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trust/keystore/key.hpp"

namespace valija::keystore {

inline constexpr size_t kLargestKeyFile = 1U << 20U;

struct KeyFile {
    std::vector<x509::Certificate> certificates;  // in the file's order, each once
    std::optional<KeyHandle> key;
    std::string format;              // "PEM", "DER", "PKCS#7", "PKCS#12"
    std::vector<std::string> notes;  // what was left out
};

Result<KeyFile> read_key_file(std::string_view bytes, std::string_view password = {});

// The leaf and those of `pool` that lead from it towards a root, each below its issuer.
std::vector<x509::Certificate> ordered_chain(const x509::Certificate& leaf,
                                             const std::vector<x509::Certificate>& pool);

}  // namespace valija::keystore
