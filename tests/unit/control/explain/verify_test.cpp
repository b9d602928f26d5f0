// What `valija certificate verify` answers (EX-41, CI-42); the chains themselves are the business
// of trust/x509, the names of trust/identity.
#include "control/explain/verify.hpp"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "control/explain/verify_text.hpp"
#include "support/certificates.hpp"

namespace valija::explain {
namespace {

using testing::HasSubstr;
using testing::Not;
using valija::test::kDay;
using valija::test::kNow;
using namespace std::chrono_literals;

struct World {
    authority::Authority ca = valija::test::new_authority();
    authority::LeafRequest request{.common_name = "mail.woodgrovebank.com",
                                   .dns_names = {"mail.woodgrovebank.com"},
                                   .not_before = kNow - 1h,
                                   .not_after = kNow + kDay * 30,
                                   .crl_urls = {"http://crl.example/woodgrove.crl"}};
    x509::Certificate leaf = ca.issue(request)->certificate;
    VerifyQuestion question{.file = {.name = "mail.pem", .bytes = leaf.pem()},
                            .trust = {{.name = "root.pem", .bytes = ca.root().pem()}},
                            .system_roots = false,
                            .names = {"mail.woodgrovebank.com"},
                            .profile = identity::Profile::Exchange,
                            .at = kNow};

    VerifyAnswer answer() const { return verify(question); }

    std::string list() { return ca.crl(kNow - 1h, kNow + kDay).value(); }

