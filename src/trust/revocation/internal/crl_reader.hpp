// The fields of a list in DER (RFC 5280 5.1), without an object for each entry. Pure.
#pragma once

#include <expected>
#include <string_view>

#include "trust/revocation/crl.hpp"

namespace valija::revocation::internal {

// Slices of the list's bytes.
struct CrlParts {
    std::string_view signed_der;  // tbsCertList with its tag
    std::string_view algorithm;   // AlgorithmIdentifier outside, DER
    std::string_view signature;   // content of the BIT STRING
    std::string_view issuer;      // DER
    std::string_view entries;     // content of revokedCertificates
    std::string_view extensions;  // content of the SEQUENCE of extensions
    bool is_version_2 = false;
};

std::expected<CrlParts, Text> read_parts(std::string_view der);

// All of it: parts and facts; `facts` gets the dates too.
std::expected<CrlParts, Text> read_crl(std::string_view der, Strictness strictness,
                                       CrlFacts& facts);

std::expected<SerialIndex, Text> read_entries(const CrlParts& parts);

}  // namespace valija::revocation::internal
