#include "transport/deliver/path_ladder.hpp"

#include <algorithm>
#include <array>

#include "platform/base/text.hpp"

namespace valija::deliver {
namespace {

using identity::Actor;
using identity::Ladder;
using identity::Reason;
using identity::Step;
using identity::StepName;
using identity::StepState;
using smtp::Phase;

Ladder with_policy(const route::Plan& plan) {
    Ladder ladder;
    ladder.add({.name = StepName::Policy, .state = StepState::Pass, .evidence = plan.reason});
    return ladder;
}

Ladder with_dns(const route::Plan& plan) {
    Ladder ladder = with_policy(plan);
    ladder.add({.name = StepName::Dns, .state = StepState::Pass, .evidence = plan.dns});
    return ladder;
}

Text ptr_text(const identity::PtrName& ptr) {
    const std::string name = escape_peer_text(ptr.name, 260);
    return ptr.confirmed
               ? say(", PTR {} (confirmed)", name)
               : say(", PTR {} (not confirmed: the name does not lead back to the address)", name);
}

Ladder with_tcp(const route::Plan& plan, const Remote& remote, const Heard& heard) {
    Ladder ladder = with_dns(plan);
    Text evidence = say("connected to {}", remote.text());
    for (const identity::PtrName& ptr : heard.reached.ptr) {
        evidence += ptr_text(ptr);
    }
    ladder.add({.name = StepName::Tcp, .state = StepState::Pass, .evidence = std::move(evidence)});
    return ladder;
}

Ladder concluded(Ladder ladder, Step step) {
    ladder.add(std::move(step));
    ladder.conclude();
    return ladder;
}

Step failed(StepName name, Text evidence, Text fix, Reason reason = Reason::None) {
    return {.name = name,
            .state = StepState::Fail,
            .evidence = std::move(evidence),
            .fix = std::move(fix),
            .actor = Actor::Partner,
            .reason = reason};
}

Text inspection_fix() {
    return say(
        "something between the two servers rewrites SMTP: switch it off, on our side or the "
        "partner's (Cisco PIX/ASA: no fixup protocol smtp, no inspect esmtp); the server itself "
        "offers STARTTLS to a client beside it");
}

Step missing_starttls(const Heard& heard) {
    const auto masked = std::ranges::find_if(heard.offers, is_masked_offer);
    if (masked != heard.offers.end()) {
        return failed(StepName::StartTls,
                      say("STARTTLS was altered on the way: the reply to EHLO has \"{}\" where an "
                          "offer should be",
                          *masked),
                      inspection_fix(), Reason::NoTls);
    }
    if (is_masked_greeting(heard.greeting)) {
        return failed(StepName::StartTls,
                      say("STARTTLS was removed on the way: the greeting is \"{}\", as a firewall "
                          "that rewrites SMTP shows it",
                          heard.greeting),
                      inspection_fix(), Reason::NoTls);
    }
    if (!heard.refused_hello.empty()) {
        return failed(
            StepName::StartTls,
            say("EHLO was refused ({}), so STARTTLS cannot be offered", heard.refused_hello),
            say("the partner's server must speak ESMTP; if it does, a firewall between the two "
                "servers turns EHLO into something else: switch its SMTP inspection off"),
            Reason::NoTls);
    }
    const std::string offers = join(heard.offers, ", ");
    return failed(StepName::StartTls,
                  offers.empty()
                      ? say("the server does not offer STARTTLS; it offers nothing at all")
                      : say("the server does not offer STARTTLS (it offers: {})", offers),
                  say("the partner's server must offer STARTTLS; if it does, something "
                      "between the two servers removes the offer"),
                  Reason::NoTls);
}

template <size_t N>
bool has_any(const std::string& words, const std::array<std::string_view, N>& parts) {
    return std::ranges::any_of(
        parts, [&](std::string_view part) { return words.find(part) != std::string::npos; });
}

Text refusal_fix() {
    return say(
        "the partner must trust the CA of our certificate, and our certificate must be "
        "valid for it: send the partner our CA's certificate, and let it say what its "
        "server's log has");
}

// OpenSSL's words for what a server without TLS of today makes of the handshake.
bool has_nothing_in_common(const std::string& words) {
    return has_any(
        words, std::to_array<std::string_view>({"unsupported protocol", "protocol version",
                                                "handshake failure", "no shared cipher",
                                                "no protocols available", "insufficient security",
                                                "dh key too small", "wrong signature type"}));
}

Step broken_handshake(const Fault& why) {
    const std::string words = escape_peer_text(why.text());
    if (why.kind == FaultKind::Input) {
        return failed(StepName::Handshake,
                      say("the server sent plaintext behind its reply to STARTTLS, which TLS must "
                          "not begin with"),
                      say("something injects plaintext into the session (CVE-2011-0411), or the "
                          "partner's server is too old: it must be mended there"),
                      Reason::NoTls);
    }
    if (is_refusal_of_ours(words)) {  // TLS 1.2 says so within the handshake
        return failed(
            StepName::OwnCertificate,
            say("the TLS handshake failed: the server refused our certificate ({})", words),
            refusal_fix(), Reason::NoClientCertificate);
    }
    if (has_nothing_in_common(words)) {
        return failed(StepName::Handshake,
                      say("the server has no TLS version or cipher in common with us (we need TLS "
                          "1.2 or newer): {}",
                          words),
                      say("the partner's server must speak TLS 1.2 or 1.3 with a cipher of today "
                          "(ECDHE with AES-GCM or ChaCha20)"),
                      Reason::NoTls);
    }
    const bool is_no_tls = words.find("wrong version number") != std::string::npos ||
                           words.find("packet length too long") != std::string::npos;
    return failed(
        StepName::Handshake,
        is_no_tls ? say("the server speaks something else than TLS after STARTTLS: {}", words)
                  : say("the TLS handshake failed: {}", words),
        say("ask the partner what its server's log says about this handshake"), Reason::NoTls);
}

}  // namespace

bool is_masked_offer(const std::string& line) {
    const auto count = static_cast<size_t>(std::ranges::count(line, 'X'));
    const bool is_all = count == line.size() || (count + 1 == line.size() && line.back() != 'X');
    const bool is_starred = line.size() >= 4 && line.find_first_not_of('*') == std::string::npos;
    return is_starred || (count >= 4 && is_all);
}

bool is_masked_greeting(const std::string& greeting) {
    return greeting.find("*****") != std::string::npos;
}

bool is_refusal_of_ours(const std::string& words) {
    return has_any(words, std::to_array<std::string_view>(
                              {"alert unknown ca", "alert bad certificate", "alert certificate",
                               "alert unsupported certificate", "alert access denied",
                               "alert decrypt error"}));
}

Ladder ladder_without_host(const route::Plan& plan, const std::string& why) {
    if (plan.kind == route::Kind::Forged) {
        return concluded(
            with_policy(plan),
            {.name = StepName::Dns,
             .state = StepState::Unknown,
             .evidence = say("DNSSEC validation failed: {}", why),
             .fix = say("the partner's zone is signed wrongly, or somebody forges its answers: the "
                        "partner must look (for instance with dnsviz.net); until then mail waits"),
             .actor = Actor::Partner});
    }
    const bool is_answer = plan.kind != route::Kind::LookUpFailed;
    return concluded(
        with_policy(plan),
        {.name = StepName::Dns,
         .state = is_answer ? StepState::Fail : StepState::Unknown,
         .evidence = Text::verbatim(why),
         .fix = is_answer ? say("the partner must publish MX and address records for its domain")
                          : say("see whether the resolver works (`dns.forward` or "
                                "/etc/resolv.conf), then whether the partner's name servers do"),
         .actor = is_answer ? Actor::Partner : Actor::You});
}

Ladder ladder_broken_at(const route::Plan& plan, const Remote& remote, const Heard& heard,
                        Phase phase, const std::string& why) {
    if (phase == Phase::Connect) {
        return concluded(
            with_dns(plan),
            failed(StepName::Tcp, Text::verbatim(why),
                   say("see whether the partner's server is up and whether a firewall on "
                       "either side is in the way")));
    }
    return concluded(with_tcp(plan, remote, heard),
                     failed(StepName::StartTls, Text::verbatim(why),
                            say("ask the partner what its server's log says about this session")));
}

Ladder ladder_refused_at(const route::Plan& plan, const Remote& remote, const Heard& heard,
                         Phase phase, const std::string& reply) {
    if (phase == Phase::StartTls) {
        return concluded(
            with_tcp(plan, remote, heard),
            failed(StepName::StartTls,
                   say("the server offers STARTTLS and then refuses it: {}", reply),
                   say("TLS is not set up rightly on the partner's server: its log says why "
                       "(often a missing certificate or key)"),
                   Reason::NoTls));
    }
    return concluded(with_tcp(plan, remote, heard),
                     failed(StepName::StartTls, say("the server refuses the session: {}", reply),
                            say("ask the partner why its server refuses ours")));
}

Ladder ladder_broken_handshake(const route::Plan& plan, const Remote& remote, const Heard& heard,
                               const Fault& why) {
    return concluded(ladder_before_handshake(plan, remote, heard), broken_handshake(why));
}

Ladder ladder_without_starttls(const route::Plan& plan, const Remote& remote, const Heard& heard) {
    return concluded(with_tcp(plan, remote, heard), missing_starttls(heard));
}

Ladder ladder_before_handshake(const route::Plan& plan, const Remote& remote, const Heard& heard) {
    Ladder ladder = with_tcp(plan, remote, heard);
    ladder.add({.name = StepName::StartTls,
                .state = StepState::Pass,
                .evidence = say("the server offers STARTTLS")});
    return ladder;
}

Ladder with_refused_certificate(const Ladder& judged, const std::string& why) {
    Ladder ladder;
    for (Step step : judged.steps) {
        if (step.name == StepName::Verdict) {
            continue;
        }
        if (step.name == StepName::OwnCertificate) {
            const bool is_said = why.find(" alert ") != std::string::npos;
            step.evidence += is_said ? say("; the server refused our certificate: {}", why)
                                     : say("; the server then ended the session, as one does that "
                                           "refuses our certificate: {}",
                                           why);
            step.state = is_said ? StepState::Fail : StepState::Unknown;
            step.fix = refusal_fix();
            step.actor = Actor::Partner;
            step.reason = Reason::NoClientCertificate;
        }
        ladder.add(std::move(step));
    }
    ladder.conclude();
    return ladder;
}

}  // namespace valija::deliver