    std::string text(Language language = Language::English) const {
        return verify_text(question, answer(), identity::Show::Findings, language);
    }
};

std::string failure(const VerifyAnswer& answer) {
    const identity::Step* step = answer.ladder.first_failure();
    return step == nullptr ? "" : std::string(identity::step_text(step->name));
}

TEST(Verify, AGoodCertificateIsAcceptedAndTheSessionsStepsAreNotThere) {
    const World world;
    const VerifyAnswer answer = world.answer();
    EXPECT_EQ(answer.verdict, Verdict::Accepted) << world.text();
    EXPECT_EQ(answer.ladder.find(identity::StepName::Handshake), nullptr);
    EXPECT_EQ(answer.ladder.find(identity::StepName::OwnCertificate), nullptr);
    EXPECT_EQ(answer.ladder.find(identity::StepName::Revocation)->state,
              identity::StepState::NotApplicable);
    EXPECT_EQ(answer.path.certificates.size(), 2U);
}

TEST(Verify, WithoutANameOnlyThePathIsJudged) {
    World world;
    world.question.names = {};
    EXPECT_EQ(world.answer().verdict, Verdict::Accepted);
    EXPECT_EQ(world.answer().ladder.find(identity::StepName::Identity)->state,
              identity::StepState::NotApplicable);
}

TEST(Verify, EveryNameMustBeProven) {
    World world;
    world.question.names = {"mail.woodgrovebank.com", "other.example"};
    EXPECT_EQ(world.answer().verdict, Verdict::Rejected);
    EXPECT_EQ(failure(world.answer()), "identity");
    EXPECT_THAT(world.text(), HasSubstr("compared"));
}

TEST(Verify, WithoutItsAnchorItIsRejected) {
    World world;
    world.question.trust.clear();
    EXPECT_EQ(world.answer().verdict, Verdict::Rejected);
    EXPECT_EQ(failure(world.answer()), "chain");
}

// EX-41: what is asked for and missing is no "good".
TEST(Verify, WithListsEveryCertificateMustHaveAStatus) {
    World world;
    world.question.lists = {{.name = "root.crl", .bytes = world.list()}};
    EXPECT_EQ(world.answer().verdict, Verdict::Accepted) << world.text();
    authority::Authority other = valija::test::new_authority("Other Root");
    world.question.lists = {
        {.name = "other.crl", .bytes = other.crl(kNow - 1h, kNow + kDay).value()}};
    EXPECT_EQ(world.answer().verdict, Verdict::Rejected);
    EXPECT_EQ(failure(world.answer()), "revocation");
    world.question.lists = {{.name = "x.crl", .bytes = "garbage"}};
    EXPECT_EQ(world.answer().verdict, Verdict::Rejected);
}

TEST(Verify, WhatCannotBeFetchedLeavesTheAnswerOpen) {
    World world;
    std::vector<std::string> asked;
    world.question.fetch = [&](const std::vector<FetchOrder>& orders) {
        for (const FetchOrder& order : orders) {
            asked.push_back(order.url);
        }
        return std::vector<Result<std::string>>(orders.size(),
                                                fault(FaultKind::Network, "fetching", "dead"));
    };
    const VerifyAnswer answer = world.answer();
    EXPECT_EQ(answer.verdict, Verdict::Unknown);
    EXPECT_EQ(asked, world.request.crl_urls);
    ASSERT_EQ(answer.warnings.size(), 1U);
    EXPECT_THAT(answer.warnings[0].english(), HasSubstr("dead"));
    const std::string list = world.list();
    world.question.fetch = [&](const std::vector<FetchOrder>& orders) {
        return std::vector<Result<std::string>>(orders.size(), list);
    };
    EXPECT_EQ(world.answer().verdict, Verdict::Accepted) << world.text();
}

TEST(Verify, AMalformedCertificateIsRejectedAndSaysSo) {
    World world;
    std::string damaged = world.leaf.pem();
    damaged.replace(damaged.find("MII"), 3, "AAA");
    for (const std::string& bytes : {std::string("garbage"), std::string(), damaged,
                                     world.leaf.pem() + damaged, world.leaf.der().substr(0, 90)}) {
        world.question.file.bytes = bytes;
        EXPECT_EQ(world.answer().verdict, Verdict::Rejected);
        EXPECT_EQ(failure(world.answer()), "chain");
    }
}

TEST(Verify, WhatCannotBeReadAmongOthersIsLeftOutWithAWarning) {
    World world;
    world.question.trust.push_back({.name = "x.pem", .bytes = "garbage"});
    world.question.untrusted.push_back({.name = "y\x1B[2J.pem", .bytes = ""});
    const VerifyAnswer answer = world.answer();
    EXPECT_EQ(answer.verdict, Verdict::Accepted);
    EXPECT_EQ(answer.warnings.size(), 2U);
    EXPECT_THAT(world.text(), Not(HasSubstr("\x1B")));
}

TEST(Verify, APinProvesTheKeyAndNothingElseDoes) {
    World world;
    world.question.profile = identity::Profile::Pinned;
    world.question.names = {};
    world.question.trust = {};
    world.question.pins = {world.leaf->spki_sha256};
    EXPECT_EQ(world.answer().verdict, Verdict::Accepted) << world.text();
    world.question.pins = {std::string(64, '0')};
    EXPECT_EQ(world.answer().verdict, Verdict::Rejected);
}

// Whoever gives lists demands a status, of a certificate that a key vouches for as well.
TEST(Verify, ListsThatAreGivenMustSpeakWhateverTheProfile) {
    World world;
    auto stranger = valija::test::new_authority("Another");
    const auto unrelated = stranger.crl(kNow - 1h, kNow + kDay).value();
    world.question.lists = {{.name = "other.crl", .bytes = unrelated}};
    world.question.profile = identity::Profile::Pinned;
    world.question.pins = {world.leaf->spki_sha256};
    EXPECT_EQ(world.answer().verdict, Verdict::Rejected) << world.text();
    EXPECT_EQ(failure(world.answer()), "revocation");
    world.question.lists = {{.name = "woodgrove.crl", .bytes = world.list()}};
    EXPECT_EQ(world.answer().verdict, Verdict::Accepted) << world.text();

    world.question.profile = identity::Profile::Dane;
    world.question.untrusted = world.question.trust;
    world.question.trust = {};
    world.question.tlsa = {
        {.usage = 2, .selector = 0, .matching = 0, .data = world.ca.root().der()}};
    EXPECT_EQ(world.answer().verdict, Verdict::Accepted) << world.text();
    world.question.lists = {{.name = "other.crl", .bytes = unrelated}};
    EXPECT_EQ(world.answer().verdict, Verdict::Rejected) << world.text();
}

// What is left of it would be nothing, and nothing must prove nothing.
TEST(Verify, ACertificateBeyondEveryBoundIsRejected) {
    World world;
    const auto root = valija::test::issuer_of(world.ca);
    auto spec = valija::test::CertificateSpec{.extensions =
                                                  valija::test::of_leaf("mail.woodgrovebank.com")};
    spec.extensions.push_back({"1.2.3.4", "DER:0C:83:12:4F:80" + std::string(1'200'000 * 2, '4')});
    world.question.file.bytes = valija::test::make_certificate(spec, &root).certificate.der();
    ASSERT_GT(world.question.file.bytes.size(), size_t{1} << 20U);
    const VerifyAnswer answer = world.answer();
    EXPECT_EQ(answer.verdict, Verdict::Rejected);
    EXPECT_EQ(failure(answer), "chain");
}

// A record that fits nothing is a refusal, also where no name was asked for.
TEST(Verify, ATlsaRecordProvesTheServerOrRefusesIt) {
    World world;
    world.question.profile = identity::Profile::Dane;
    world.question.trust = {};
    world.question.names = {};
    world.question.tlsa = {{.usage = 3, .selector = 0, .matching = 0, .data = world.leaf.der()}};
    EXPECT_EQ(world.answer().verdict, Verdict::Accepted) << world.text();
    world.question.tlsa[0].data = world.ca.root().der();
    EXPECT_EQ(world.answer().verdict, Verdict::Rejected);
    world.question.tlsa = {};
    EXPECT_EQ(world.answer().verdict, Verdict::Rejected);
    world.question.direction = identity::Direction::Inbound;
    EXPECT_NE(world.answer().verdict, Verdict::Accepted);
}

// CI-42: the subject's CN and every DNS name are told.
TEST(Verify, TheFactsOfTheManualCheckAreTold) {
    World world;
    world.request.dns_names = {"mail.woodgrovebank.com", "b.example", "c.example"};
    world.question.file.bytes = world.ca.issue(world.request)->certificate.pem();
    const std::string text = world.text();
    EXPECT_THAT(text, HasSubstr("CN              mail.woodgrovebank.com"));
    EXPECT_THAT(text, HasSubstr("b.example"));
    EXPECT_THAT(text, HasSubstr("c.example"));
    EXPECT_THAT(text, HasSubstr("http://crl.example/woodgrove.crl"));
    EXPECT_THAT(world.text(Language::Spanish), HasSubstr("aceptado"));
}

TEST(Verify, JsonHasLadderPathComparisonAndVerdict) {
    const World world;
    const boost::json::object json = verify_json(world.question, world.answer(), Language::English);
    EXPECT_EQ(json.at("verdict").as_string(), "accepted");
    EXPECT_EQ(json.at("path").as_array().size(), 2U);
    EXPECT_EQ(json.at("comparison").as_array().size(), 1U);
    const auto& step = json.at("ladder").as_array().front().as_object();
    for (const char* key : {"step", "state", "evidence", "fix", "who", "reason"}) {
        EXPECT_TRUE(step.contains(key)) << key;
    }
    const auto& leaf = json.at("certificate").as_object();
    EXPECT_EQ(leaf.at("sha256").as_string(), world.leaf->sha256);
    EXPECT_EQ(leaf.at("crl_urls").as_array().size(), 1U);
}

}  // namespace
}  // namespace valija::explain
