// Signatures over lists and answers: the algorithm's strength, and the signature over raw bytes.
// Pure, any thread.
#pragma once

#include <optional>
#include <string_view>

#include "platform/base/phrase.hpp"
#include "trust/x509/native.hpp"

namespace valija::revocation::internal {

// Why this algorithm is not taken (SHA-1, MD5, unknown); nullopt: it is.
std::optional<Text> weakness_of(const X509_ALGOR* algorithm);

// Why this key is not taken (below 112 bits, unreadable); nullopt: it is.
std::optional<Text> weakness_of(EVP_PKEY* key);

// Whether `signature` (the content of a BIT STRING) over `signed_der` is by `key`. `algorithm`:
// DER.
std::optional<Text> signature_problem(std::string_view algorithm, std::string_view signed_der,
                                      std::string_view signature, EVP_PKEY* key);

}  // namespace valija::revocation::internal
