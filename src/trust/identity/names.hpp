// Presented names, and the plain rules by which one name stands for another.
//
// Promise: pure; names are compared label by label, without distinction of case; what is not an
// ASCII host name, or one behind a wildcard that is the whole left-most label, never matches
// (EX-110, EX-114, CI-14). U-labels never match: certificates and settings carry A-labels.
// Not here: which names a profile compares, and in which order (profiles.hpp).
// Standards: RFC 9525 6.3 for wildcards. Deviations: none in exact_rule and wildcard_rule; the
// loose rules of `exchange` live in exchange_match.hpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/base/phrase.hpp"
#include "trust/x509/certificate.hpp"

namespace valija::identity {

// A name of a certificate with its origin: {"mail.contoso.com", "SAN"}, {"…", "CN"}.
struct PresentedName {
    std::string name;
    std::string origin;
};

// Every SAN dNSName, plus each CN that is an ASCII host name. A wildcard in a CN is none.
std::vector<PresentedName> presented_names(const x509::Certificate& certificate);

std::vector<PresentedName> san_names(const x509::Certificate& certificate);

// For the Cisco profiles: CNs in the form of a full host name, also behind a wildcard (CI-14).
std::vector<PresentedName> full_common_names(const x509::Certificate& certificate);

// How a presented name stands for a reference.
enum class NameRule { None, Exact, Wildcard, WildcardOfDomain, OneLabelBelow };

Text rule_text(NameRule rule);

NameRule exact_rule(std::string_view reference, std::string_view name);

// Exact, or `*.P` for x.P: one label, never P itself, and P has at least two labels.
NameRule wildcard_rule(std::string_view reference, std::string_view name);

// Why `name` does not match `reference`: "2 labels below the domain", "looks like …", …
Text nearest_miss(std::string_view reference, std::string_view name);

// How near the miss is, for choosing the one to show: 3 look-alike, 2 related, 1 another domain.
int nearness(std::string_view reference, std::string_view name);

// A host name, or one behind a whole-label wildcard.
bool is_comparable(std::string_view name);
bool is_wildcard(std::string_view name);
std::string_view without_wildcard(std::string_view name);

// The part after the first label; empty if there is none.
std::string_view parent_of(std::string_view name);

}  // namespace valija::identity
