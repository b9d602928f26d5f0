// Profile `pinned`: the peer's public key is one of the partner's `pins` (SHA-256 of the subject
// public key info, current and next). The pin takes the place of chain and names.
#include <algorithm>

#include "trust/identity/internal/case.hpp"

namespace valija::identity::internal {

Step prove_pinned(const Case& c) {
    const std::string& own = c.leaf()->spki_sha256;
    const auto& pins = c.rule.pins;
    const auto found = std::ranges::find(pins, own);
    if (found != pins.end()) {
        return {.name = StepName::Identity,
                .state = StepState::Pass,
                .evidence = say("its key has pin {} of {}: {}", found - pins.begin() + 1,
                                pins.size(), own)};
    }
    return {.name = StepName::Identity,
            .state = StepState::Fail,
            .evidence = say("its key has the pin {}, which is none of the partner's `pins` ({})",
                            own, pins.size()),
            .fix = say("if the partner has a new key, ask for its pin by telephone and add it to "
                       "`pins` of the partner's file; else somebody else answers there"),
            .actor = Actor::You,
            .reason = Reason::SubjectMismatch};
}

}  // namespace valija::identity::internal
