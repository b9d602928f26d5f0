// The steps before the judgement, and what a session says of them: EX-08, EX-68, CI-31, CI-40.
#include "transport/deliver/path_ladder.hpp"

#include <gmock/gmock.h>

namespace valija::deliver {
namespace {

using identity::Actor;
using identity::Ladder;
using identity::Reason;
using identity::Step;
using identity::StepName;
using identity::StepState;
using testing::HasSubstr;

const Remote kRemote{.host = "mail.woodgrovebank.com", .address = "192.0.2.1:25"};

route::Plan plan() {
    route::Plan made;
    made.domain = "woodgrovebank.com";
    made.partner = std::make_shared<partners::PartnerRules>();
    made.reason = say("partner {} ({}): {} = {}", "woodgrovebank", "etc/partners.d/w.toml:3",
                      "send", "enforce");
    made.dns = say("MX {} ({})", "10 mail.woodgrovebank.com", say("DNSSEC-validated"));
    return made;
}

Step failure(const Ladder& ladder) {
    EXPECT_NE(ladder.first_failure(), nullptr);
    return *ladder.first_failure();
}

Heard heard(std::string greeting, std::vector<std::string> offers) {
    return {.greeting = std::move(greeting),
            .offers = std::move(offers),
            .refused_hello = {},
            .reached = {}};
}

// EX-08: a firewall that writes X over the offer is told from a server that has none.
TEST(PathLadder, EX08AnOfferOverwrittenByAFirewallIsNamed) {
    for (const std::string masked : {"XXXXXXXA", "XXXXXXXX", "XXXXXXXB", "********"}) {
        const Step step = failure(ladder_without_starttls(
            plan(), kRemote, heard("220 mail ESMTP", {"PIPELINING", masked})));
        EXPECT_EQ(step.name, StepName::StartTls);
        EXPECT_EQ(step.reason, Reason::NoTls);
        EXPECT_THAT(step.evidence.english(), HasSubstr("altered on the way"));
        EXPECT_THAT(step.evidence.english(), HasSubstr(masked));
        EXPECT_THAT(step.fix.english(), HasSubstr("no inspect esmtp"));
    }
}

TEST(PathLadder, EX08AMaskedGreetingIsNamed) {
    const Step step = failure(ladder_without_starttls(
        plan(), kRemote, heard("220 ****************************0*2****", {"SIZE 0"})));
    EXPECT_THAT(step.evidence.english(), HasSubstr("removed on the way"));
    EXPECT_THAT(step.fix.english(), HasSubstr("fixup protocol smtp"));
}

TEST(PathLadder, EX08ARefusedEhloIsNamed) {
    Heard said = heard("220 mail ESMTP", {});
    said.refused_hello = "500 command unrecognized: \"XXXX mail.contoso.com\"";
    const Step step = failure(ladder_without_starttls(plan(), kRemote, said));
    EXPECT_THAT(step.evidence.english(), HasSubstr("EHLO was refused (500"));
    EXPECT_THAT(step.fix.english(), HasSubstr("ESMTP"));
}

TEST(PathLadder, EX08AServerWithoutStartTlsIsNoFirewall) {
    const Step step =
        failure(ladder_without_starttls(plan(), kRemote, heard("220 mail", {"SIZE 0", "XEXCH50"})));
    EXPECT_THAT(step.evidence.english(), HasSubstr("does not offer STARTTLS (it offers: SIZE 0"));
    EXPECT_EQ(step.actor, Actor::Partner);
}

TEST(PathLadder, EX08AnOfferThatIsThenRefusedHasTheReplyAsEvidence) {
    const Step step =
        failure(ladder_refused_at(plan(), kRemote, heard("220 mail", {"STARTTLS"}),
                                  smtp::Phase::StartTls, "454 4.7.0 TLS not available"));
    EXPECT_EQ(step.name, StepName::StartTls);
    EXPECT_EQ(step.reason, Reason::NoTls);
    EXPECT_THAT(step.evidence.english(), HasSubstr("454 4.7.0 TLS not available"));
}

TEST(PathLadder, CapabilitiesOfRealServersAreNoMasks) {
    for (const std::string line :
         {"STARTTLS", "XEXCH50", "X-EXPS GSSAPI", "XRDST", "XXX", "XCLIENT NAME ADDR", ""}) {
        EXPECT_FALSE(is_masked_offer(line)) << line;
    }
}

// The server refuses our certificate: the same step and reason in TLS 1.2 and 1.3.
TEST(PathLadder, EX01ARefusalOfOurCertificateIsTheOwnCertificateStepInBothVersions) {
    const Step in_handshake = failure(
        ladder_broken_handshake(plan(), kRemote, heard("220 mail", {"STARTTLS"}),
                                {FaultKind::Network, "TLS handshake", "tlsv1 alert unknown ca"}));
    Ladder judged;
    judged.add({.name = StepName::OwnCertificate,
                .state = StepState::Pass,
                .evidence = say("we showed {}", "CN=mail.contoso.com")});
    judged.conclude();
    const Step afterwards =
        failure(with_refused_certificate(judged, "tlsv13 alert certificate required"));
    for (const Step& step : {in_handshake, afterwards}) {
        EXPECT_EQ(step.name, StepName::OwnCertificate);
        EXPECT_EQ(step.reason, Reason::NoClientCertificate);
        EXPECT_THAT(step.evidence.english(), HasSubstr("refused our certificate"));
        EXPECT_THAT(step.fix.english(), HasSubstr("trust the CA"));
    }
}

TEST(PathLadder, EX01AServerThatOnlyLeavesAfterTheHandshakeMakesItUnknown) {
    Ladder judged;
    judged.add({.name = StepName::OwnCertificate,
                .state = StepState::Pass,
                .evidence = say("we showed {}", "CN=mail.contoso.com")});
    judged.conclude();
    const Step step = failure(with_refused_certificate(judged, "reading: the connection ended"));
    EXPECT_EQ(step.state, StepState::Unknown);
    EXPECT_THAT(step.evidence.english(), HasSubstr("then ended the session"));
}

TEST(PathLadder, AHandshakeWithoutCommonGroundSaysWhatWeNeed) {
    const auto broken = [](const char* words, FaultKind kind = FaultKind::Network) {
        return failure(ladder_broken_handshake(plan(), kRemote, {}, {kind, "TLS handshake", words}))
            .evidence.english();
    };
    EXPECT_THAT(broken("unsupported protocol"), HasSubstr("TLS 1.2 or newer"));
    EXPECT_THAT(broken("sslv3 alert handshake failure"), HasSubstr("TLS 1.2 or newer"));
    EXPECT_THAT(broken("wrong version number"), HasSubstr("something else than TLS"));
    EXPECT_THAT(broken("plaintext behind STARTTLS", FaultKind::Input), HasSubstr("plaintext"));
    EXPECT_THAT(broken("the connection ended"), HasSubstr("handshake failed"));
}

// CI-31, CI-40: how the peer was reached is told with the connection; DNS with its signature.
TEST(PathLadder, TheStepsDnsAndTcpHaveEvidenceInBothLanguages) {
    Heard said;
    said.reached.ptr = {{.name = "mail.woodgrovebank.com", .confirmed = true},
                        {.name = "liar.example", .confirmed = false}};
    const Ladder ladder = ladder_before_handshake(plan(), kRemote, said);
    EXPECT_EQ(ladder.find(StepName::Dns)->evidence.in(Language::Spanish),
              "MX 10 mail.woodgrovebank.com (validado con DNSSEC)");
    const std::string tcp = ladder.find(StepName::Tcp)->evidence.english();
    EXPECT_THAT(tcp, HasSubstr("PTR mail.woodgrovebank.com (confirmed)"));
    EXPECT_THAT(tcp, HasSubstr("PTR liar.example (not confirmed"));
}

TEST(PathLadder, AForgedAnswerOfDnsIsThePartnersZoneNotOurResolver) {
    route::Plan failed = plan();
    failed.kind = route::Kind::Forged;
    const Step step = failure(
        ladder_without_host(failed, "looking up x: the answer fails validation: no signature"));
    EXPECT_EQ(step.name, StepName::Dns);
    EXPECT_EQ(step.state, StepState::Unknown);
    EXPECT_EQ(step.actor, Actor::Partner);
    EXPECT_THAT(step.evidence.english(), HasSubstr("DNSSEC"));
}

}  // namespace
}  // namespace valija::deliver
