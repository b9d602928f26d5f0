// The step `revocation`: each certificate below the anchor, by what the book holds now.
#include <algorithm>
#include <span>
#include <string_view>

#include "platform/base/text.hpp"
#include "trust/identity/internal/case.hpp"

namespace valija::identity::internal {
namespace {

// The search for a path knew of a revocation: then no list that is looked at later makes it good.
bool was_refused(const Case& c) { return std::ranges::any_of(c.path.problems, is_of_revocation); }

revocation::Status worst_status(const Case& c) {
    revocation::Status worst{.state = revocation::State::Good, .evidence = {}, .url = {}};
    const auto& path = c.path.certificates;
    for (size_t i = 0; i + 1 < path.size(); ++i) {
        auto status = status_of(c, path, i);
        if (status.state == revocation::State::Revoked) {
            status.evidence =
                say("{} is revoked: {}", escape_peer_text(path[i]->subject), status.evidence);
            return status;
        }
        if (worst.state == revocation::State::Good) {
            worst.state = status.state;
            worst.evidence = worst.evidence.empty() || status.state != revocation::State::Good
                                 ? status.evidence
                                 : worst.evidence;
            worst.url = status.url;
            worst.lack = status.lack;
        }
    }
    return worst;
}

struct Remedy {
    Text fix;
    Actor actor;
};

Remedy remedy_of(revocation::Lack lack) {
    using revocation::Lack;
    switch (lack) {
        case Lack::NotNamed:
            return {say("the CA must name a CRL distribution point in the certificate; until then "
                        "`revocation = \"best-effort\"` in the partner's file accepts it"),
                    Actor::Ca};
        case Lack::Unusable:
        case Lack::OutOfDate:
            return {say("the CA must publish there a list that it signed and that is current; it "
                        "is fetched again by itself"),
                    Actor::Ca};
        case Lack::Unreachable:
            return {say("see that this address can be reached from here (network, proxy: `valija "
                        "proxy show`); `valija crl fetch` tries at once"),
                    Actor::You};
        case Lack::None:
        case Lack::NotFetched:
            break;
    }
    return {say("see `valija crl list` for why the list is missing; it is fetched again by itself"),
            Actor::You};
}

Step unknown_revocation(const Case& c, const revocation::Status& status) {
    const bool required = c.rule.revocation == RevocationMode::Require;
    Remedy remedy = remedy_of(status.lack);
    return {.name = StepName::Revocation,
            .state = required ? StepState::Unknown : StepState::Warn,
            .evidence = status.evidence,
            .fix = std::move(remedy.fix),
            .actor = remedy.actor,
            .reason = required ? Reason::RevocationOffline : Reason::None};
}

Step revoked(const revocation::Status& status) {
    return {.name = StepName::Revocation,
            .state = StepState::Fail,
            .evidence = status.evidence,
            .fix = say(
                "the partner must show another certificate, and say why its CA revoked this one; "
                "until then make no exception"),
            .actor = Actor::Partner,
            .reason = Reason::Revoked};
}

// Where a key is trusted and not a CA: nobody must vouch that it is not revoked.
Step known_revocation(const Case& c) {
    const bool holds = c.path.certificates.size() > 1 &&
                       std::ranges::all_of(c.path.problems, [](const x509::PathProblem& problem) {
                           return is_of_dates(problem) || is_of_revocation(problem);
                       });
    if (holds) {
        const revocation::Status status = worst_status(c);
        if (status.state == revocation::State::Revoked || was_refused(c)) {
            return revoked(status);
        }
        if (status.state == revocation::State::Good) {
            return {.name = StepName::Revocation,
                    .state = StepState::Pass,
                    .evidence = status.evidence};
        }
    }
    return {.name = StepName::Revocation,
            .evidence = say("not asked for here; a list that we know would count")};
}

}  // namespace

Step revocation_step(const Case& c) {
    if (c.demands.revocation == RevocationDemand::None) {
        return {.name = StepName::Revocation,
                .evidence = say("no CA is asked, so none can revoke")};
    }
    if (c.rule.revocation == RevocationMode::Off) {
        return {.name = StepName::Revocation,
                .evidence = say("revocation = \"off\" in the partner's file")};
    }
    if (c.demands.revocation == RevocationDemand::Known) {
        return known_revocation(c);
    }
    if (c.path.certificates.size() < 2) {
        const bool is_anchor = c.path.certificates.size() == 1 && c.path.problems.empty();
        return {.name = StepName::Revocation,
                .evidence = is_anchor ? say("the certificate itself is a trust anchor")
                                      : say("no chain to look up")};
    }
    const revocation::Status status = worst_status(c);
    if (status.state == revocation::State::Revoked || was_refused(c)) {
        return revoked(status);
    }
    if (status.state == revocation::State::Good) {
        return {
            .name = StepName::Revocation, .state = StepState::Pass, .evidence = status.evidence};
    }
    return unknown_revocation(c, status);
}

}  // namespace valija::identity::internal
