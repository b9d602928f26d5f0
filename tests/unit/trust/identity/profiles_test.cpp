// Profiles `strict`, `pinned`, `direct`, and what each profile demands of the other steps.
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
using testing::IsEmpty;
using valija::test::anchors_of;
using valija::test::make_certificate;
using valija::test::new_authority;
using valija::test::of_leaf;

constexpr Direction kBoth[] = {Direction::Inbound, Direction::Outbound};

TEST(Profiles, WordsAreThoseOfThePartnersFile) {
    for (const Profile profile :
         {Profile::Exchange, Profile::CiscoVerify, Profile::CiscoHosted, Profile::Strict,
          Profile::Pinned, Profile::Direct, Profile::Dane}) {
        EXPECT_EQ(profile_of(profile_text(profile)), profile);
    }
    EXPECT_EQ(profile_text(Profile::CiscoVerify), "cisco-verify");
    EXPECT_EQ(profile_of("Exchange"), std::nullopt);
}

std::string strict(const std::string& domain, const std::string& name,
                   const std::vector<std::string>& names = {}) {
    Rule rule;
    rule.domain = domain;
    rule.names = names;
    rule.profile = Profile::Strict;
    const auto leaf = make_certificate({.extensions = of_leaf(name)}).certificate;
    const auto rows = compare_names(rule, leaf, {}, Direction::Outbound);
    if (rows.empty()) return "nothing compared";
    return rows.back().rule == NameRule::None ? "-" : rows.back().result.english();
}

// RFC 9525 6.3; EX-118 and EX-119 hold in `exchange` alone.
TEST(StrictMatch, AWildcardIsOneWholeLabelAndNeverItsParent) {
    EXPECT_EQ(strict("woodgrovebank.com", "woodgrovebank.com"), "exact");
    EXPECT_EQ(strict("woodgrovebank.com", "WoodgroveBank.COM"), "exact");
    EXPECT_EQ(strict("us.woodgrovebank.com", "*.woodgrovebank.com"), "wildcard");
    for (const auto& [domain, name] : std::vector<std::pair<const char*, const char*>>{
             {"woodgrovebank.com", "*.woodgrovebank.com"},
             {"woodgrovebank.com", "mail1.woodgrovebank.com"},
             {"woodgrovebank.com", "*.com"},
             {"woodgrovebank.com", "*"},
             {"a.us.woodgrovebank.com", "*.woodgrovebank.com"},
             {"us.woodgrovebank.com", "u*.woodgrovebank.com"},
             {"us.woodgrovebank.com", "us.*.com"},
             {"us.woodgrovebank.com", "*.*.com"},
             {"us.woodgrovebank.com", "woodgrovebank.com"},
             {"woodgrovebank.com", "xwoodgrovebank.com"},
             {"woodgrovebank.com", "woodgrovebank.com.evil.not"},
             {"woodgrovebank.com", "woodgrovebank.com."},
         }) {
        EXPECT_EQ(strict(domain, name), "-") << name << " for " << domain;
    }
}

TEST(StrictMatch, ReferencesAreTheDomainAndTheNamesOfThePartner) {
    EXPECT_EQ(strict("a.example", "mx1.hoster.example"), "-");
    EXPECT_EQ(strict("a.example", "mx1.hoster.example", {"mx1.hoster.example"}), "exact");
    EXPECT_EQ(strict("a.example", "*.hoster.example", {"mx1.hoster.example"}), "wildcard");
    EXPECT_EQ(strict("a.example", "hoster.example", {"mx1.hoster.example"}), "-");
}

TEST(StrictMatch, NeitherCnNorDnsDecides) {
    World w;
    w.rule.profile = Profile::Strict;
    w.rule.anchors = anchors_of({w.ca.root()});
    w.reached = {.address = "192.0.2.1",
                 .host = "mx.hoster.example",
                 .host_is_secure = true,
                 .routes = {"mx.hoster.example"},
                 .ptr = {{.name = "mx.hoster.example", .confirmed = true}},
                 .tlsa = {}};
    Rule rule = w.rule;
    const auto cn = make_certificate({.subject = {{"CN", "woodgrovebank.com"}}}).certificate;
    EXPECT_THAT(compare_names(rule, cn, w.reached, Direction::Outbound), IsEmpty());
    const auto host = make_certificate({.extensions = of_leaf("mx.hoster.example")}).certificate;
    const auto rows = compare_names(rule, host, w.reached, Direction::Outbound);
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].rule, NameRule::None);
}

std::string pin_of(const x509::Certificate& certificate) { return certificate->spki_sha256; }

