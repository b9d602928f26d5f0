// What a list is for, and where a certificate says its lists are (RFC 5280 4.2.1.13, 5.2.5).
//
// Promise: pure. Names of places compare as RFC 5280 7 asks: addresses byte for byte, directory
// names by their one canonical form (trust/x509/native.hpp). A name relative to the list's issuer
// is completed. What is malformed, or of a kind that cannot name a place (a dNSName), is refused as
// a whole. Not here: indirect lists. A distribution point whose lists another authority signs is
// kept, marked.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/phrase.hpp"
#include "trust/x509/certificate.hpp"

namespace valija::revocation {

// One bit a reason, as in ReasonFlags, without `unused`.
constexpr uint16_t kAllReasons = 0x01FE;

struct Scope {
    bool only_user = false;
    bool only_ca = false;
    uint16_t reasons = kAllReasons;
    bool has_places = false;
    std::vector<std::string> places = {};  // comparable

    friend bool operator==(const Scope& a, const Scope& b) = default;
};

// The content of an issuingDistributionPoint extension; `issuer`: the list's, DER.
std::expected<Scope, Text> read_scope(std::string_view extension, std::string_view issuer);

struct DistributionPoint {
    std::vector<std::string> places = {};  // comparable
    std::vector<std::string> urls = {};
    uint16_t reasons = kAllReasons;
    bool of_another_issuer = false;  // cRLIssuer names somebody else: an indirect list
};

struct DistributionPoints {
    std::vector<DistributionPoint> points = {};
    bool is_malformed = false;
};

// Without the extension: one point, whose place is the issuer's name (RFC 5280 6.3.3, at its end).
DistributionPoints distribution_points(const x509::Certificate& certificate);

// Where the deltas of a certificate's lists are (RFC 5280 4.2.1.15), as far as they have URLs.
std::vector<std::string> freshest_urls(const x509::Certificate& certificate);
std::vector<std::string> freshest_urls(std::string_view extension);

bool covers(const Scope& scope, const DistributionPoint& point,
            const x509::Certificate& certificate);

// A distinguished name in DER as Certificate::canonical_subject(); empty: it is malformed.
std::string comparable_name(std::string_view der);

// The same for people: "CN=…, O=…".
std::string readable_name(std::string_view der);

}  // namespace valija::revocation
