#include "transport/deliver/trouble.hpp"

#include <fmt/format.h>

#include "platform/base/text.hpp"
#include "transport/deliver/path_ladder.hpp"

namespace valija::deliver {
namespace {

// The class digit of a status must agree with what we do (RFC 3464 2.3.4).
std::string status_of(const smtp::Reply& reply, bool permanent) {
    const char wanted = permanent ? '5' : '4';
    if (reply.enhanced.size() >= 5 && reply.enhanced.front() == wanted) {
        return reply.enhanced;
    }
    return fmt::format("{}.0.0", wanted);
}

// What a plan without a host comes to: the status without its class, and a sentence.
struct PlanWords {
    bool is_permanent = false;
    std::string status;
    std::string text;
};

PlanWords words_of(const route::Plan& plan) {
    const std::string domain = escape_peer_text(plan.domain);
    switch (plan.kind) {
        case route::Kind::NullMx:
            return {true, "1.10", fmt::format("{} accepts no mail (null MX)", domain)};
        case route::Kind::NoSuchDomain:
            return {true, "1.2",
                    fmt::format("{} has no mail server: no such domain, or neither MX nor address "
                                "records",
                                domain)};
        case route::Kind::Loop:
            return {true, "4.6",
                    fmt::format("mail for {} loops back: its best MX is this server, which does "
                                "not accept the domain",
                                domain)};
        case route::Kind::LookUpFailed:
        case route::Kind::Forged:
            return {false, "4.3", fmt::format("looking up {}: {}", domain, plan.dns.english())};
        default:
            return {false, "3.5",
                    fmt::format("no mailbox server is set for {}: set mailbox.lmtp in "
                                "etc/valija.toml",
                                domain)};
    }
}

Trouble with_dns_step(const route::Plan& plan, Trouble trouble) {
    if (plan.partner) {
        trouble.ladder = ladder_without_host(plan, trouble.text);
    }
    return trouble;
}

identity::Reason reason_of(const identity::Ladder& ladder) {
    const identity::Step* failure = ladder.first_failure();
    return failure == nullptr ? identity::Reason::None : failure->reason;
}

}  // namespace

Trouble from_reply(const smtp::Reply& reply, std::optional<smtp::Phase> phase, const Remote& remote,
                   bool believed) {
    const bool permanent = reply.is_permanent() && believed;
    const std::string said = escape_peer_text(reply.text());
    const std::string when =
        phase ? fmt::format(", while we were {}", smtp::phase_phrase(*phase)) : std::string();
    return {.permanent = permanent,
            .status = status_of(reply, permanent),
            .text = fmt::format("{} said{}: {}", remote.text(), when, said),
            .diagnostic = said,
            .remote = remote.host,
            .ladder = {}};
}

Trouble from_fault(const Fault& fault, smtp::Phase phase, const Remote& remote) {
    return {.status = fault.kind == FaultKind::Timeout ? "4.4.2" : "4.4.1",
            .text = fmt::format("{}, {}: {}", remote.text(), smtp::phase_phrase(phase),
                                escape_peer_text(fault.text())),
            .diagnostic = {},
            .remote = remote.host,
            .ladder = {}};
}

Trouble from_ladder(identity::Ladder ladder, const Remote& remote) {
    const identity::Step* failure = ladder.first_failure();
    VALIJA_ENSURE(failure != nullptr, "a ladder that is not proven has a step that says why");
    const identity::Reason reason = reason_of(ladder);
    std::string diagnostic =
        reason == identity::Reason::NoTls
            ? std::string("451 5.7.3 STARTTLS is required to send mail")
            : fmt::format("454 4.7.5 Certificate validation failure, Reason:{}",
                          identity::reason_text(reason));
    std::string text = fmt::format("{}: path not proven at step {} ({}): {}", remote.text(),
                                   identity::step_text(failure->name),
                                   identity::reason_text(reason), failure->evidence.english());
    return {.status = "4.7.5",
            .text = std::move(text),
            .diagnostic = std::move(diagnostic),
            .remote = remote.host,
            .ladder = std::move(ladder)};
}

Trouble from_plan(const route::Plan& plan) {
    const PlanWords words = words_of(plan);
    // An unauthenticated answer of DNS must not make an enforced partner's mail bounce.
    const bool permanent = words.is_permanent && plan.proof != route::Proof::Verified;
    return with_dns_step(plan, {.permanent = permanent,
                                .status = (permanent ? "5." : "4.") + words.status,
                                .text = words.text});
}

Trouble from_look_up(const route::Plan& plan, const Fault& fault, const std::string& host) {
    route::Plan failed = plan;
    failed.kind = fault.kind == FaultKind::Forged ? route::Kind::Forged : route::Kind::LookUpFailed;
    return with_dns_step(failed, {.status = "4.4.3",
                                  .text = fmt::format("looking up {}: {}", escape_peer_text(host),
                                                      escape_peer_text(fault.text()))});
}

Trouble without_address(const route::Plan& plan) {
    return with_dns_step(plan, {.status = "4.4.4",
                                .text = fmt::format("no mail server of {} has an address",
                                                    escape_peer_text(plan.domain))});
}

}  // namespace valija::deliver
