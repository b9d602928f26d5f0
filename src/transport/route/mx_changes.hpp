// What changed at a partner since its MX hosts were pinned (CI-11).
//
// Promise: pure; nothing to tell where nothing was pinned, where DNS could not be asked or where
// explicit routes stand in for MX. A host that is gone is told only of a partner with one domain:
// of several domains each has hosts of its own. Texts are bilingual, peers' names escaped.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "platform/base/phrase.hpp"
#include "transport/route/plan.hpp"

namespace valija::route {

// `addresses`: of those hosts of the plan that were looked up.
std::vector<Text> mx_changes(const std::vector<settings::KnownMx>& known, const Plan& plan,
                             const std::map<std::string, std::vector<std::string>>& addresses);

}  // namespace valija::route
