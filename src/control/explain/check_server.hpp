// `valija check` without a partner: is this server ready? (EH-03, EX-34, EX-35)
//
// Promise: one finding for each thing that was looked at, the bad ones first: our certificates,
// anchors, revocation lists, resolver and DNSSEC, disk, clock, and each enforced partner by
// check_domains(). Within 60 seconds. Thread: any loop.
#pragma once

#include <boost/json/object.hpp>
#include <vector>

#include "control/explain/check.hpp"

namespace valija::explain {

struct Finding {
    Text area;  // "our certificates", "resolver"
    identity::StepState state = identity::StepState::Pass;
    Text evidence;
    Text fix;
};

struct ServerReport {
    std::vector<Finding>
        findings;               // failures, then what is not known, then warnings, then the rest
    Standing standing() const;  // warnings do not count
};

Task<ServerReport> check_server(const CheckParts* parts, SteadyTime end);

std::string server_text(const ServerReport& report, identity::Show show, Language language);
boost::json::object server_json(const ServerReport& report);

}  // namespace valija::explain
