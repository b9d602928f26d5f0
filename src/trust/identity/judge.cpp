#include "trust/identity/judge.hpp"

#include <algorithm>

#include "platform/base/text.hpp"
#include "trust/identity/internal/case.hpp"

namespace valija::identity {
namespace {

using internal::Case;

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

// Usage 2 and 3 prove servers by records that DNSSEC validated, and nothing else.
void examine_tlsa(Case& c) {
    const dane::TlsaAnswer& answer = c.reached.tlsa;
    if (!c.inbound() && answer.state == dane::TlsaState::Secure) {
        c.tlsa = dane::examine(answer.records, c.evidence.peer_chain);
    }
    c.demands = internal::dane_demands(c.tlsa);
}

// The case with its path found; refers to all that it is given.
Case opened(const Rule& rule, const x509::Evidence& evidence, const Reached& reached,
            Direction direction, const revocation::Book& book, Time now, const OwnStatus& own) {
    const internal::ProfileRow& profile = internal::profile_row(rule.profile);
    Case c{.rule = rule,
           .evidence = evidence,
           .reached = reached,
           .direction = direction,
           .book = book,
           .now = now,
           .own = own,
           .profile = profile,
           .demands = profile.demands};
    if (rule.profile == Profile::Dane) {
        examine_tlsa(c);
    }
    internal::build_path(c);
    return c;
}

}  // namespace

Ladder judge(const Rule& rule, const x509::Evidence& evidence, const Reached& reached,
             Direction direction, const revocation::Book& book, Time now, Ladder before,
             const OwnStatus& own) {
    Ladder ladder = std::move(before);
    ladder.add(handshake_step(evidence, direction));
    if (!evidence.peer_chain.empty()) {
        const Case c = opened(rule, evidence, reached, direction, book, now, own);
        ladder.add(internal::chain_step(c));
        ladder.add(internal::dates_step(c));
        ladder.add(internal::revocation_step(c));
        ladder.add(internal::usage_step(c));
        ladder.add(internal::identity_step(c));
        if (!c.inbound()) {
            ladder.add(internal::own_step(c));
        }
    }
    ladder.conclude();
    return ladder;
}

x509::Path judged_path(const Rule& rule, const x509::Evidence& evidence, const Reached& reached,
                       Direction direction, const revocation::Book& book, Time now) {
    if (evidence.peer_chain.empty()) {
        return {};
    }
    return opened(rule, evidence, reached, direction, book, now, {}).path;
}

bool lacks_revocation(const Ladder& ladder) {
    const Step* chain = ladder.find(StepName::Chain);
    const Step* revocation = ladder.find(StepName::Revocation);
    const bool is_known = revocation == nullptr || (revocation->state != StepState::Unknown &&
                                                    revocation->state != StepState::Warn);
    return chain != nullptr && chain->state == StepState::Pass && !is_known;
}

std::vector<WantedList> wanted_lists(const Rule& rule, const x509::Evidence& evidence,
                                     const Reached& reached, Direction direction,
                                     const revocation::Book& book, Time now) {
    std::vector<WantedList> wanted;
    const x509::Path path = judged_path(rule, evidence, reached, direction, book, now);
    if (!std::ranges::all_of(path.problems, internal::is_of_dates)) {
        return wanted;  // a stranger must not make us fetch from places that he names
    }
    for (size_t i = 0; i + 1 < path.certificates.size(); ++i) {
        const x509::Certificate& certificate = path.certificates[i];
        const x509::Certificate& issuer = path.certificates[i + 1];
        for (const std::string& url : certificate->crl_urls) {
            wanted.push_back({.url = url, .issuer = issuer});
        }
        for (const std::string& url : revocation::freshest_urls(certificate)) {
            wanted.push_back({.url = url, .issuer = issuer});
        }
        for (const std::string& url : certificate->ocsp_urls) {
            wanted.push_back({.url = url, .issuer = issuer, .about = certificate});
        }
    }
    return wanted;
}

}  // namespace valija::identity
