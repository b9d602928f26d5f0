// What the rules of a path look at in one certificate, read once (RFC 5280 4).
//
// Promise: no judgement, no failure: what cannot be decoded is said to be so. Extensions are
// decoded strictly: bytes behind the value make it undecodable. Immutable after reading.
#pragma once

#include <openssl/x509.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "trust/x509/certificate.hpp"
#include "trust/x509/internal/general_names.hpp"

namespace valija::x509::internal {

struct BasicConstraints {
    bool present = false;
    bool critical = false;
    bool is_ca = false;
    std::optional<long> path_length;
};

struct KeyUsage {
    bool present = false;
    uint32_t bits = 0;  // KU_… of OpenSSL
};

struct ExtendedKeyUsage {
    bool present = false;
    bool critical = false;
    bool any = false;
    bool server = false;
    bool client = false;
    bool foreign = false;  // a purpose that a certificate for TLS must not have beside its own
};

struct KeyIdentifiers {
    bool has_subject = false;
    std::string subject;
    bool has_authority = false;            // the extension is there
    std::optional<std::string> authority;  // its keyIdentifier
    bool has_authority_names = false;      // authorityCertIssuer or authorityCertSerialNumber
};

struct Policies {
    bool present = false;
    std::vector<std::string> ids;                               // octets of the identifiers
    std::vector<std::pair<std::string, std::string>> mappings;  // issuer's, subject's
    std::optional<long> require_explicit;
    std::optional<long> inhibit_mapping;
    std::optional<long> inhibit_any;
    bool is_malformed = false;  // a policy twice, an empty policyConstraints, a negative number
    bool constraints_critical = true;  // of policyConstraints and inhibitAnyPolicy, where present
};

struct Signature {
    bool algorithms_agree = false;  // inside and outside of what is signed
    bool parameters_fit = true;     // of the algorithm
    int bits = 0;                   // of security, 0 where unknown
};

struct Key {
    bool readable = false;
    bool named_curve = true;  // false: an EC key with its own parameters
    bool sound = true;        // false: an RSA key with which anybody could sign
    bool expensive = false;   // a check with it could take far longer than with any honest key
    int type = 0;             // EVP_PKEY_…
    int size = 0;             // bits of the modulus or the field
    int bits = 0;             // of security
    std::string curve;
};

struct Facts {
    std::string subject;  // names for comparison, see canonical_name
    std::string issuer;
    bool self_issued = false;
    bool serial_is_positive = false;
    size_t serial_length = 0;
    size_t extensions = 0;
    BasicConstraints basic;
    KeyUsage key_usage;
    ExtendedKeyUsage eku;
    KeyIdentifiers ids;
    Policies policies;
    Signature signature;
    Key key;
    Names names;
    std::optional<NameConstraints> constraints;
    bool constraints_critical = false;
    bool san_is_empty = false;
    std::vector<std::string> duplicates;   // extensions that are there more than once
    std::vector<std::string> undecodable;  // known extensions whose value is damaged
    std::vector<std::string> unknown_critical;
};

Facts read_facts(X509* certificate, const CertificateFields& fields);

}  // namespace valija::x509::internal
