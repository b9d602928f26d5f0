// Profile `direct` (EX-05): the certificate is, byte for byte, one of those that the directory
// holds. No path, no name, no revocation list: who may write the directory decides.
#include <algorithm>

#include "trust/identity/internal/case.hpp"

namespace valija::identity::internal {

Step prove_direct(const Case& c) {
    const auto& known = c.rule.direct;
    if (std::ranges::find(known, c.leaf()) != known.end()) {
        return {.name = StepName::Identity,
                .state = StepState::Pass,
                .evidence = say("exactly this certificate is known: SHA-256 {}", c.leaf()->sha256)};
    }
    return {.name = StepName::Identity,
            .state = StepState::Fail,
            .evidence = say("it is none of the certificates that are known ({}): SHA-256 {}",
                            known.size(), c.leaf()->sha256),
            .fix = say("if the partner has a new certificate, compare its fingerprint by "
                       "telephone, put it in etc/anchors/ and name it in `trust` of the partner's "
                       "file; else somebody else answers there"),
            .actor = Actor::You,
            .reason = Reason::SubjectMismatch};
}

}  // namespace valija::identity::internal
