// The steps `chain` and `dates`, and the path that they and the others look at.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "platform/base/text.hpp"
#include "trust/identity/internal/case.hpp"

namespace valija::identity::internal {
namespace {

using x509::Certificate;
using x509::PathProblem;
using x509::PathProblemKind;
using x509::Purpose;

constexpr size_t kLongestChainText = 2000;

std::string short_print(const Certificate& certificate) {
    return fmt::format("{} (SHA-256 {}…)", escape_peer_text(certificate->subject),
                       certificate->sha256.substr(0, 16));
}

// A path over a certificate that is known to be revoked is not taken where there is another.
bool none_is_revoked(const Case& c, const std::vector<Certificate>& path) {
    for (size_t i = 0; i + 1 < path.size(); ++i) {
        if (status_of(c, path, i).state == revocation::State::Revoked) {
            return false;
        }
    }
    return true;
}

x509::Path find_path(const Case& c, const x509::Anchors& anchors, Purpose purpose) {
    x509::PathQuestion question{.at = c.now,
                                .purpose = purpose,
                                .rules = c.profile.rules,
                                .most_intermediates = c.rule.most_intermediates,
                                .bounds = c.rule.bounds,
                                .path_only = c.rule.path_only};
    const bool looks_up = c.demands.revocation == RevocationDemand::Known ||
                          (c.demands.revocation == RevocationDemand::ByRule &&
                           c.rule.revocation != RevocationMode::Off);
    if (looks_up) {
        question.also = [&c](const std::vector<Certificate>& path) {
            return none_is_revoked(c, path);
        };
    }
    return anchors.find_path(c.evidence.peer_chain, question);
}

// `server-auth-tolerated`: what holds as a server's certificate passes as a client's, with a
// warning; the intermediates of public CAs no longer allow clients either.
void find_path_to(Case& c, const x509::Anchors& anchors) {
    const Purpose purpose = c.inbound() ? Purpose::Client : Purpose::Server;
    c.path = find_path(c, anchors, purpose);
    const bool tolerant = c.inbound() && c.rule.client_eku == ClientEku::ServerAuthTolerated;
    const bool is_servers = !c.leaf()->has_eku || c.leaf()->eku_server;
    const bool lacks_client = c.leaf()->has_eku && !c.leaf()->eku_client;
    if (tolerant && is_servers &&
        (lacks_client || std::ranges::any_of(c.path.problems, is_of_usage))) {
        c.path = find_path(c, anchors, Purpose::Server);
        c.tolerated = true;
    }
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

// How the chain ends, for evidence.
Text chain_text(const x509::Path& path) {
    if (path.certificates.empty()) {
        return say("no chain could be built");
    }
    std::string text;
    for (const Certificate& certificate : path.certificates) {
        text += text.empty() ? "" : " < ";
        text += escape_peer_text(certificate->subject);
        if (text.size() > kLongestChainText) {
            return Text::verbatim(text + " < …");
        }
    }
    return Text::verbatim(text);
}

bool has_anchor_named(const Case& c, const std::string& subject) {
    return c.demands.path == PathDemand::Anchors &&
           std::ranges::any_of(c.rule.anchors.certificates(), [&](const Certificate& anchor) {
               return anchor->subject == subject;
           });
}

// What is missing is the issuer of `last`: an anchor by name only, an intermediate that was not
// sent (the certificate says where it lies, so it is no root), or a CA that we do not know.
void explain_missing_issuer(const Case& c, const Certificate& last, Step& step) {
    const std::string issuer = escape_peer_text(last->issuer);
    if (has_anchor_named(c, last->issuer)) {
        step.evidence += say("; there is an anchor {}, but it has another key", issuer);
        step.fix = say(
            "somebody else's CA took this name, or the partner's CA has a new key: ask the partner "
            "by telephone");
        step.actor = Actor::Partner;
        step.reason = Reason::UntrustedRoot;
        return;
    }
    step.evidence += say("; the issuer {} was not sent and is no anchor of the partner", issuer);
    if (!last->ca_issuer_urls.empty()) {
        step.evidence += say("; the certificate says it is at {}",
                             escape_peer_text(last->ca_issuer_urls.front(), 260));
        step.fix = say("the partner's server must send its intermediate certificate along");
        step.actor = Actor::Partner;
    }
}

Step chain_problem_step(const Case& c, const PathProblem& problem) {
    const ProblemWords* words = words_of(problem.kind);
    VALIJA_ENSURE(words != nullptr, "every problem of a path has its words");
    Step step{.name = StepName::Chain,
              .state = StepState::Fail,
              .evidence = say("{}: {}", problem.text, chain_text(c.path)),
              .fix = words->fix,
              .actor = words->actor,
              .reason = words->reason};
    if (problem.kind == PathProblemKind::WeakKey && problem.depth > 0) {
        step.actor = Actor::Ca;
    }
    if (c.path.certificates.empty()) {
        return step;
    }
    if (problem.kind == PathProblemKind::UntrustedRoot) {
        step.evidence += say("; not trusted here: {}", short_print(c.path.certificates.back()));
    }
    if (problem.kind == PathProblemKind::IncompleteChain) {
        explain_missing_issuer(c, c.path.certificates.back(), step);
    }
    return step;
}

Text no_chain_needed(const Case& c) {
    switch (c.rule.profile) {
        case Profile::Pinned:
            return say("the pin takes the place of a chain: no CA is asked");
        case Profile::Direct:
            return say("direct trust: the certificate itself is known, no CA is asked");
        default:
            return say("no CA is asked: DANE trusts the TLSA record");
    }
}

Text span_text(const Certificate& certificate) {
    return say("{} to {}", iso_time(certificate->not_before), iso_time(certificate->not_after));
}

std::vector<Certificate> dated(const Case& c) {
    const bool whole = c.demands.dates == DatesDemand::Path && !c.path.certificates.empty();
    return whole ? c.path.certificates : std::vector<Certificate>{c.leaf()};
}

}  // namespace

// Of the leaf the server may have stapled an answer; lists may be signed by one further up.
revocation::Status status_of(const Case& c, const std::vector<Certificate>& path, size_t at) {
    return c.book.look_up(path[at], path[at + 1], c.now, c.rule.revocation_grace,
                          at == 0 ? std::string_view(c.evidence.stapled_ocsp) : std::string_view(),
                          std::span(path).subspan(at + 1));
}

bool is_of_dates(const PathProblem& problem) {
    return problem.kind == PathProblemKind::Expired || problem.kind == PathProblemKind::NotYetValid;
}

bool is_of_usage(const PathProblem& problem) { return problem.kind == PathProblemKind::Usage; }

bool is_of_revocation(const PathProblem& problem) {
    return problem.kind == PathProblemKind::Refused;
}

void build_path(Case& c) {
    if (c.demands.path == PathDemand::Tlsa) {
        if (const auto anchors = x509::Anchors::from_certificates(c.tlsa.anchors)) {
            find_path_to(c, *anchors);
        }
        return;
    }
    const bool hears_revocations =
        c.demands.revocation == RevocationDemand::Known && c.rule.revocation != RevocationMode::Off;
    if (c.demands.path == PathDemand::Anchors || hears_revocations) {
        find_path_to(c, c.rule.anchors);
    }
}

Step chain_step(const Case& c) {
    if (c.demands.path == PathDemand::None) {
        return {.name = StepName::Chain, .evidence = no_chain_needed(c)};
    }
    const auto problem = std::ranges::find_if_not(c.path.problems, [](const PathProblem& p) {
        return is_of_dates(p) || is_of_usage(p) || is_of_revocation(p);
    });
    if (problem != c.path.problems.end()) {
        return chain_problem_step(c, *problem);
    }
    if (c.path.certificates.empty()) {
        return {.name = StepName::Chain,
                .state = StepState::Fail,
                .evidence = say("no chain could be built"),
                .reason = Reason::IncompleteChain};
    }
    return {.name = StepName::Chain, .state = StepState::Pass, .evidence = chain_text(c.path)};
}

// The leaf is looked at even where no chain was found, so that dates are always named.
Step dates_step(const Case& c) {
    Step step{.name = StepName::Dates, .evidence = say("valid from {}", span_text(c.leaf()))};
    if (c.demands.dates == DatesDemand::None) {
        step.evidence += say(", which does not count here");
        return step;
    }
    step.state = StepState::Pass;
    for (const Certificate& certificate : dated(c)) {
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
            early ? say("another certificate must be shown until then; if it is valid by the "
                        "partner's clock, compare the clocks of both servers")
                  : say("the certificate must be renewed; if it looks valid to the partner, check "
                        "the clocks of both servers");
        return step;
    }
    return step;
}

}  // namespace valija::identity::internal
