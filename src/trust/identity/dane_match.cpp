// Profile `dane` (RFC 7672): a server is proven by TLSA records that DNSSEC validated.
//
// Usage 3: the key or certificate is the record's; names, dates, CAs, revocation do not count
// (RFC 7672 3.1.1). Usage 2: a path to the record's certificate, and a name (3.1.2, 3.2.2): the
// recipient domain or the TLSA base domain; dNSNames, and the CN only if there is none. Usages 0
// and 1 are unusable (3.1.3). Insecure, missing or failed: not proven, never "no DANE, so fine".
// Deviation: a bare key of usage 2 (2 1 0 without its certificate in the handshake) is not used.
#include "trust/identity/internal/case.hpp"

namespace valija::identity::internal {
namespace {

Step not_proven(StepState state, Text evidence, Text fix, Actor actor, Reason reason) {
    return {.name = StepName::Identity,
            .state = state,
            .evidence = std::move(evidence),
            .fix = std::move(fix),
            .actor = actor,
            .reason = reason};
}

// RFC 7672 2.2.1: whoever forges an MX would name a host whose records he signs. Nobody asked.
Step without_signed_host(const Reached& reached) {
    return not_proven(StepState::Fail,
                      say("DNSSEC did not validate the MX that names {}, so its TLSA records would "
                          "prove nothing",
                          escaped_name(reached.host)),
                      say("the partner's zone must be signed with DNSSEC; if it is, our resolver "
                          "must hand the signatures through, and `dns.trust_anchor` must be set"),
                      Actor::Partner, Reason::DaneRequired);
}

Step without_records(const Reached& reached) {
    const dane::TlsaAnswer& answer = reached.tlsa;
    switch (answer.state) {
        case dane::TlsaState::Insecure:
            return not_proven(StepState::Fail,
                              say("the TLSA records of {} are not signed (DNSSEC), so they prove "
                                  "nothing",
                                  escaped_name(answer.base_domain)),
                              say("the partner's zone must be signed with DNSSEC"), Actor::Partner,
                              Reason::DaneRequired);
        case dane::TlsaState::Failed:
            return not_proven(StepState::Unknown,
                              say("the TLSA records could not be looked up or failed validation; "
                                  "that is never taken as \"none\""),
                              say("check the DNSSEC signatures of the zone, and our resolver"),
                              Actor::Partner, Reason::DnssecInvalid);
        case dane::TlsaState::None:
            return not_proven(StepState::Fail, say("there are no TLSA records"),
                              say("the partner must publish a TLSA record for its mail server"),
                              Actor::Partner, Reason::DaneRequired);
        case dane::TlsaState::NotAsked:
        case dane::TlsaState::Secure:
            break;
    }
    return without_signed_host(reached);
}

constexpr Demands kKeyDecides{.path = PathDemand::None,
                              .dates = DatesDemand::None,
                              .revocation = RevocationDemand::None,
                              .usage = UsageDemand::None};

}  // namespace

Demands dane_demands(const dane::Verdict& verdict) {
    if (verdict.kind != dane::VerdictKind::TrustAnchor) {
        return kKeyDecides;
    }
    return {.path = PathDemand::Tlsa,
            .dates = DatesDemand::Path,
            .revocation = RevocationDemand::Known,
            .usage = UsageDemand::Must};
}

void ask_dane(const Subject& subject, Questions& asked) {
    asked.san = san_names(subject.leaf);
    if (asked.san.empty()) {
        asked.common = full_common_names(subject.leaf);
    }
    const auto& presented = asked.san.empty() ? asked.common : asked.san;
    asked.ask({.name = subject.rule.domain}, presented, wildcard_rule);
    asked.ask({.name = subject.reached.tlsa.base_domain, .origin = ReferenceOrigin::TlsaBase},
              presented, wildcard_rule);
}

Step prove_dane(const Case& c) {
    const dane::TlsaAnswer& answer = c.reached.tlsa;
    if (c.inbound()) {
        return not_proven(StepState::Fail, say("DANE proves servers, not clients"), {}, Actor::You,
                          Reason::SubjectMismatch);
    }
    if (answer.state != dane::TlsaState::Secure) {
        return without_records(c.reached);
    }
    switch (c.tlsa.kind) {
        case dane::VerdictKind::EndEntity:
            return {.name = StepName::Identity,
                    .state = StepState::Pass,
                    .evidence = say("TLSA record {} of {} matches; with usage 3 names, dates and "
                                    "CAs do not count",
                                    c.tlsa.record, escaped_name(answer.base_domain))};
        case dane::VerdictKind::NoneUsable:
            return not_proven(StepState::Fail,
                              say("none of the TLSA records can be used: {}", c.tlsa.unusable),
                              say("the partner must publish a record of usage 3 or 2 with selector "
                                  "0 or 1 and matching type 0, 1 or 2"),
                              Actor::Partner, Reason::SubjectMismatch);
        case dane::VerdictKind::NoMatch:
        case dane::VerdictKind::TrustAnchor:
            break;
    }
    return not_proven(
        StepState::Fail,
        say("no TLSA record of {} matches the certificate shown (3 1 1 would be {})",
            escaped_name(answer.base_domain), c.leaf()->spki_sha256),
        say("the partner must publish the TLSA record of its present key; new records "
            "must be in DNS before a new certificate is used"),
        Actor::Partner, Reason::SubjectMismatch);
}

Text fix_dane(const Rule& rule) {
    return say(
        "a certificate under a TLSA record of usage 2 must carry {} or the host that the record "
        "belongs to",
        rule.domain);
}

}  // namespace valija::identity::internal
