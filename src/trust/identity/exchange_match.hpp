// Profile `exchange`: does a certificate name stand for a partner domain? (EX-110, EX-115..121;
// semantics 2.2.)
//
// Candidates: every SAN dNSName, plus each CN that is a syntactically valid ASCII host name (a CN
// with a non-ASCII character, blanks or the look of prose is never a name; nor is a wildcard in a
// CN, which no name constraint of a CA would reach). One match is enough.
// Rules, without distinction of case, label by label, for domain D:
//   D                exact
//   *.D              the wildcard covers its own parent (only here; RFC 9525 says no)
//   x.D              exactly one label below
//   *.P where D=x.P  the wildcard covers one label; P has at least two
// Nothing else: two labels below, *.us.D, or a common ending of characters do not match.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/phrase.hpp"
#include "trust/x509/certificate.hpp"

namespace valija::identity {

struct Match {
    std::string name;  // the certificate's name that matched
    Text rule;         // "exact", "wildcard of the domain", "one label below", "wildcard"
};

// All names that may count, each with its origin: {"mail.contoso.com", "SAN"}, {"…", "CN"}.
struct PresentedName {
    std::string name;
    std::string origin;
};

std::vector<PresentedName> presented_names(const x509::Certificate& certificate);

std::optional<Match> match_exchange(std::string_view domain,
                                    const std::vector<PresentedName>& names);

// Why `name` does not match `domain`, for the ladder: "two labels below the domain", …
Text nearest_miss(std::string_view domain, std::string_view name);

}  // namespace valija::identity
