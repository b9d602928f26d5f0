// Profile `exchange`: does a certificate name stand for a partner domain? (EX-110, EX-115..121;
// semantics 2.2.)
//
// Candidates: every SAN dNSName, plus each CN that is a syntactically valid ASCII host name (a CN
// with a non-ASCII character, blanks or the look of prose is never a name; nor is a wildcard in a
// CN: EX-110 speaks of host names). One match is enough.
// Rules, without distinction of case, label by label, for domain D:
//   D                exact
//   *.D              the wildcard covers its own parent (only here; RFC 9525 says no)
//   x.D              exactly one label below
//   *.P where D=x.P  the wildcard covers one label; P has at least two
// Nothing else: two labels below, *.us.D, or a common ending of characters do not match.
// The partner's `names` are compared exactly. No MX, PTR or EHLO name takes part.
#pragma once

#include <string_view>

#include "trust/identity/names.hpp"

namespace valija::identity {

NameRule exchange_rule(std::string_view domain, std::string_view name);

}  // namespace valija::identity
