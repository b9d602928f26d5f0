// Profiles `cisco-verify` and `cisco-hosted`: CI-01..15, CI-26..41; semantics 1.1-1.10.
#include <gmock/gmock.h>

#include "unit/trust/identity/judge_world.hpp"

namespace valija::identity {
namespace {

using test::kNow;
using test::World;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using valija::test::CertificateSpec;
using valija::test::make_certificate;

// A certificate with these DNS names and this CN; "" = none.
x509::Certificate certificate(const std::vector<std::string>& san, const std::string& common) {
    CertificateSpec spec{.subject = {{"O", "Host"}}};
    if (!common.empty()) spec.subject.emplace_back("CN", common);
    std::string names;
    for (const std::string& name : san) names += (names.empty() ? "DNS:" : ",DNS:") + name;
    if (!names.empty()) spec.extensions = {{"subjectAltName", names}};
    return make_certificate(spec).certificate;
}

Rule rule_of(Profile profile, const std::string& domain = "example.com") {
    Rule rule;
    rule.domain = domain;
    rule.profile = profile;
    return rule;
}

// "CN~domain" for a match; "fail" for none.
std::string outcome(Profile profile, const x509::Certificate& leaf, const Reached& reached,
                    const std::vector<std::string>& names = {},
                    const std::string& domain = "example.com") {
    Rule rule = rule_of(profile, domain);
    rule.names = names;
    const auto rows = compare_names(rule, leaf, reached, Direction::Outbound);
    if (rows.empty() || rows.back().rule == NameRule::None) return "fail";
    return rows.back().presented.origin + "~" +
           std::string(origin_text(rows.back().reference.origin));
}

std::string verify(const x509::Certificate& leaf, const Reached& reached) {
    return outcome(Profile::CiscoVerify, leaf, reached);
}

std::string hosted(const x509::Certificate& leaf, const Reached& reached) {
    return outcome(Profile::CiscoHosted, leaf, reached);
}

// Which references were compared with which kind of name, in order, each once.
std::vector<std::string> order_of(Profile profile, const x509::Certificate& leaf,
                                  const Reached& reached) {
    std::vector<std::string> order;
    for (const Comparison& row :
         compare_names(rule_of(profile), leaf, reached, Direction::Outbound)) {
        const std::string step = row.presented.origin + "~" + row.reference.name;
        if (order.empty() || order.back() != step) order.push_back(step);
    }
    return order;
}

const std::vector<std::string> kPool = {"*.emailhosted.not", "emailhosted.not"};
const PtrName kConfirmed{.name = "mx0a.emailhosted.not", .confirmed = true};
const PtrName kUnconfirmed{.name = "mx0a.emailhosted.not", .confirmed = false};

struct Row {
    int number;
    std::vector<std::string> san;
    std::string common;
    Reached reached;
    std::string verify;
    std::string hosted;
};

Reached via(const std::string& host, const std::vector<PtrName>& ptr = {},
            const std::vector<std::string>& routes = {}) {
    return {.address = "192.0.2.1", .host = host, .routes = routes, .ptr = ptr, .tlsa = {}};
}

// Semantics 1.9, rows 1 to 10, both modes.
const std::vector<Row>& rows() {
    static const std::vector<Row> all = {
        {1, kPool, "*.emailhosted.not", via("mx01.subd.emailhosted.not", {kConfirmed}), "CN~ptr",
         "fail"},
        {2, kPool, "*.emailhosted.not", via("mx0a.emailhosted.not", {kConfirmed}), "CN~ptr",
         "SAN~mx"},
        {3, kPool, "*.emailhosted.not", via("mx01.subd.emailhosted.not", {kUnconfirmed}), "fail",
         "fail"},
        {4, {"mail.other.not"}, "example.com", via("mx.any.not"), "CN~domain", "fail"},
        {5, {}, "example.com", via("mx.any.not"), "CN~domain", "CN~domain"},
        {6, {"mx.host.not"}, "x", via("mx.host.not"), "fail", "SAN~mx"},
        {7,
         {"relay.host.not"},
         "",
         via("mx.host.not", {}, {"relay.host.not"}),
         "fail",
         "SAN~route"},
        {8, {"mx.host.not"}, "", via("mx.host.not", {}, {"relay.host.not"}), "fail", "fail"},
        {9, {"mx.host.not"}, "", via("mx.host.not", {}, {"192.0.2.9"}), "fail", "SAN~mx"},
        {10,
         {"example.com"},
         "y",
         via("mx.any.not", {}, {"relay.host.not"}),
         "SAN~domain",
         "SAN~domain"},
    };
    return all;
}

TEST(CiscoMatch, EveryRowOfTheTableHoldsInBothModes) {
    for (const Row& row : rows()) {
        const auto leaf = certificate(row.san, row.common);
        EXPECT_EQ(verify(leaf, row.reached), row.verify) << "row " << row.number;
        EXPECT_EQ(hosted(leaf, row.reached), row.hosted) << "row " << row.number;
    }
}

// CI-41: the worked example. The PTR name validates the identity; the MX name is two labels below.
TEST(CiscoMatch, CI41TheWorkedExamplePassesByPtrInVerifyAndFailsInHosted) {
    const auto leaf = certificate(kPool, "*.emailhosted.not");
    for (const auto& [mx, ptr] : {std::pair{"mx01", "mx0a"}, std::pair{"mx02", "mx0b"}}) {
        const Reached reached =
            via(std::string(mx) + ".subd.emailhosted.not",
                {{.name = std::string(ptr) + ".emailhosted.not", .confirmed = true}});
        EXPECT_EQ(verify(leaf, reached), "CN~ptr");
        EXPECT_EQ(hosted(leaf, reached), "fail");
        const auto table =
            compare_names(rule_of(Profile::CiscoHosted), leaf, reached, Direction::Outbound);
        ASSERT_FALSE(table.empty());
        EXPECT_EQ(wildcard_rule(reached.host, "*.emailhosted.not"), NameRule::None);
        EXPECT_THAT(table[2].result.english(), HasSubstr("a wildcard covers one label only"));
    }
}

// CI-01: two stages; a name that matches does not make up for a chain that does not hold.
TEST(CiscoMatch, CI01TheChainIsJudgedBesideTheIdentity) {
    World w;
    w.rule.profile = Profile::CiscoVerify;
    w.show_with([](auto& request) { request.dns_names = {"woodgrovebank.com"}; });
    EXPECT_EQ(w.finding(Direction::Outbound), "proven");
    auto stranger = valija::test::new_authority("Impostor Root");
    w.show(stranger.issue(w.request)->certificate);
    w.evidence.peer_chain.push_back(stranger.root());
    EXPECT_EQ(w.finding(Direction::Outbound), "chain fail UntrustedRoot");
    EXPECT_EQ(w.state_of(StepName::Identity, Direction::Outbound), "pass");
}

// CI-02, CI-04: every row has a reference and a presented identity, with where they come from.
TEST(CiscoMatch, CI02CI04EachComparisonNamesReferenceAndPresentedIdentity) {
    const auto leaf = certificate({"a.not"}, "b.not");
    const auto table = compare_names(rule_of(Profile::CiscoVerify), leaf,
                                     via("mx.host.not", {kConfirmed}), Direction::Outbound);
    ASSERT_EQ(table.size(), 3U);
    EXPECT_EQ(table[0].reference.name, "example.com");
    EXPECT_EQ(table[0].presented.name, "a.not");
    EXPECT_EQ(origin_text(table[2].reference.origin), "ptr");
    EXPECT_EQ(table[2].presented.origin, "CN");
    for (const Comparison& row : table) EXPECT_FALSE(row.result.empty());
}

// CI-03: dNSNames and CNs, and nothing else of a certificate.
TEST(CiscoMatch, CI03OnlyDnsNamesAndCnArePresentedIdentities) {
    const auto leaf =
        make_certificate(
            {.subject = {{"O", "example.com"}, {"OU", "example.com"}},
             .extensions = {{"subjectAltName",
                             "email:postmaster@example.com,URI:https://example.com,IP:192.0.2.1"}}})
            .certificate;
    EXPECT_EQ(verify(leaf, via("mx.host.not")), "fail");
    EXPECT_EQ(hosted(leaf, via("mx.host.not")), "fail");
}

// CI-05, CI-06, CI-07: references come from the rule and from how we got there, never from the
// peer.
TEST(CiscoMatch, CI05CI06CI07ReferencesDoNotDependOnWhatIsPresented) {
    const Reached reached = via("mx.host.not", {kConfirmed});
    const auto references = [&](const x509::Certificate& leaf) {
        std::vector<std::string> all;
        for (const Comparison& row :
             compare_names(rule_of(Profile::CiscoVerify), leaf, reached, Direction::Outbound)) {
            if (std::ranges::find(all, row.reference.name) == all.end()) {
                all.push_back(row.reference.name);
            }
        }
        return all;
    };
    EXPECT_EQ(references(certificate({"a.not"}, "b.not")),
              references(certificate({"c.not", "d.not"}, "evil.not")));
    EXPECT_EQ(verify(certificate({"evil.not"}, "evil.not"), reached), "fail");
}

// CI-08, CI-09, CI-10: the recipient domain first; names set by hand (or pinned from one look-up)
// are references as good, whatever DNS says later.
TEST(CiscoMatch, CI08CI09CI10NamesSetByHandAreStrongReferences) {
    const auto leaf = certificate({"mx1.hoster.not"}, "");
    for (const Profile profile : {Profile::CiscoVerify, Profile::CiscoHosted}) {
        EXPECT_EQ(outcome(profile, leaf, via("other.not"), {"mx1.hoster.not"}), "SAN~names");
        Rule rule = rule_of(profile);
        rule.names = {"mx1.hoster.not"};
        const auto table = compare_names(rule, leaf, via("other.not"), Direction::Outbound);
        EXPECT_EQ(table.front().reference.name, "example.com");
        EXPECT_FALSE(table.back().reference.weak);
    }
}

// CI-12: an empty subject is fine beside a DNS name.
TEST(CiscoMatch, CI12AnEmptySubjectIsFineBesideADnsName) {
    const auto leaf =
        make_certificate(
            {.subject = {}, .extensions = {{"subjectAltName", "critical,DNS:example.com"}}})
            .certificate;
    EXPECT_EQ(leaf->subject, "");
    for (const Profile profile :
         {Profile::CiscoVerify, Profile::CiscoHosted, Profile::Strict, Profile::Exchange}) {
        EXPECT_EQ(outcome(profile, leaf, {}), "SAN~domain");
    }
}

// CI-13, CI-35: the CN is for certificates without DNS names; `cisco-verify` alone looks further.
TEST(CiscoMatch, CI13CI35TheCnCountsOnlyWithoutDnsNames) {
    EXPECT_EQ(hosted(certificate({}, "example.com"), {}), "CN~domain");
    EXPECT_EQ(hosted(certificate({"other.not"}, "example.com"), {}), "fail");
    EXPECT_EQ(verify(certificate({"other.not"}, "example.com"), {}), "CN~domain");
    EXPECT_EQ(verify(certificate({"example.com"}, "example.com"), {}), "SAN~domain");
}

// CI-14: prose in a CN is no name, even where it begins or ends like one.
TEST(CiscoMatch, CI14ACnCountsOnlyInTheFormOfAFullHostName) {
    for (const char* cn : {"Mail server of example.com", "example.com ", "https://example.com",
                           "example", "exämple.com", "example.com.", "*", "*.*.com"}) {
        EXPECT_EQ(
            verify(certificate({}, cn), via("example", {{.name = "example", .confirmed = true}})),
            "fail")
            << cn;
        EXPECT_EQ(hosted(certificate({}, cn), via("example")), "fail") << cn;
    }
}

// CI-15: each reference with each presented identity until one matches.
TEST(CiscoMatch, CI15EveryPresentedNameIsTriedUntilOneMatches) {
    const auto leaf = certificate({"a.not", "b.not", "example.com", "c.not"}, "");
    const auto table =
        compare_names(rule_of(Profile::CiscoHosted), leaf, via("mx.host.not"), Direction::Outbound);
    ASSERT_EQ(table.size(), 3U) << "the names behind the match are not looked at";
    EXPECT_EQ(table.back().presented.name, "example.com");
    EXPECT_EQ(table.back().rule, NameRule::Exact);
}

// CI-26: `~=` is exact or a wildcard for one whole left-most label.
TEST(CiscoMatch, CI26ExactOrWildcard) {
    const auto both = [](const char* name) {
        const std::string by_san = hosted(certificate({name}, ""), via("mx.host.example"));
        return by_san;
    };
    EXPECT_EQ(both("mx.host.example"), "SAN~mx");
    EXPECT_EQ(both("MX.Host.Example"), "SAN~mx");
    EXPECT_EQ(both("*.host.example"), "SAN~mx");
    for (const char* name : {"*.example", "m*.host.example", "mx.*.example", "*.mx.host.example",
                             "*.host.example.not", "host.example", "*", "*.com"}) {
        EXPECT_EQ(both(name), "fail") << name;
    }
}

// CI-27, CI-29, CI-30, CI-33: the order of `cisco-verify`.
TEST(CiscoMatch, CI27CI29CI30CI33VerifyComparesInItsOrder) {
    const Reached reached = via("mx.host.not", {kConfirmed});
    EXPECT_THAT(order_of(Profile::CiscoVerify, certificate({"a.not"}, "b.not"), reached),
                ElementsAre("SAN~example.com", "CN~example.com", "CN~mx0a.emailhosted.not"));
    EXPECT_THAT(order_of(Profile::CiscoVerify, certificate({}, "b.not"), reached),
                ElementsAre("CN~example.com", "CN~mx0a.emailhosted.not"));
    EXPECT_THAT(order_of(Profile::CiscoVerify, certificate({"example.com"}, "b.not"), reached),
                ElementsAre("SAN~example.com"));
    EXPECT_THAT(order_of(Profile::CiscoVerify, certificate({"a.not"}, "example.com"), reached),
                ElementsAre("SAN~example.com", "CN~example.com"));
}

// CI-28, CI-29: the PTR name is compared with the CN only.
TEST(CiscoMatch, CI28CI29ThePtrNameIsNeverComparedWithADnsName) {
    const Reached reached = via("mx.host.not", {kConfirmed});
    EXPECT_EQ(verify(certificate({"mx0a.emailhosted.not"}, "other.not"), reached), "fail");
    EXPECT_EQ(verify(certificate({"x.not"}, "mx0a.emailhosted.not"), reached), "CN~ptr");
}

// CI-31: only a PTR name that leads back to the address counts, and the ladder says so.
TEST(CiscoMatch, CI31APtrNameThatIsNotConfirmedDoesNotCount) {
    const auto leaf = certificate({}, "mx0a.emailhosted.not");
    EXPECT_EQ(verify(leaf, via("mx.host.not", {kUnconfirmed})), "fail");
    EXPECT_EQ(verify(leaf, via("mx.host.not", {kUnconfirmed, kConfirmed})), "CN~ptr");
    World w;
    w.rule.profile = Profile::CiscoVerify;
    w.reached = via("mx.host.not", {kUnconfirmed});
    w.show_with([](auto& request) {
        request.common_name = "mx0a.emailhosted.not";
        request.dns_names.clear();
    });
    EXPECT_EQ(w.finding(Direction::Outbound), "identity fail SubjectMismatch");
    EXPECT_THAT(w.evidence_of(StepName::Identity, Direction::Outbound),
                HasSubstr("the PTR name mx0a.emailhosted.not does not count: its address is not "
                          "192.0.2.1"));
}

// CI-32: no MX host name in `cisco-verify`.
TEST(CiscoMatch, CI32VerifyNeverComparesMxNames) {
    EXPECT_EQ(verify(certificate({"mx.host.not"}, "mx.host.not"), via("mx.host.not")), "fail");
    for (const std::string& step :
         order_of(Profile::CiscoVerify, certificate({"a.not"}, "b.not"), via("mx.host.not"))) {
        EXPECT_THAT(step, Not(HasSubstr("mx.host.not")));
    }
}

// CI-34: with any dNSName, no match means failure, whatever the CN says; and it is told.
TEST(CiscoMatch, CI34HostedNeverFallsBackToTheCn) {
    World w;
    w.rule.profile = Profile::CiscoHosted;
    w.reached = via("mx.host.not");
    w.show_with([](auto& request) {
        request.common_name = "woodgrovebank.com";
        request.dns_names = {"other.not"};
    });
    EXPECT_EQ(w.finding(Direction::Outbound), "identity fail SubjectMismatch");
    EXPECT_THAT(w.evidence_of(StepName::Identity, Direction::Outbound),
                HasSubstr("has DNS names, so its CN does not count"));
}

// CI-36, CI-37: the order of `cisco-hosted`, and the hard stop behind routes.
TEST(CiscoMatch, CI36CI37HostedComparesDomainThenRoutesElseMx) {
    const auto leaf = certificate({"a.not"}, "");
    EXPECT_THAT(order_of(Profile::CiscoHosted, leaf, via("mx.host.not", {kConfirmed})),
                ElementsAre("SAN~example.com", "SAN~mx.host.not"));
    const Reached routed = via("mx.host.not", {kConfirmed}, {"relay1.host.not", "relay2.host.not"});
    EXPECT_THAT(order_of(Profile::CiscoHosted, leaf, routed),
                ElementsAre("SAN~example.com", "SAN~relay1.host.not", "SAN~relay2.host.not"));
    EXPECT_EQ(hosted(certificate({"relay2.host.not"}, ""), routed), "SAN~route");
    EXPECT_EQ(hosted(certificate({"mx.host.not"}, ""), routed), "fail");
}

// CI-38: a route that is an address has no name: recipient domain, then MX.
TEST(CiscoMatch, CI38ARouteByAddressFallsBackToTheMxName) {
    const auto leaf = certificate({"mx.host.not"}, "");
    for (const char* route : {"192.0.2.9", "2001:db8::9", "[192.0.2.9]"}) {
        EXPECT_EQ(hosted(leaf, via("mx.host.not", {}, {route})), "SAN~mx") << route;
    }
    EXPECT_EQ(hosted(leaf, via("mx.host.not", {}, {"192.0.2.9", "relay.host.not"})), "fail")
        << "a route with a name stops before the MX";
    EXPECT_EQ(hosted(certificate({"192.0.2.9"}, ""), via("", {}, {"192.0.2.9"})), "fail");
}

// CI-39: any of the route names may match, whichever of them we connected to.
TEST(CiscoMatch, CI39AnyRouteNameOfTheDomainMatches) {
    const Reached reached = via("", {}, {"relay1.host.not", "relay2.host.not"});
    for (const char* name : {"relay1.host.not", "relay2.host.not", "*.host.not"}) {
        EXPECT_EQ(hosted(certificate({name}, ""), reached), "SAN~route") << name;
    }
}

// CI-40: the same certificate, reached by MX or by route: other references, another verdict.
TEST(CiscoMatch, CI40HowThePeerWasReachedChangesTheReferences) {
    const auto leaf = certificate({"mx.host.not"}, "");
    EXPECT_EQ(hosted(leaf, via("mx.host.not")), "SAN~mx");
    EXPECT_EQ(hosted(leaf, via("mx.host.not", {}, {"relay.host.not"})), "fail");
    EXPECT_EQ(hosted(leaf, via("")), "fail");
}

// Semantics 1.10: what comes from unsigned DNS proves the path, with a warning that says so.
TEST(CiscoMatch, AMatchByUnsignedDnsIsAWarningWithAFix) {
    World w;
    w.rule.profile = Profile::CiscoHosted;
    w.reached = via("mx1.hoster.example");
    w.show_with([](auto& request) { request.dns_names = {"mx1.hoster.example"}; });
    EXPECT_EQ(w.finding(Direction::Outbound), "proven");
    EXPECT_EQ(w.state_of(StepName::Identity, Direction::Outbound), "warn");
    EXPECT_THAT(w.evidence_of(StepName::Identity, Direction::Outbound),
                HasSubstr("weak: from unsigned DNS"));
    const Ladder ladder = w.judged(Direction::Outbound);
    EXPECT_THAT(ladder.find(StepName::Identity)->fix.english(), HasSubstr("valija partner pin"));
    w.reached.host_is_secure = true;
    EXPECT_EQ(w.state_of(StepName::Identity, Direction::Outbound), "pass") << "DNSSEC made it firm";
    w.reached.host_is_secure = false;
    w.rule.names = {"mx1.hoster.example"};
    EXPECT_EQ(w.state_of(StepName::Identity, Direction::Outbound), "pass") << "pinned (CI-10)";
    w.rule.names.clear();
    w.rule.profile = Profile::CiscoVerify;
    w.reached.ptr = {{.name = "mx1.hoster.example", .confirmed = true}};
    w.show_with([](auto& request) {
        request.dns_names.clear();
        request.common_name = "mx1.hoster.example";
    });
    EXPECT_EQ(w.state_of(StepName::Identity, Direction::Outbound), "warn") << "PTR is weak always";
}

// Our rule (semantics 1.5): a verdict is of one recipient domain, and never reused for another.
TEST(CiscoMatch, AVerdictForOneDomainIsNoneForAnother) {
    const auto leaf = certificate({"one.example"}, "");
    EXPECT_EQ(outcome(Profile::CiscoHosted, leaf, {}, {}, "one.example"), "SAN~domain");
    EXPECT_EQ(outcome(Profile::CiscoHosted, leaf, {}, {}, "two.example"), "fail");
}

}  // namespace
}  // namespace valija::identity
