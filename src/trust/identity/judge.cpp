#include "trust/identity/judge.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "platform/base/text.hpp"
#include "trust/identity/exchange_match.hpp"

namespace valija::identity {
namespace {

using x509::Certificate;
using x509::PathProblem;
using x509::PathProblemKind;

// What the steps look at.
struct Case {
    const Rule& rule;
    const x509::Evidence& evidence;
    const Reached& reached;
    Direction direction;
    const revocation::Book& book;
    Time now;
    x509::Path path;

    bool inbound() const { return direction == Direction::Inbound; }

    const Certificate& leaf() const { return evidence.peer_chain.front(); }
};

std::string short_print(const Certificate& certificate) {
    return fmt::format("{} (SHA-256 {}…)", escape_peer_text(certificate->subject),
                       certificate->sha256.substr(0, 16));
}

Step handshake_step(const x509::Evidence& evidence, Direction direction) {
    Step step{.name = StepName::Handshake,
              .state = StepState::Pass,
              .evidence = say("{} {}", evidence.protocol, evidence.cipher)};
    if (!evidence.peer_chain.empty()) {
        step.evidence +=
            say(", certificate of {}", escape_peer_text(evidence.peer_chain.front()->subject));
        return step;
    }
    const bool inbound = direction == Direction::Inbound;
    step.state = StepState::Fail;
    step.reason = Reason::NoClientCertificate;
    step.actor = Actor::Partner;
    step.evidence += inbound ? say(", but the client showed no certificate")
                             : say(", but the server showed no certificate");
    step.fix = inbound ? say("the partner's server must show its client certificate when it sends "
                             "to us; if this client is not the partner's, nothing needs to be done")
                       : say("the partner's server must have a certificate");
    return step;
}

struct ProblemWords {
    PathProblemKind kind;
    Reason reason;
    Actor actor;
    Text fix;
};

const ProblemWords* words_of(PathProblemKind kind) {
    static const ProblemWords words[] = {
        {PathProblemKind::UntrustedRoot, Reason::UntrustedRoot, Actor::You,
         say("if this is the partner's CA, put its certificate in etc/anchors/ and name it in "
             "`trust` of the partner's file; check it with the partner by telephone first")},
        {PathProblemKind::IncompleteChain, Reason::IncompleteChain, Actor::You,
         say("if that is the partner's CA, put its certificate in etc/anchors/ and name it in "
             "`trust` of the partner's file; if it is an intermediate, the partner's server must "
             "send it along")},
        {PathProblemKind::WeakKey, Reason::WeakKey, Actor::Partner,
         say("the certificate must be replaced by one with a key of at least RSA 2048 or P-256 and "
             "SHA-256")},
        {PathProblemKind::Constraint, Reason::ConstraintViolation, Actor::Ca,
         say("the CA issued a certificate that breaks a rule of RFC 5280; it must be issued anew")},
        {PathProblemKind::Signature, Reason::UntrustedRoot, Actor::Partner,
         say("a signature in the chain is wrong: the chain does not belong together")},
    };
    const ProblemWords* found = std::ranges::find(words, kind, &ProblemWords::kind);
    return found == std::end(words) ? nullptr : found;
}

bool is_of_dates(const PathProblem& problem) {
    return problem.kind == PathProblemKind::Expired || problem.kind == PathProblemKind::NotYetValid;
}

// How the chain ends, for evidence.
Text chain_text(const x509::Path& path) {
    if (path.certificates.empty()) {
        return say("no chain could be built");
    }
    std::string text;
    for (const Certificate& certificate : path.certificates) {
        text += text.empty() ? "" : " < ";
        text += escape_peer_text(certificate->subject);
    }
    return Text::verbatim(text);
}

Step chain_step(const Case& c) {
    Step step{.name = StepName::Chain, .state = StepState::Pass, .evidence = chain_text(c.path)};
    const auto problem = std::ranges::find_if_not(c.path.problems, is_of_dates);
    if (problem == c.path.problems.end()) {
        return step;
    }
    const ProblemWords* words = words_of(problem->kind);
    VALIJA_ENSURE(words != nullptr, "every problem of a path has its words");
    step.state = StepState::Fail;
    step.reason = words->reason;
    step.actor = words->actor;
    step.fix = words->fix;
    step.evidence = say("{}: {}", problem->text, step.evidence);
    if (problem->kind == PathProblemKind::UntrustedRoot && !c.path.certificates.empty()) {
        step.evidence += say("; not trusted here: {}", short_print(c.path.certificates.back()));
    }
    if (problem->kind == PathProblemKind::IncompleteChain && !c.path.certificates.empty()) {
        step.evidence += say("; the issuer {} was not sent and is no anchor of the partner",
                             escape_peer_text(c.path.certificates.back()->issuer));
    }
    return step;
}

Text span_text(const Certificate& certificate) {
    return say("{} to {}", iso_time(certificate->not_before), iso_time(certificate->not_after));
}

// The leaf is looked at even where no chain was found, so that dates are always named.
Step dates_step(const Case& c) {
    Step step{.name = StepName::Dates,
              .state = StepState::Pass,
              .evidence = say("valid from {}", span_text(c.leaf()))};
    std::vector<Certificate> all = c.path.certificates;
    if (all.empty()) {
        all.push_back(c.leaf());
    }
    for (const Certificate& certificate : all) {
        const bool early = c.now < certificate->not_before;
        if (!early && c.now <= certificate->not_after) {
            continue;
        }
        step.state = StepState::Fail;
        step.reason = Reason::DateInvalid;
        step.actor = Actor::Partner;
        const std::string subject = escape_peer_text(certificate->subject);
        step.evidence = early ? say("{} is not valid yet: valid from {}, it is {}", subject,
                                    span_text(certificate), iso_time(c.now))
                              : say("{} is expired: valid from {}, it is {}", subject,
                                    span_text(certificate), iso_time(c.now));
        step.fix =
            say("the certificate must be renewed; if it looks valid to the partner, check the "
                "clocks of both servers");
        return step;
    }
    return step;
}

// Each certificate below the anchor, with its issuer.
revocation::Status worst_status(const Case& c) {
    revocation::Status worst{.state = revocation::State::Good, .evidence = {}, .url = {}};
    const auto& path = c.path.certificates;
    for (size_t i = 0; i + 1 < path.size(); ++i) {
        const auto status = c.book.look_up(path[i], path[i + 1], c.now, c.rule.revocation_grace);
        if (status.state == revocation::State::Revoked) {
            return status;
        }
        if (worst.state == revocation::State::Good) {
            worst.state = status.state;
            worst.evidence = worst.evidence.empty() || status.state != revocation::State::Good
                                 ? status.evidence
                                 : worst.evidence;
            worst.url = status.url;
        }
    }
    return worst;
}

Step unknown_revocation(const Case& c, const revocation::Status& status) {
    const bool required = c.rule.revocation == RevocationMode::Require;
    Step step{.name = StepName::Revocation,
              .state = required ? StepState::Unknown : StepState::Warn,
              .evidence = status.evidence,
              .actor = Actor::You,
              .reason = required ? Reason::RevocationOffline : Reason::None};
    step.fix = status.url.empty()
                   ? say("the CA must name a CRL distribution point in the certificate; until then "
                         "`revocation = \"best-effort\"` in the partner's file accepts it")
                   : say("see `valija crl list` for why the list is missing; it is fetched again "
                         "by itself");
    if (status.url.empty()) {
        step.actor = Actor::Ca;
    }
    return step;
}

Step revocation_step(const Case& c) {
    if (c.rule.revocation == RevocationMode::Off) {
        return {.name = StepName::Revocation,
                .evidence = say("revocation = \"off\" in the partner's file")};
    }
    if (c.path.certificates.size() < 2) {
        const bool is_anchor = c.path.certificates.size() == 1 && c.path.problems.empty();
        return {.name = StepName::Revocation,
                .evidence = is_anchor ? say("the certificate itself is a trust anchor")
                                      : say("no chain to look up")};
    }
    const revocation::Status status = worst_status(c);
    if (status.state == revocation::State::Good) {
        return {
            .name = StepName::Revocation, .state = StepState::Pass, .evidence = status.evidence};
    }
    if (status.state == revocation::State::Unknown) {
        return unknown_revocation(c, status);
    }
    return {.name = StepName::Revocation,
            .state = StepState::Fail,
            .evidence = status.evidence,
            .fix = say("do not accept this certificate; ask the partner why its CA revoked it"),
            .actor = Actor::Partner,
            .reason = Reason::Revoked};
}

Step usage_step(const Case& c) {
    const Certificate& leaf = c.leaf();
    const bool fits = c.inbound() ? leaf->eku_client : leaf->eku_server;
    const char* wanted = c.inbound() ? "clientAuth" : "serverAuth";
    Step step{.name = StepName::Usage, .state = StepState::Pass};
    if (leaf->has_key_usage && !leaf->digital_signature) {
        step.state = StepState::Fail;
        step.evidence = say("its key usage does not allow digital signatures");
    } else if (!leaf->has_eku) {
        step.evidence = say("no extended key usage: any is allowed");
        return step;
    } else if (fits) {
        step.evidence = say("extended key usage has {}", wanted);
        return step;
    } else {
        const bool tolerated =
            c.inbound() && leaf->eku_server && c.rule.client_eku == ClientEku::ServerAuthTolerated;
        step.state = tolerated ? StepState::Warn : StepState::Fail;
        step.evidence = say("extended key usage lacks {}", wanted);
    }
    step.reason = step.state == StepState::Fail ? Reason::UsageInvalid : Reason::None;
    step.actor = Actor::Partner;
    step.fix = c.inbound() ? say("public CAs no longer issue certificates for TLS clients: the "
                                 "partner needs one of a private CA with clientAuth; client_eku = "
                                 "\"server-auth-tolerated\" accepts this one with a warning")
                           : say("the partner's server needs a certificate with serverAuth");
    return step;
}

std::string names_text(const std::vector<PresentedName>& names) {
    std::string text;
    for (const PresentedName& name : names) {
        text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", escape_peer_text(name.name, 260),
                            name.origin);
        if (text.size() > 600) {
            return text + ", …";
        }
    }
    return text;
}

Step identity_step(const Case& c) {
    const std::vector<PresentedName> names = presented_names(c.leaf());
    Step step{.name = StepName::Identity, .state = StepState::Pass};
    if (const auto match = match_exchange(c.rule.domain, names)) {
        step.evidence = say("{} matches {} ({})", match->name, c.rule.domain, match->rule);
        return step;
    }
    for (const std::string& reference : c.rule.names) {
        for (const PresentedName& name : names) {
            if (is_host_name(name.name) && equal_ignoring_case(reference, name.name)) {
                step.evidence = say("{} is one of the partner's `names`", name.name);
                return step;
            }
        }
    }
    step.state = StepState::Fail;
    step.reason = Reason::SubjectMismatch;
    step.actor = Actor::Partner;
    step.evidence = names.empty()
                        ? say("the certificate carries no name that counts")
                        : say("no name stands for {}: {}", c.rule.domain, names_text(names));
    if (!names.empty()) {
        step.evidence += say("; {}: {}", escape_peer_text(names.front().name, 260),
                             nearest_miss(c.rule.domain, names.front().name));
    }
    step.fix =
        say("the certificate must carry {0}, *.{0} or a host directly below it; or add the name it "
            "carries to `names` of the partner's file, if it is the partner's",
            c.rule.domain);
    return step;
}

// Mutual: both ends are shown. Only the server knows whether it believed ours.
Step own_step(const Case& c) {
    Step step{.name = StepName::OwnCertificate, .state = StepState::Pass};
    if (c.evidence.own_chain.empty()) {
        step.state = StepState::Fail;
        step.actor = c.evidence.own_requested ? Actor::You : Actor::Partner;
        step.reason = Reason::NoClientCertificate;
        step.evidence = c.evidence.own_requested
                            ? say("we have no certificate to show")
                            : say("the server did not ask for our certificate");
        step.fix = c.evidence.own_requested
                       ? say("put a certificate for the connector's fqdn in keys/")
                       : say("the partner's server must request client certificates (Exchange: "
                             "DomainSecureEnabled; Postfix: smtpd_tls_ask_ccert = yes)");
        return step;
    }
    const Certificate& own = c.evidence.own_chain.front();
    step.evidence = say("we showed {}", own->subject);
    if (c.now > own->not_after) {
        step.state = StepState::Warn;
        step.actor = Actor::You;
        step.evidence += say(", which expired at {}", iso_time(own->not_after));
        step.fix = say("renew our own certificate");
    }
    return step;
}

}  // namespace

