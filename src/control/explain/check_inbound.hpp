// The inbound half of `valija check`: what policy says to a client that shows a certificate.
//
// Promise: the decision is policy's own (decide_sender), for MAIL FROM:<postmaster@domain> on the
// connectors as they are configured; nothing is looked up and nobody is connected to. Lists that
// are missing are asked for. Thread: any.
#pragma once

#include <string>
#include <vector>

#include "control/explain/check.hpp"

namespace valija::explain {

// For the chain that the partner's server showed; null: none was seen.
Inbound presume_inbound(const CheckParts& parts, const partners::World& world,
                        const std::string& domain, const x509::Evidence* server);

// For a chain that was given.
Inbound inbound_of(const CheckParts& parts, const partners::World& world, const std::string& domain,
                   const std::vector<x509::Certificate>& chain);

}  // namespace valija::explain
