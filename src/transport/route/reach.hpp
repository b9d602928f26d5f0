// How a host was reached, as the judge wants to know it (CI-40).
//
// Promise: `reached_by` is pure; `reach` also asks DNS for what the profile compares: PTR names for
// `cisco-verify` (forward-confirmed or not), TLSA records for `dane`; nothing else is looked up. A
// look-up that fails leaves no name, and of TLSA the state Failed. Within the resolver's deadline.
// Thread: the loop of the task.
#pragma once

#include <string>

#include "platform/base/task.hpp"
#include "platform/net/resolver.hpp"
#include "transport/route/plan.hpp"
#include "trust/identity/reached.hpp"
#include "trust/identity/rule.hpp"

namespace valija::route {

// `host` is one of plan's hosts, `address` the text of the address connected to.
identity::Reached reached_by(const Plan& plan, const std::string& host, std::string address);

Task<identity::Reached> reach(identity::Reached known, identity::Profile profile, uint16_t port,
                              net::Resolver* resolver);

dane::TlsaAnswer tlsa_from(const net::TlsaAnswer& answer);

}  // namespace valija::route
