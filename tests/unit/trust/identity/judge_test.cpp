// The judge's steps, each way to pass and to fail: EX-01, EX-13, EX-20..EX-34, EX-74;
// semantics 2.8, 2.9; the words of design 3c.
#include "trust/identity/judge.hpp"

#include <gmock/gmock.h>

#include "unit/trust/identity/judge_world.hpp"

namespace valija::identity {
namespace {

using namespace std::chrono_literals;
using test::kDay;
using test::kNow;
using test::kUrl;
using test::World;
using testing::HasSubstr;
using valija::test::anchors_of;
using valija::test::make_certificate;
using valija::test::new_authority;
using valija::test::of_leaf;

std::vector<WantedList> wanted(const Rule& rule, const x509::Evidence& evidence, Time now,
                               const revocation::Book& book = {}) {
    return wanted_lists(rule, evidence, {}, Direction::Inbound, book, now);
}

std::vector<WantedList> wanted(const World& w, Time now) {
    return wanted(w.rule, w.evidence, now, revocation::Book(w.lists));
}

std::vector<std::string> urls(const std::vector<WantedList>& lists) {
    std::vector<std::string> all;
    for (const WantedList& list : lists) all.push_back(list.url);
    return all;
}

constexpr Direction kBoth[] = {Direction::Inbound, Direction::Outbound};

std::vector<std::string_view> step_names(const Ladder& ladder) {
    std::vector<std::string_view> names;
    for (const Step& step : ladder.steps) names.push_back(step_text(step.name));
    return names;
}

// EX-01: each side's certificate is a step of the outbound ladder.
TEST(Judge, AllGoodIsProvenByEveryStepInItsOrder) {
    const World w;
    const Ladder in = w.judged(Direction::Inbound);
    EXPECT_TRUE(in.is_proven()) << ladder_text(in, Show::All);
    EXPECT_THAT(step_names(in), testing::ElementsAre("handshake", "chain", "dates", "revocation",
                                                     "usage", "identity", "verdict"));
    const Ladder out = w.judged(Direction::Outbound);
    EXPECT_TRUE(out.is_proven()) << ladder_text(out, Show::All);
    EXPECT_THAT(step_names(out),
                testing::ElementsAre("handshake", "chain", "dates", "revocation", "usage",
                                     "identity", "own-certificate", "verdict"));
    for (const Step& step : out.steps) {
        EXPECT_EQ(step.state, StepState::Pass) << step_text(step.name);
        EXPECT_EQ(step.reason, Reason::None) << step_text(step.name);
        EXPECT_EQ(step.fix.english(), "") << step_text(step.name);
        EXPECT_NE(step.evidence.english(), "") << step_text(step.name);
    }
}

TEST(Judge, StepsTakenBeforeStayInFrontAndCount) {
    const World w;
    Ladder before;
    before.add({.name = StepName::Policy,
                .state = StepState::Pass,
                .evidence = Text::verbatim("partner")});
    before.add(
        {.name = StepName::Dns, .state = StepState::Fail, .evidence = Text::verbatim("no answer")});
    const Ladder ladder =
        judge(w.rule, w.evidence, {}, Direction::Inbound, revocation::Book(w.lists), w.now, before);
    ASSERT_GE(ladder.steps.size(), 3U);
    EXPECT_EQ(ladder.steps[0].name, StepName::Policy);
    EXPECT_EQ(ladder.steps[1].name, StepName::Dns);
    EXPECT_EQ(ladder.steps[2].name, StepName::Handshake);
    EXPECT_FALSE(ladder.is_proven());
}

// Fails closed: nothing seen is nothing proven.
TEST(Judge, EmptyEvidenceIsNeverProven) {
    World w;
    w.evidence = {};
    for (const Direction direction : kBoth) {
        EXPECT_EQ(w.finding(direction), "handshake fail NoClientCertificate");
        EXPECT_EQ(w.state_of(StepName::Chain, direction), "absent");
        EXPECT_EQ(w.state_of(StepName::Identity, direction), "absent");
    }
    EXPECT_EQ(w.judged(Direction::Inbound).first_failure()->actor, Actor::Partner);
}

TEST(Judge, AnEmptyRuleProvesNothing) {
    World w;
    w.rule = {};
    for (const Direction direction : kBoth) {
        EXPECT_FALSE(w.judged(direction).is_proven());
        EXPECT_EQ(w.state_of(StepName::Chain, direction), "fail");
        EXPECT_EQ(w.state_of(StepName::Identity, direction), "fail");
    }
}

// EX-20, EX-23: trust ends at the partner's own anchors.
TEST(Judge, AnotherCaIsAnUntrustedRootAndItsPrintIsShown) {
    World w;
    auto other = new_authority("Impostor Root");
    w.show(other.issue(w.request)->certificate);
    w.evidence.peer_chain.push_back(other.root());
    for (const Direction direction : kBoth) {
        EXPECT_EQ(w.finding(direction), "chain fail UntrustedRoot");
        EXPECT_EQ(w.judged(direction).first_failure()->actor, Actor::You);
    }
    EXPECT_THAT(w.evidence_of(StepName::Chain),
                HasSubstr("CN=Impostor Root (SHA-256 " + other.root()->sha256.substr(0, 16)));
}

TEST(Judge, ASelfSignedCertificateIsAnUntrustedRootUnlessItIsAnAnchor) {
    World w;
    const auto own = make_certificate({.extensions = of_leaf("mail.woodgrovebank.com")});
    w.show(own.certificate);
    EXPECT_EQ(w.finding(), "chain fail UntrustedRoot");
    w.rule.anchors = anchors_of({own.certificate});
    EXPECT_EQ(w.finding(), "proven") << "EX-12";
    EXPECT_EQ(w.state_of(StepName::Revocation), "n/a");
}

TEST(Judge, AnIssuerThatIsMissingIsAnIncompleteChain) {
    World w;
    auto issuing = w.ca.issue_authority("Woodgrove Issuing", kNow - kDay, kNow + kDay * 60, {});
    w.show(issuing->issue(w.request)->certificate);
    EXPECT_EQ(w.finding(), "chain fail IncompleteChain");
    EXPECT_EQ(w.judged().first_failure()->actor, Actor::You);
}

TEST(Judge, AKeyThatIsTooShortIsAWeakKey) {
    World w;
    w.show_with([](auto& request) { request.key = authority::KeyType::Rsa1024; });
    for (const Direction direction : kBoth) EXPECT_EQ(w.finding(direction), "chain fail WeakKey");
    EXPECT_EQ(w.judged().first_failure()->actor, Actor::Partner);
}

TEST(Judge, AWeakKeyOfAnAuthorityIsForTheAuthority) {
    World w;
    w.rule.revocation = RevocationMode::Off;
    const auto root = valija::test::issuer_of(w.ca);
    const auto weak = make_certificate({.subject = {{"CN", "Weak CA"}},
                                        .extensions = valija::test::of_authority(),
                                        .rsa_bits = 1024},
                                       &root);
    w.evidence.peer_chain = {
        make_certificate({.extensions = of_leaf("mail.woodgrovebank.com")}, &weak).certificate,
        weak.certificate};
    EXPECT_EQ(w.finding(), "chain fail WeakKey");
    EXPECT_EQ(w.judged().first_failure()->actor, Actor::Ca);
}

// The leaf says where its issuer's certificate lies: it is an intermediate that was not sent.
TEST(Judge, AnIntermediateThatTheLeafNamesIsForThePartnerToSend) {
    World w;
    const auto root = valija::test::issuer_of(w.ca);
    const auto middle = make_certificate(
        {.subject = {{"CN", "Middle CA"}}, .extensions = valija::test::of_authority()}, &root);
    w.show(make_certificate({.extensions = of_leaf("mail.woodgrovebank.com",
                                                   {{"authorityInfoAccess",
                                                     "caIssuers;URI:http://ca.example/middle"}})},
                            &middle)
               .certificate);
    EXPECT_EQ(w.finding(), "chain fail IncompleteChain");
    EXPECT_EQ(w.judged().first_failure()->actor, Actor::Partner);
    EXPECT_THAT(w.evidence_of(StepName::Chain), HasSubstr("the issuer CN=Middle CA was not sent"));
    EXPECT_THAT(w.evidence_of(StepName::Chain), HasSubstr("http://ca.example/middle"));
}

TEST(Judge, AnAnchorOfTheSameNameAndAnotherKeyIsNamed) {
    World w;
    auto impostor = new_authority("Woodgrove Root");
    w.show(impostor.issue(w.request)->certificate);
    EXPECT_EQ(w.finding(), "chain fail UntrustedRoot");
    EXPECT_THAT(w.evidence_of(StepName::Chain), HasSubstr("has another key"));
    EXPECT_EQ(w.judged().first_failure()->actor, Actor::Partner);
}

// EX-24: a path over a certificate that is revoked is left for one that is not.
TEST(Judge, EX24ACrossCertificateStandsInForOneThatIsRevoked) {
    World w;
    const std::string url = "http://crl.example/root.crl";
    const auto root = valija::test::issuer_of(w.ca);
    const auto issuing = make_certificate(
        {.subject = {{"CN", "Issuing CA"}},
         .serial = "77",
         .extensions = valija::test::of_authority({{"crlDistributionPoints", "URI:" + url}})},
        &root);
    auto other = new_authority("Second Root");
    const auto second = valija::test::issuer_of(other);
    const auto cross = valija::test::make_certificate(
        {.subject = {{"CN", "Issuing CA"}},
         .serial = "78",
         .extensions = valija::test::of_authority({{"crlDistributionPoints", "URI:" + url + "2"}}),
         .subject_key = issuing.key},
        &second);
    w.rule.anchors = anchors_of({w.ca.root(), other.root()});
    const auto leaf =
        make_certificate({.extensions = of_leaf("mail.woodgrovebank.com",
                                                {{"crlDistributionPoints", "URI:" + kUrl}})},
                         &issuing);
    w.evidence.peer_chain = {leaf.certificate, issuing.certificate, cross.certificate};
    w.know_list(kUrl, valija::test::make_crl({}, issuing), issuing.certificate);
    w.know_list(url, valija::test::make_crl({.revoked = {{.serial = "77"}}}, root), w.ca.root());
    EXPECT_EQ(w.finding(), "revocation unknown RevocationOffline");
    EXPECT_THAT(urls(wanted(w, kNow)), testing::ElementsAre(kUrl, url + "2"))
        << "the lists of the path that is judged, not of the one that was left";
    w.know_list(url + "2", valija::test::make_crl({}, second), other.root());
    EXPECT_EQ(w.finding(), "proven") << w.evidence_of(StepName::Revocation);
    EXPECT_THAT(w.evidence_of(StepName::Chain), HasSubstr("Second Root"));
    w.evidence.peer_chain.pop_back();
    EXPECT_EQ(w.finding(), "revocation fail Revoked");
    EXPECT_FALSE(lacks_revocation(w.judged())) << "what is revoked needs no list to be fetched";
}

// An authority above the leaf may forbid the purpose, whatever the leaf says.
TEST(Judge, TheUsageOfAnAuthorityCountsInBothDirections) {
    World w;
    w.rule.revocation = RevocationMode::Off;
    const auto root = valija::test::issuer_of(w.ca);
    const auto servers = make_certificate(
        {.subject = {{"CN", "Servers CA"}},
         .extensions = valija::test::of_authority({{"extendedKeyUsage", "serverAuth"}})},
        &root);
    w.evidence.peer_chain = {
        make_certificate({.extensions = of_leaf("mail.woodgrovebank.com",
                                                {{"extendedKeyUsage", "serverAuth,clientAuth"}})},
                         &servers)
            .certificate,
        servers.certificate};
    EXPECT_EQ(w.finding(Direction::Outbound), "proven");
    EXPECT_EQ(w.finding(Direction::Inbound), "usage fail UsageInvalid");
    EXPECT_EQ(w.state_of(StepName::Chain), "pass");
    w.rule.client_eku = ClientEku::ServerAuthTolerated;
    EXPECT_EQ(w.finding(Direction::Inbound), "proven");
    EXPECT_EQ(w.state_of(StepName::Usage), "warn");
}

// The tolerance is for servers' certificates: neither leaf nor CA of another purpose passes by it.
TEST(Judge, TheToleranceDoesNotReachOtherPurposesOfAuthorities) {
    World w;
    w.rule.revocation = RevocationMode::Off;
    w.rule.client_eku = ClientEku::ServerAuthTolerated;
    const auto root = valija::test::issuer_of(w.ca);
    const auto signers = make_certificate(
        {.subject = {{"CN", "Code CA"}},
         .extensions = valija::test::of_authority({{"extendedKeyUsage", "codeSigning"}})},
        &root);
    for (const char* usage : {"codeSigning", "serverAuth", "clientAuth"}) {
        w.evidence.peer_chain = {
            make_certificate(
                {.extensions = of_leaf("mail.woodgrovebank.com", {{"extendedKeyUsage", usage}})},
                &signers)
                .certificate,
            signers.certificate};
        EXPECT_EQ(w.finding(Direction::Inbound), "usage fail UsageInvalid") << usage;
    }
}

// What is tolerated must hold as a server's certificate.
TEST(Judge, TheToleranceDoesNotReachALeafThatIsForClientsBelowACaForServers) {
    World w;
    w.rule.revocation = RevocationMode::Off;
    w.rule.client_eku = ClientEku::ServerAuthTolerated;
    const auto root = valija::test::issuer_of(w.ca);
    const auto servers = make_certificate(
        {.subject = {{"CN", "Servers CA"}},
         .extensions = valija::test::of_authority({{"extendedKeyUsage", "serverAuth"}})},
        &root);
    w.evidence.peer_chain = {
        make_certificate(
            {.extensions = of_leaf("mail.woodgrovebank.com", {{"extendedKeyUsage", "clientAuth"}})},
            &servers)
            .certificate,
        servers.certificate};
    EXPECT_EQ(w.finding(Direction::Inbound), "usage fail UsageInvalid");
}

TEST(Judge, AnIssuerThatIsNoAuthorityViolatesAConstraint) {
    World w;
    const auto root = valija::test::issuer_of(w.ca);
    const auto leaf = make_certificate(
        {.subject = {{"CN", "a"}}, .extensions = of_leaf("a.woodgrovebank.com")}, &root);
    w.evidence.peer_chain = {
        make_certificate({.extensions = of_leaf("mail.woodgrovebank.com")}, &leaf).certificate,
        leaf.certificate};
    EXPECT_EQ(w.finding(), "chain fail ConstraintViolation");
    EXPECT_EQ(w.judged().first_failure()->actor, Actor::Ca);
}

// The same name, another key: nothing of the partner's CA signed it.
TEST(Judge, AForgedSignatureIsNeverBelieved) {
    World w;
    auto impostor = new_authority("Woodgrove Root");
    w.show(impostor.issue(w.request)->certificate);
    for (const Direction direction : kBoth) {
        EXPECT_FALSE(w.judged(direction).is_proven());
        EXPECT_EQ(w.state_of(StepName::Chain, direction), "fail");
    }
}

// Each end of the validity counts as within it (RFC 5280 4.1.2.5).
TEST(Judge, TheDatesHoldFromNotBeforeToNotAfterExactly) {
    World w;
    w.rule.revocation = RevocationMode::Off;
    const auto at = [&w](Time now) {
        w.now = now;
        return w.finding();
    };
    EXPECT_EQ(at(w.request.not_before), "proven");
    EXPECT_EQ(at(w.request.not_before - 1s), "dates fail DateInvalid");
    EXPECT_EQ(at(w.request.not_after), "proven");
    EXPECT_EQ(at(w.request.not_after + 1s), "dates fail DateInvalid");
}

TEST(Judge, AnExpiredCertificateIsNamedWithItsDatesAndTheTime) {
    World w;
    w.rule.revocation = RevocationMode::Off;
    w.now = w.request.not_after + kDay;
    const std::string text = w.evidence_of(StepName::Dates);
    EXPECT_THAT(text, HasSubstr("CN=mail.woodgrovebank.com is expired"));
    EXPECT_THAT(text, HasSubstr(iso_time(w.request.not_after)));
    EXPECT_THAT(text, HasSubstr(iso_time(w.now)));
    EXPECT_EQ(w.state_of(StepName::Chain), "pass") << "dates are a step of their own";
    w.now = w.request.not_before - kDay / 24 * 2;
    EXPECT_THAT(w.evidence_of(StepName::Dates), HasSubstr("is not valid yet"));
}

TEST(Judge, AnExpiredIssuerIsADateToo) {
    World w;
    w.rule.revocation = RevocationMode::Off;
    auto issuing = w.ca.issue_authority("Woodgrove Issuing", kNow - kDay, kNow - 1s, {});
    w.show(issuing->issue(w.request)->certificate);
    w.evidence.peer_chain.push_back(issuing->root());
    EXPECT_EQ(w.finding(), "dates fail DateInvalid");
    EXPECT_THAT(w.evidence_of(StepName::Dates), HasSubstr("CN=Woodgrove Issuing is expired"));
}

TEST(Judge, TheSameArgumentsGiveTheSameLadder) {
    const World w;
    EXPECT_EQ(w.judged().record(), w.judged().record());
    World later = w;
    later.now = w.request.not_after + kDay;
    EXPECT_FALSE(later.judged().is_proven()) << "time is an argument and nothing else";
    EXPECT_TRUE(w.judged().is_proven());
}

// EX-27, EX-28, EX-30: unknown is not good, and not revoked.
TEST(Judge, RequiredRevocationWithoutAListIsUnknown) {
    World w;
    w.lists.clear();
    for (const Direction direction : kBoth) {
        EXPECT_EQ(w.finding(direction), "revocation unknown RevocationOffline");
    }
    EXPECT_THAT(w.evidence_of(StepName::Revocation), HasSubstr(kUrl));
}

TEST(Judge, BestEffortWarnsWhereNoListIsThere) {
    World w;
    w.lists.clear();
    w.rule.revocation = RevocationMode::BestEffort;
    EXPECT_EQ(w.finding(), "proven");
    EXPECT_EQ(w.state_of(StepName::Revocation), "warn");
}

TEST(Judge, RevocationThatIsOffIsNotLookedAt) {
    World w;
    w.ca.revoke(w.evidence.peer_chain.front(), kNow - 1h);
    w.know(kUrl, w.ca);
    w.rule.revocation = RevocationMode::Off;
    EXPECT_EQ(w.finding(), "proven");
    EXPECT_EQ(w.state_of(StepName::Revocation), "n/a");
}

TEST(Judge, ARevokedCertificateFailsAlsoAtBestEffort) {
    World w;
    w.ca.revoke(w.evidence.peer_chain.front(), kNow - 1h);
    w.know(kUrl, w.ca);
    for (const RevocationMode mode : {RevocationMode::Require, RevocationMode::BestEffort}) {
        w.rule.revocation = mode;
        for (const Direction direction : kBoth) {
            EXPECT_EQ(w.finding(direction), "revocation fail Revoked");
        }
    }
}

TEST(Judge, ACertificateWithoutDistributionPointIsUnknownAndItsCaMustAct) {
    World w;
    w.show_with([](auto& request) { request.crl_urls.clear(); });
    EXPECT_EQ(w.finding(), "proven") << "by the list of its CA that the partner's file names";
    w.lists.clear();
    EXPECT_EQ(w.finding(), "revocation unknown RevocationOffline");
    EXPECT_EQ(w.judged().first_failure()->actor, Actor::Ca);
}

TEST(Judge, AListIsGoodUntilItsEndAndTheGrace) {
    World w;
    w.know(kUrl, w.ca, kNow - kDay, kNow - 1h);
    EXPECT_EQ(w.finding(), "revocation unknown RevocationOffline");
    w.rule.revocation_grace = 1h;
    EXPECT_EQ(w.finding(), "proven");
    w.now = kNow + 1s;
    EXPECT_EQ(w.finding(), "revocation unknown RevocationOffline");
}

// Every certificate below the anchor counts, not the leaf alone.
TEST(Judge, ARevokedOrUnknownIssuerCountsAsMuchAsTheLeaf) {
    World w;
    const std::string root_url = "http://crl.example/root.crl";
    auto issuing =
        w.ca.issue_authority("Woodgrove Issuing", kNow - kDay, kNow + kDay * 60, {root_url});
    w.show(issuing->issue(w.request)->certificate);
    w.evidence.peer_chain.push_back(issuing->root());
    w.know(kUrl, *issuing);
    EXPECT_EQ(w.finding(), "revocation unknown RevocationOffline");
    EXPECT_THAT(w.evidence_of(StepName::Revocation), HasSubstr(root_url));
    w.know(root_url, w.ca);
    EXPECT_EQ(w.finding(), "proven");
    w.ca.revoke(issuing->root(), kNow - 1h);
    w.know(root_url, w.ca);
    EXPECT_EQ(w.finding(), "revocation fail Revoked");
    w.lists.erase(kUrl);
    EXPECT_EQ(w.finding(), "revocation fail Revoked") << "revoked outweighs unknown";
}

TEST(Judge, TheUsageMustFitTheDirection) {
    World w;
    w.show_with([](auto& request) { request.client_auth = false; });
    EXPECT_EQ(w.finding(Direction::Inbound), "usage fail UsageInvalid");
    EXPECT_EQ(w.finding(Direction::Outbound), "proven");
    w.show_with([](auto& request) {
        request.client_auth = true;
        request.server_auth = false;
    });
    EXPECT_EQ(w.finding(Direction::Inbound), "proven");
    EXPECT_EQ(w.finding(Direction::Outbound), "usage fail UsageInvalid");
    w.show_with([](auto& request) { request.with_eku = false; });
    for (const Direction direction : kBoth) EXPECT_EQ(w.finding(direction), "proven");
}

TEST(Judge, AServersCertificateIsToleratedAsAClientsWithAWarning) {
    World w;
    w.rule.client_eku = ClientEku::ServerAuthTolerated;
    w.show_with([](auto& request) { request.client_auth = false; });
    EXPECT_EQ(w.finding(Direction::Inbound), "proven");
    EXPECT_EQ(w.state_of(StepName::Usage), "warn");
    EXPECT_THAT(w.judged().find(StepName::Usage)->fix.english(), HasSubstr("clientAuth"));
}

// The tolerance is for serverAuth as a client, and nothing else.
TEST(Judge, TheToleranceReachesNoFurther) {
    World w;
    w.rule.client_eku = ClientEku::ServerAuthTolerated;
    w.show_with([](auto& request) { request.server_auth = false; });
    EXPECT_EQ(w.finding(Direction::Outbound), "usage fail UsageInvalid");
    const auto root = valija::test::issuer_of(w.ca);
    w.rule.revocation = RevocationMode::Off;
    w.show(make_certificate({.extensions = of_leaf("mail.woodgrovebank.com",
                                                   {{"extendedKeyUsage", "codeSigning"}})},
                            &root)
               .certificate);
    for (const Direction direction : kBoth) {
        EXPECT_EQ(w.finding(direction), "usage fail UsageInvalid");
    }
}

TEST(Judge, AKeyThatMayNotSignIsOfNoUse) {
    World w;
    w.rule.revocation = RevocationMode::Off;
    const auto root = valija::test::issuer_of(w.ca);
    w.show(
        make_certificate({.extensions = of_leaf("mail.woodgrovebank.com",
                                                {{"keyUsage", "critical,keyEncipherment"},
                                                 {"extendedKeyUsage", "clientAuth,serverAuth"}})},
                         &root)
            .certificate);
    EXPECT_EQ(w.finding(), "usage fail UsageInvalid");
}

// EX-116, semantics 2.8: the reference is the partner domain.
TEST(Judge, ANameOfAnotherDomainIsASubjectMismatchThatShowsTheNames) {
    World w;
    w.show_with([](auto& request) {
        request.common_name = "mail1.us.woodgrovebank.com";
        request.dns_names = {"mail1.us.woodgrovebank.com", "evil.not"};
    });
    for (const Direction direction : kBoth) {
        EXPECT_EQ(w.finding(direction), "identity fail SubjectMismatch");
    }
    const std::string text = w.evidence_of(StepName::Identity);
    EXPECT_THAT(text, HasSubstr("mail1.us.woodgrovebank.com (SAN), evil.not (SAN), "
                                "mail1.us.woodgrovebank.com (CN)"));
    EXPECT_THAT(text, HasSubstr("2 labels below the domain"));
}

TEST(Judge, TheIdentityStepSaysWhichNameMatchedAndHow) {
    World w;
    EXPECT_EQ(w.evidence_of(StepName::Identity),
              "mail.woodgrovebank.com matches woodgrovebank.com (one label below)");
    w.show_with([](auto& request) { request.dns_names.clear(); });
    EXPECT_EQ(w.finding(), "proven") << "by the CN alone";
}

TEST(Judge, FurtherNamesOfThePartnerMatchExactlyAndOnlyExactly) {
    World w;
    w.show_with([](auto& request) {
        request.common_name = "hosting";
        request.dns_names = {"MX1.hoster.example", "*.pool.example"};
    });
    EXPECT_EQ(w.finding(), "identity fail SubjectMismatch");
    w.rule.names = {"mx1.hoster.example"};
    EXPECT_EQ(w.finding(), "proven");
    for (const char* name : {"hoster.example", "*.hoster.example", "a.pool.example",
                             "*.pool.example", "x.mx1.hoster.example", ""}) {
        w.rule.names = {name};
        EXPECT_EQ(w.finding(), "identity fail SubjectMismatch") << name;
    }
}

// EX-110 at the judge: look-alike names in a CN prove nothing.
TEST(Judge, ACnWithNonAsciiCharactersProvesNothing) {
    World w;
    w.show_with([](auto& request) {
        request.common_name = "mail.wööd.com";
        request.dns_names.clear();
    });
    EXPECT_EQ(w.finding(), "identity fail SubjectMismatch");
    EXPECT_THAT(w.evidence_of(StepName::Identity),
                HasSubstr("; mail.wööd.com: letters beyond ASCII are never a host name"));
}

TEST(Judge, OutboundOurOwnCertificateMustHaveBeenShown) {
    World w;
    w.evidence.own_chain.clear();
    EXPECT_EQ(w.finding(Direction::Outbound), "own-certificate fail NoClientCertificate");
    EXPECT_EQ(w.judged(Direction::Outbound).first_failure()->actor, Actor::You);
    w.evidence.own_requested = false;
    EXPECT_EQ(w.finding(Direction::Outbound), "own-certificate fail NoClientCertificate");
    EXPECT_EQ(w.judged(Direction::Outbound).first_failure()->actor, Actor::Partner);
    EXPECT_EQ(w.finding(Direction::Inbound), "proven");
}

TEST(Judge, OurOwnExpiredCertificateIsAWarning) {
    World w;
    const Time end = w.evidence.own_chain.front()->not_after;
    w.evidence.own_chain = {make_certificate({.not_after = kNow - 1s}).certificate};
    EXPECT_EQ(w.finding(Direction::Outbound), "proven");
    EXPECT_EQ(w.state_of(StepName::OwnCertificate, Direction::Outbound), "warn");
    EXPECT_EQ(w.judged(Direction::Outbound).find(StepName::OwnCertificate)->actor, Actor::You);
    EXPECT_GT(end, kNow);
}

// What a peer writes into its certificate cannot forge a line or outgrow the queue's record.
TEST(Judge, TextOfThePeerIsEscapedAndBoundedInEveryStep) {
    World w;
    w.lists.clear();
    valija::test::CertificateSpec spec;
    spec.subject = {{"CN", "x\n  pass    verdict"}};
    for (int i = 0; i < 500; ++i) spec.subject.emplace_back("OU", std::string(60, 'o') + "\x1B\t");
    const auto root =
        make_certificate({.subject = {{"CN", "a\nb"}}, .extensions = valija::test::of_authority()});
    w.evidence.peer_chain = {make_certificate(spec, &root).certificate, root.certificate};
    for (const Direction direction : kBoth) {
        const Ladder ladder = w.judged(direction);
        for (const Step& step : ladder.steps) {
            EXPECT_EQ(step.evidence.english().find_first_of("\n\t\x1B"), std::string::npos)
                << step_text(step.name);
            EXPECT_LT(step.evidence.english().size(), 8192U) << step_text(step.name);
        }
        EXPECT_TRUE(Ladder::from_record(ladder.record()));
    }
}

TEST(WantedLists, AreThoseOfEachCertificateBelowTheAnchorWithItsIssuer) {
    World w;
    auto issuing = w.ca.issue_authority("Woodgrove Issuing", kNow - kDay, kNow + kDay * 60,
                                        {"http://crl.example/root.crl"});
    w.show(issuing->issue(w.request)->certificate);
    w.evidence.peer_chain.push_back(issuing->root());
    const auto lists = wanted(w, kNow);
    EXPECT_THAT(urls(lists), testing::ElementsAre(kUrl, "http://crl.example/root.crl"));
    EXPECT_EQ(lists[0].issuer, issuing->root());
    EXPECT_EQ(lists[1].issuer, w.ca.root());
}

TEST(WantedLists, AnExpiredCertificateStillNamesItsLists) {
    const World w;
    EXPECT_THAT(urls(wanted(w, w.request.not_after + kDay)), testing::ElementsAre(kUrl));
}

// A stranger must not make us fetch from places that he names.
TEST(WantedLists, AChainThatReachesNoAnchorWantsNothing) {
    World w;
    auto stranger = new_authority("Impostor Root");
    w.show(stranger.issue(w.request)->certificate);
    w.evidence.peer_chain.push_back(stranger.root());
    EXPECT_THAT(wanted(w, kNow), testing::IsEmpty());

    auto forger = new_authority("Woodgrove Root");
    w.show(forger.issue(w.request)->certificate);
    EXPECT_THAT(wanted(w, kNow), testing::IsEmpty());
    w.evidence.peer_chain.push_back(forger.root());
    EXPECT_THAT(wanted(w, kNow), testing::IsEmpty());

    EXPECT_THAT(wanted(w.rule, {}, kNow), testing::IsEmpty());
    EXPECT_THAT(wanted({}, w.evidence, kNow), testing::IsEmpty());
}

}  // namespace
}  // namespace valija::identity
