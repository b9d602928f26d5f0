// The outbound failure policy: design 3c, semantics 2.9, EX-13, EX-68.
#include "transport/deliver/trouble.hpp"

#include <gtest/gtest.h>

namespace valija::deliver {
namespace {

const Remote kRemote{.host = "mail.woodgrovebank.com", .address = "192.0.2.1:25"};

TEST(Trouble, APermanentReplyIsBelievedOnceThePathMayBeTrusted) {
    const auto trouble =
        from_reply(smtp::reply(550, "5.1.1", "User unknown"), std::nullopt, kRemote, true);
    EXPECT_TRUE(trouble.permanent);
    EXPECT_EQ(trouble.status, "5.1.1");
    EXPECT_EQ(trouble.diagnostic, "550 5.1.1 User unknown");
}

// Nobody on the way may make an enforced partner's mail bounce.
TEST(Trouble, APermanentReplyOfAnUnprovenPartnerIsTemporary) {
    const auto trouble =
        from_reply(smtp::reply(554, "5.0.0", "go away"), smtp::Phase::Greeting, kRemote, false);
    EXPECT_FALSE(trouble.permanent);
    EXPECT_EQ(trouble.status, "4.0.0");
}

TEST(Trouble, AStatusThatContradictsItsReplyIsReplaced) {
    EXPECT_EQ(from_reply(smtp::reply(550, "2.0.0", "no"), std::nullopt, kRemote, true).status,
              "5.0.0");
}

TEST(Trouble, FaultsAreTemporaryAndNameTheHost) {
    const auto trouble =
        from_fault({FaultKind::Timeout, "reading", "timed out"}, smtp::Phase::EndOfData, kRemote);
    EXPECT_FALSE(trouble.permanent);
    EXPECT_EQ(trouble.status, "4.4.2");
    EXPECT_NE(trouble.text.find("mail.woodgrovebank.com[192.0.2.1:25]"), std::string::npos);
}

TEST(Trouble, WordsOfThePeerAreEscaped) {
    const auto trouble =
        from_reply(smtp::reply(550, "", "no\r\nX: \x1b[2J"), std::nullopt, kRemote, true);
    EXPECT_EQ(trouble.text.find('\x1b'), std::string::npos);
    EXPECT_EQ(trouble.text.find('\n'), std::string::npos);
}

TEST(Trouble, AnUnprovenPathNamesStepAndReason) {
    identity::Ladder ladder;
    ladder.add({.name = identity::StepName::Chain,
                .state = identity::StepState::Fail,
                .evidence = Text::verbatim("the chain ends in CN=Other Root"),
                .reason = identity::Reason::UntrustedRoot});
    const auto trouble = from_ladder(ladder, kRemote);
    EXPECT_FALSE(trouble.permanent);
    EXPECT_EQ(trouble.diagnostic, "454 4.7.5 Certificate validation failure, Reason:UntrustedRoot");
    EXPECT_NE(trouble.text.find("step chain (UntrustedRoot)"), std::string::npos);
}

TEST(Trouble, ANullMxBouncesUnlessThePartnerIsEnforced) {
    route::Plan plan;
    plan.kind = route::Kind::NullMx;
    plan.domain = "fabrikam.com";
    EXPECT_TRUE(from_plan(plan).permanent);
    EXPECT_EQ(from_plan(plan).status, "5.1.10");
    plan.proof = route::Proof::Verified;
    EXPECT_FALSE(from_plan(plan).permanent);
    EXPECT_EQ(from_plan(plan).status, "4.1.10");
}

// EX-68: where a partner's mail cannot even be tried, the ladder says at which step.
TEST(Trouble, APartnerThatCannotBeReachedHasALadder) {
    route::Plan plan;
    plan.domain = "woodgrovebank.com";
    plan.proof = route::Proof::Verified;
    auto partner = std::make_shared<partners::PartnerRules>();
    plan.partner = partner;
    plan.kind = route::Kind::LookUpFailed;
    plan.dns = Text::verbatim("asking DNS: SERVFAIL");
    const auto unknown = from_plan(plan);
    ASSERT_NE(unknown.ladder.first_failure(), nullptr);
    EXPECT_EQ(unknown.ladder.first_failure()->name, identity::StepName::Dns);
    EXPECT_EQ(unknown.ladder.first_failure()->state, identity::StepState::Unknown);
    EXPECT_EQ(unknown.status, "4.4.3");
    plan.kind = route::Kind::NoSuchDomain;
    const auto failed = from_plan(plan);
    EXPECT_EQ(failed.ladder.first_failure()->state, identity::StepState::Fail);
    EXPECT_FALSE(failed.ladder.is_proven());
    plan.kind = route::Kind::Smtp;
    EXPECT_EQ(without_address(plan).ladder.first_failure()->name, identity::StepName::Dns);
    EXPECT_EQ(from_look_up(plan, {FaultKind::Timeout, "asking DNS", {}}, "mx.example")
                  .ladder.first_failure()
                  ->state,
              identity::StepState::Unknown);
}

}  // namespace
}  // namespace valija::deliver