Ladder judge(const Rule& rule, const x509::Evidence& evidence, const Reached& reached,
             Direction direction, const revocation::Book& book, Time now, Ladder before) {
    Ladder ladder = std::move(before);
    ladder.add(handshake_step(evidence, direction));
    if (!evidence.peer_chain.empty()) {
        const Case c{.rule = rule,
                     .evidence = evidence,
                     .reached = reached,
                     .direction = direction,
                     .book = book,
                     .now = now,
                     .path = rule.anchors.find_path(evidence.peer_chain, now)};
        ladder.add(chain_step(c));
        ladder.add(dates_step(c));
        ladder.add(revocation_step(c));
        ladder.add(usage_step(c));
        ladder.add(identity_step(c));
        if (!c.inbound()) {
            ladder.add(own_step(c));
        }
    }
    ladder.conclude();
    return ladder;
}

bool lacks_revocation(const Ladder& ladder) {
    const Step* chain = ladder.find(StepName::Chain);
    const Step* revocation = ladder.find(StepName::Revocation);
    return chain != nullptr && chain->state == StepState::Pass && revocation != nullptr &&
           revocation->state != StepState::Pass && revocation->state != StepState::NotApplicable;
}

std::vector<WantedList> wanted_lists(const Rule& rule, const x509::Evidence& evidence, Time now) {
    std::vector<WantedList> wanted;
    const x509::Path path = rule.anchors.find_path(evidence.peer_chain, now);
    if (!std::ranges::all_of(path.problems, is_of_dates)) {
        return wanted;  // a stranger must not make us fetch from places that he names
    }
    for (size_t i = 0; i + 1 < path.certificates.size(); ++i) {
        for (const std::string& url : path.certificates[i]->crl_urls) {
            wanted.push_back({.url = url, .issuer = path.certificates[i + 1]});
        }
    }
    return wanted;
}

}  // namespace valija::identity
