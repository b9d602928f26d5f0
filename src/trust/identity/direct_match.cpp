// Profile `direct` (EX-05): our own servers; the certificate is, byte for byte, one of those that
// the directory holds. No path, no name, no revocation list: who may write the directory decides.
#include <algorithm>

#include "trust/identity/internal/case.hpp"

namespace valija::identity::internal {

Step prove_direct(const Case& c) {
    const auto& known = c.rule.direct;
    if (std::ranges::find(known, c.leaf()) != known.end()) {
        return {.name = StepName::Identity,
                .state = StepState::Pass,
                .evidence = say("exactly this certificate is in the directory: SHA-256 {}",
                                c.leaf()->sha256)};
    }
    return {.name = StepName::Identity,
            .state = StepState::Fail,
            .evidence = say("the directory holds another certificate for this server; shown: "
                            "SHA-256 {}",
                            c.leaf()->sha256),
            .fix = say("publish the server's new certificate in the directory"),
            .actor = Actor::You,
            .reason = Reason::SubjectMismatch};
}

}  // namespace valija::identity::internal
