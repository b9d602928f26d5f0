// Whether the names of a certificate keep to the constraints of a CA above it (RFC 5280 4.2.1.10).
//
// Promise: pure, fails closed: what cannot be compared is a violation. A wildcard is excluded if
// any host it covers is, and permitted only if all are. `budget` is what comparisons are left; each
// name costs one, and each comparison of it another; at its end the answer is a violation too.
// Beyond RFC 5280: common names that are host names are compared as dNSNames, because partners'
// names may be read from them; a form that we cannot compare is refused also where the extension
// is not critical.
#pragma once

#include <cstddef>
#include <optional>

#include "platform/base/phrase.hpp"
#include "trust/x509/internal/general_names.hpp"

namespace valija::x509::internal {

// What the first violation is. `common_names_count`: those of the names are compared too.
std::optional<Text> find_violation(const NameConstraints& constraints, const Names& names,
                                   bool common_names_count, size_t& budget);

}  // namespace valija::x509::internal
