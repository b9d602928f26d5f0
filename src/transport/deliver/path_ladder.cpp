#include "transport/deliver/path_ladder.hpp"

#include "platform/base/text.hpp"

namespace valija::deliver {
namespace {

using identity::Actor;
using identity::Ladder;
using identity::Reason;
using identity::StepName;
using identity::StepState;
using smtp::Phase;

Ladder with_policy(const route::Plan& plan) {
    Ladder ladder;
    ladder.add({.name = StepName::Policy,
                .state = StepState::Pass,
                .evidence = Text::verbatim(plan.reason)});
    return ladder;
}

Ladder with_dns(const route::Plan& plan) {
    Ladder ladder = with_policy(plan);
    ladder.add(
        {.name = StepName::Dns, .state = StepState::Pass, .evidence = Text::verbatim(plan.dns)});
    return ladder;
}

Ladder with_tcp(const route::Plan& plan, const Remote& remote) {
    Ladder ladder = with_dns(plan);
    ladder.add({.name = StepName::Tcp,
                .state = StepState::Pass,
                .evidence = say("connected to {}", remote.text())});
    return ladder;
}

}  // namespace

Ladder ladder_without_host(const route::Plan& plan, const std::string& why) {
    Ladder ladder = with_policy(plan);
    const bool is_answer = plan.kind != route::Kind::LookUpFailed;
    ladder.add({.name = StepName::Dns,
                .state = is_answer ? StepState::Fail : StepState::Unknown,
                .evidence = Text::verbatim(why),
                .fix = is_answer
                           ? say("the partner must publish MX and address records for its domain")
                           : say("see whether the resolver works (`dns.forward` or "
                                 "/etc/resolv.conf), then whether the partner's name servers do"),
                .actor = is_answer ? Actor::Partner : Actor::You});
    ladder.conclude();
    return ladder;
}

Ladder ladder_broken_at(const route::Plan& plan, const Remote& remote, Phase phase,
                        const std::string& why) {
    const Text evidence = Text::verbatim(escape_peer_text(why));
    if (phase == Phase::Connect) {
        Ladder ladder = with_dns(plan);
        ladder.add({.name = StepName::Tcp,
                    .state = StepState::Fail,
                    .evidence = evidence,
                    .fix = say("see whether the partner's server is up and whether a firewall on "
                               "either side is in the way"),
                    .actor = Actor::Partner});
        ladder.conclude();
        return ladder;
    }
    if (phase != Phase::Handshake) {
        Ladder ladder = with_tcp(plan, remote);
        ladder.add({.name = StepName::StartTls,
                    .state = StepState::Fail,
                    .evidence = evidence,
                    .fix = say("ask the partner what its server's log says about this session"),
                    .actor = Actor::Partner});
        ladder.conclude();
        return ladder;
    }
    Ladder ladder = ladder_before_handshake(plan, remote);
    ladder.add({.name = StepName::Handshake,
                .state = StepState::Fail,
                .evidence = say("the TLS handshake failed: {}", evidence),
                .fix = say("ask the partner what its server's log says about this handshake"),
                .actor = Actor::Partner,
                .reason = Reason::NoTls});
    ladder.conclude();
    return ladder;
}

Ladder ladder_without_starttls(const route::Plan& plan, const Remote& remote) {
    Ladder ladder = with_tcp(plan, remote);
    ladder.add({.name = StepName::StartTls,
                .state = StepState::Fail,
                .evidence = say("the server does not offer STARTTLS"),
                .fix = say("the partner's server must offer STARTTLS; if it does, something "
                           "between the two servers removes the offer"),
                .actor = Actor::Partner,
                .reason = Reason::NoTls});
    ladder.conclude();
    return ladder;
}

Ladder ladder_before_handshake(const route::Plan& plan, const Remote& remote) {
    Ladder ladder = with_tcp(plan, remote);
    ladder.add({.name = StepName::StartTls,
                .state = StepState::Pass,
                .evidence = say("the server offers STARTTLS")});
    return ladder;
}

}  // namespace valija::deliver
