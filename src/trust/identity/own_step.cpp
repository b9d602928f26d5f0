// The step `own-certificate`: mutual means that both ends are shown (EX-01, EX-25, EX-34).
#include <algorithm>
#include <array>

#include "platform/base/text.hpp"
#include "trust/identity/internal/case.hpp"

namespace valija::identity::internal {
namespace {

using x509::Certificate;

constexpr std::array kReminders = {1, 7, 14, 30};  // days

Step not_shown(const Case& c) {
    const bool requested = c.evidence.own_requested;
    return {.name = StepName::OwnCertificate,
            .state = StepState::Fail,
            .evidence = requested ? say("we have no certificate to show")
                                  : say("the server did not ask for our certificate"),
            .fix = requested
                       ? say("put a certificate for the connector's fqdn in keys/")
                       : say("the partner's server must request client certificates (Exchange: "
                             "DomainSecureEnabled; Postfix: smtpd_tls_ask_ccert = yes)"),
            .actor = requested ? Actor::You : Actor::Partner,
            .reason = Reason::NoClientCertificate};
}

void warn(Step& step, const Text& evidence, const Text& fix) {
    step.state = StepState::Warn;
    step.actor = Actor::You;
    step.evidence += evidence;
    step.fix += Text::verbatim(step.fix.empty() ? "" : "; ");
    step.fix += fix;
}

void look_at_dates(const Case& c, const Certificate& own, Step& step) {
    if (c.now > own->not_after) {
        warn(step, say(", which expired at {}", iso_time(own->not_after)),
             say("renew our own certificate"));
    } else if (c.now < own->not_before) {
        warn(step, say(", which is not valid before {}", iso_time(own->not_before)),
             say("check our clock, or wait"));
    } else if (days_of_reminder(own->not_after - c.now) > 0) {
        warn(step, say(", which expires at {}", iso_time(own->not_after)),
             say("renew our own certificate"));
    }
}

// Nobody sees this list but our partners and us; whether a partner believes it, it decides.
void look_at_revocation(const Case& c, Step& step) {
    if (!c.own.is_known) {
        return;
    }
    switch (c.own.revocation) {
        case revocation::State::Good:
            step.evidence += say("; {}", c.own.evidence);
            return;
        case revocation::State::Revoked:
            warn(step, say("; our own certificate is revoked: {}", c.own.evidence),
                 say("replace our own certificate now: partners refuse it"));
            return;
        case revocation::State::Unknown:
            warn(step,
                 say("; whether our own certificate is revoked is not known: {}", c.own.evidence),
                 say("make the CRL of our CA reachable, for us and for partners"));
    }
}

// What the server said of whose certificates it takes.
void look_at_authorities(const Case& c, const Certificate& own, Step& step) {
    if (!c.evidence.own_authority.empty()) {
        step.evidence +=
            say(", for the server asks for {}", escape_peer_text(c.evidence.own_authority));
    } else if (c.evidence.own_fits_none) {
        warn(step,
             say(", which is of {}, and the server names other authorities",
                 escape_peer_text(own->issuer)),
             say("ask the partner to take certificates of our CA, or show one of a CA that it "
                 "names (`certificate` in the partner's file)"));
    }
}

}  // namespace

// What is amiss with ours is a warning: whether it is believed, the partner's server decides.
Step own_step(const Case& c) {
    if (c.evidence.own_chain.empty()) {
        return not_shown(c);
    }
    const Certificate& own = c.evidence.own_chain.front();
    Step step{.name = StepName::OwnCertificate,
              .state = StepState::Pass,
              .evidence = say("we showed {}", escape_peer_text(own->subject))};
    look_at_dates(c, own, step);
    if (own->has_eku && !own->eku_client) {
        warn(step, say(", which lacks clientAuth"),
             say("public CAs no longer issue clientAuth: use a certificate of a private CA for "
                 "partners"));
    }
    look_at_authorities(c, own, step);
    look_at_revocation(c, step);
    return step;
}

}  // namespace valija::identity::internal

namespace valija::identity {

int days_of_reminder(Duration left) {
    const auto next = std::ranges::find_if(
        internal::kReminders, [left](int days) { return left <= std::chrono::hours(24 * days); });
    return left < Duration::zero() || next == internal::kReminders.end() ? 0 : *next;
}

}  // namespace valija::identity