World pinned_world() {
    World w;
    w.rule.profile = Profile::Pinned;
    const auto own = make_certificate({.subject = {{"CN", "any name"}}});
    w.show(own.certificate);
    w.rule.pins = {pin_of(own.certificate)};
    w.lists.clear();
    return w;
}

TEST(PinnedMatch, ThePinTakesThePlaceOfChainAndNames) {
    World w = pinned_world();
    for (const Direction direction : kBoth) {
        EXPECT_EQ(w.finding(direction), "proven");
        EXPECT_EQ(w.state_of(StepName::Chain, direction), "n/a");
        EXPECT_EQ(w.state_of(StepName::Revocation, direction), "n/a");
        EXPECT_THAT(w.evidence_of(StepName::Chain, direction),
                    HasSubstr("the pin takes the place"));
    }
    EXPECT_THAT(compare_names(w.rule, w.evidence.peer_chain.front(), {}, Direction::Outbound),
                IsEmpty());
}

TEST(PinnedMatch, CurrentAndNextPinBothCount) {
    World w = pinned_world();
    w.rule.pins.insert(w.rule.pins.begin(), std::string(64, 'A'));
    EXPECT_EQ(w.finding(), "proven");
    EXPECT_THAT(w.evidence_of(StepName::Identity), HasSubstr("pin 2 of 2"));
}

TEST(PinnedMatch, AnotherKeyFailsHoweverGoodItsCertificateIs) {
    World w;
    w.rule.profile = Profile::Pinned;
    w.rule.pins = {std::string(64, 'A'), std::string(64, 'B')};
    EXPECT_EQ(w.finding(), "identity fail SubjectMismatch");
    EXPECT_THAT(w.evidence_of(StepName::Identity),
                HasSubstr(pin_of(w.evidence.peer_chain.front())));
    w.rule.pins.clear();
    EXPECT_EQ(w.finding(), "identity fail SubjectMismatch") << "no pin proves nothing";
}

// The pin is of the key: a renewed certificate of the same key is still the partner's.
TEST(PinnedMatch, DatesStillCount) {
    World w = pinned_world();
    w.now = w.evidence.peer_chain.front()->not_after + 1s;
    EXPECT_EQ(w.finding(), "dates fail DateInvalid");
}

TEST(PinnedMatch, UsageIsToldAsAWarning) {
    World w = pinned_world();
    const auto own =
        make_certificate({.extensions = of_leaf("a.not", {{"extendedKeyUsage", "serverAuth"}})});
    w.show(own.certificate);
    w.rule.pins = {pin_of(own.certificate)};
    EXPECT_EQ(w.finding(Direction::Inbound), "proven");
    EXPECT_EQ(w.state_of(StepName::Usage, Direction::Inbound), "warn");
    EXPECT_EQ(w.state_of(StepName::Usage, Direction::Outbound), "pass");
}

TEST(PinnedMatch, ARevocationThatIsKnownCountsAndAMissingListDoesNot) {
    World w;
    w.rule.profile = Profile::Pinned;
    w.rule.pins = {pin_of(w.evidence.peer_chain.front())};
    EXPECT_EQ(w.state_of(StepName::Revocation), "pass");
    w.lists.clear();
    EXPECT_EQ(w.finding(), "proven");
    EXPECT_EQ(w.state_of(StepName::Revocation), "n/a");
    w.ca.revoke(w.evidence.peer_chain.front(), kNow - 1h);
    w.know(kUrl, w.ca);
    EXPECT_EQ(w.finding(), "revocation fail Revoked");
    w.rule.revocation = RevocationMode::Off;
    EXPECT_EQ(w.finding(), "proven");
}

// EX-05: exactly the certificate that the directory holds, self-signed or not; no path check.
TEST(DirectMatch, EX05ExactlyTheCertificateOfTheDirectoryIsProven) {
    World w;
    w.rule.profile = Profile::Direct;
    w.rule.anchors = {};
    w.lists.clear();
    const auto own = make_certificate({.subject = {{"CN", "edge1"}}});
    w.show(own.certificate);
    w.rule.direct = {make_certificate({}).certificate, own.certificate};
    for (const Direction direction : kBoth) {
        EXPECT_EQ(w.finding(direction), "proven");
        for (const StepName step : {StepName::Chain, StepName::Revocation, StepName::Usage}) {
            EXPECT_EQ(w.state_of(step, direction), "n/a") << step_text(step);
        }
    }
    w.now = own.certificate->not_after + 1s;
    EXPECT_EQ(w.finding(), "dates fail DateInvalid");
}

