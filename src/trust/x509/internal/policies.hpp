// Certificate policies along a path (RFC 5280 6.1, with any policy wanted and none demanded).
//
// Promise: pure; work and memory grow with the bytes of the certificates only. RFC 9618 explains
// why the tree of RFC 5280 must not be built: since no set of policies is asked for, all that
// counts is whether a level has any policy left, so only the last level is kept.
#pragma once

#include <optional>
#include <vector>

#include "platform/base/phrase.hpp"
#include "trust/x509/internal/facts.hpp"

namespace valija::x509::internal {

struct PolicyProblem {
    size_t depth;
    Text text;
};

// `path`: leaf first, the anchor last; the anchor's own policies do not count (RFC 5280 6.1.1).
std::optional<PolicyProblem> find_policy_problem(const std::vector<const Facts*>& path);

}  // namespace valija::x509::internal
