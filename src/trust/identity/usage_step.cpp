// The step `usage`: key usage and extended key usage of the leaf, and what the CAs above it allow.
#include <algorithm>

#include "trust/identity/internal/case.hpp"

namespace valija::identity::internal {
namespace {

Text fix_of(const Case& c) {
    return c.inbound() ? say("public CAs no longer issue certificates for TLS clients: the partner "
                             "needs one of a private CA with clientAuth; client_eku = "
                             "\"server-auth-tolerated\" accepts this one with a warning")
                       : say("the partner's server needs a certificate with serverAuth");
}

Step amiss(const Case& c, StepState state, Text evidence, Actor actor) {
    if (c.demands.usage == UsageDemand::Told) {
        state = StepState::Warn;
    }
    return {.name = StepName::Usage,
            .state = state,
            .evidence = std::move(evidence),
            .fix = fix_of(c),
            .actor = actor,
            .reason = state == StepState::Fail ? Reason::UsageInvalid : Reason::None};
}

}  // namespace

Step usage_step(const Case& c) {
    const x509::Certificate& leaf = c.leaf();
    const char* wanted = c.inbound() ? "clientAuth" : "serverAuth";
    if (c.demands.usage == UsageDemand::None) {
        return {.name = StepName::Usage, .evidence = say("usage does not count here")};
    }
    if (leaf->has_key_usage && !leaf->digital_signature) {
        return amiss(c, StepState::Fail, say("its key usage does not allow digital signatures"),
                     Actor::Partner);
    }
    const bool fits = c.inbound() ? leaf->eku_client : leaf->eku_server;
    const bool lacks = leaf->has_eku && !fits;
    if (lacks && !(c.tolerated && leaf->eku_server)) {
        return amiss(c, StepState::Fail, say("extended key usage lacks {}", wanted),
                     Actor::Partner);
    }
    const auto problem = std::ranges::find_if(c.path.problems, is_of_usage);
    if (problem != c.path.problems.end() && c.demands.path != PathDemand::None) {
        return amiss(c, StepState::Fail, problem->text, Actor::Ca);
    }
    if (lacks) {
        return amiss(c, StepState::Warn, say("extended key usage lacks {}", wanted),
                     Actor::Partner);
    }
    if (c.tolerated) {
        return amiss(c, StepState::Warn, say("a CA above it does not allow {}", wanted), Actor::Ca);
    }
    return {.name = StepName::Usage,
            .state = StepState::Pass,
            .evidence = leaf->has_eku ? say("extended key usage has {}", wanted)
                                      : say("no extended key usage: any is allowed")};
}

}  // namespace valija::identity::internal