TEST(DirectMatch, EX05AnotherCertificateOfTheSameNameOrKeyIsNot) {
    World w;
    w.rule.profile = Profile::Direct;
    w.rule.direct = {make_certificate({.subject = {{"CN", "edge1"}}}).certificate};
    w.show(make_certificate({.subject = {{"CN", "edge1"}}}).certificate);
    EXPECT_EQ(w.finding(), "identity fail SubjectMismatch");
    w.rule.direct.clear();
    EXPECT_EQ(w.finding(), "identity fail SubjectMismatch");
}

TEST(PathOnly, WithoutANameOnlyThePathIsJudged) {
    World w;
    w.rule.path_only = true;
    w.rule.domain.clear();
    w.show_with([](auto& request) { request.dns_names = {"whatever.example"}; });
    EXPECT_EQ(w.finding(), "proven");
    EXPECT_EQ(w.state_of(StepName::Identity), "n/a");
    w.rule.anchors = {};
    EXPECT_EQ(w.state_of(StepName::Chain), "fail");
}

// EX-25, EX-34: our own certificate: what is amiss is told, whoever may still believe it.
TEST(OwnCertificate, LackOfClientAuthIsAWarningWithTheFix) {
    World w;
    w.evidence.own_chain = {
        make_certificate(
            {.extensions = of_leaf("mail.contoso.com", {{"extendedKeyUsage", "serverAuth"}})})
            .certificate};
    EXPECT_EQ(w.finding(Direction::Outbound), "proven");
    EXPECT_EQ(w.state_of(StepName::OwnCertificate, Direction::Outbound), "warn");
    const Ladder ladder = w.judged(Direction::Outbound);
    const Step* step = ladder.find(StepName::OwnCertificate);
    EXPECT_EQ(step->actor, Actor::You);
    EXPECT_THAT(step->fix.english(), HasSubstr("private CA"));
}

TEST(OwnCertificate, EX25EX34ItsRevocationIsShown) {
    World w;
    w.own = {.is_known = true, .revocation = revocation::State::Good, .evidence = say("exact")};
    EXPECT_EQ(w.state_of(StepName::OwnCertificate, Direction::Outbound), "pass");
    w.own.revocation = revocation::State::Unknown;
    EXPECT_EQ(w.state_of(StepName::OwnCertificate, Direction::Outbound), "warn");
    w.own.revocation = revocation::State::Revoked;
    EXPECT_EQ(w.state_of(StepName::OwnCertificate, Direction::Outbound), "warn");
    EXPECT_THAT(w.evidence_of(StepName::OwnCertificate, Direction::Outbound),
                HasSubstr("our own certificate is revoked"));
}

TEST(OwnCertificate, EX25ItsEndIsSpokenOfInTime) {
    for (const auto& [left, state] : {std::pair{Duration(30 * kDay + 1s), "pass"},
                                      {30 * kDay, "warn"},
                                      {Duration(1h), "warn"},
                                      {Duration(-1s), "warn"}}) {
        World w;
        w.evidence.own_chain = {
            make_certificate(
                {.not_after = kNow + left,
                 .extensions = of_leaf("a.not", {{"extendedKeyUsage", "serverAuth,clientAuth"}})})
                .certificate};
        EXPECT_EQ(w.state_of(StepName::OwnCertificate, Direction::Outbound), state) << left.count();
        EXPECT_EQ(w.finding(Direction::Outbound), "proven");
    }
}

TEST(OwnCertificate, TheDaysOfItsEndAreTheLeastThatIsStillTrue) {
    for (const auto& [left, days] : {std::pair{Duration(31 * kDay), 0},
                                     {30 * kDay, 30},
                                     {15 * kDay, 30},
                                     {14 * kDay, 14},
                                     {7 * kDay, 7},
                                     {2 * kDay, 7},
                                     {kDay, 1},
                                     {Duration(0), 1},
                                     {Duration(-1), 0}}) {
        EXPECT_EQ(days_of_reminder(left), days) << left.count();
    }
}

TEST(OwnCertificate, AllThatIsAmissIsToldAtOnce) {
    World w;
    w.own = {.is_known = true, .revocation = revocation::State::Revoked, .evidence = say("exact")};
    w.evidence.own_chain = {
        make_certificate({.not_after = kNow - 1s,
                          .extensions = of_leaf("a.not", {{"extendedKeyUsage", "serverAuth"}})})
            .certificate};
    const std::string text = w.evidence_of(StepName::OwnCertificate, Direction::Outbound);
    EXPECT_THAT(text, HasSubstr("expired"));
    EXPECT_THAT(text, HasSubstr("clientAuth"));
    EXPECT_THAT(text, HasSubstr("revoked"));
}

}  // namespace
}  // namespace valija::identity
