// Our own certificates as partners will see them: EX-25, EX-34, EX-35.
#include "control/explain/check_own.hpp"

#include <gmock/gmock.h>

#include "trust/authority/authority.hpp"

namespace valija::explain {
namespace {

using namespace std::chrono_literals;
using revocation::State;
using testing::HasSubstr;

const Time kNow = Time(1'760'000'000'000ms);
const std::string kUrl = "http://crl.contoso.com/root.crl";

class CheckOwn : public testing::Test {
  protected:
    authority::Authority ca_ =
        *authority::Authority::create("Contoso Root", kNow - 24h, kNow + 9000h);

    x509::Certificate issue(authority::LeafRequest request = {}) {
        request.common_name = "mail.contoso.com";
        request.dns_names = {"mail.contoso.com"};
        request.not_before = kNow - 1h;
        request.not_after = request.not_after == Time() ? kNow + 4000h : request.not_after;
        request.crl_urls = {kUrl};
        return ca_.issue(request)->certificate;
    }

    revocation::Book book() {
        auto list = revocation::CrlIndex::load(*ca_.crl(kNow - 1h, kNow + 24h), ca_.root());
        return revocation::Book(
            {{kUrl, std::make_shared<const revocation::CrlIndex>(std::move(*list))}});
    }

    static keystore::OwnCertificate own(const x509::Certificate& leaf) {
        return {"mail.contoso.com", {leaf}, keystore::KeyHandle(nullptr)};
    }

    static std::vector<OwnTrouble> troubles(const std::vector<OwnFinding>& findings) {
        std::vector<OwnTrouble> all;
        for (const OwnFinding& finding : findings) {
            all.push_back(finding.trouble);
        }
        return all;
    }
};

// 30, 14, 7 and 1 days before the end; the last second of a day belongs to the nearer one.
TEST_F(CheckOwn, AnEndThatComesNearerIsSpokenOfAgain) {
    const auto days = [this](Duration left) {
        authority::LeafRequest request;
        request.not_after = kNow + left;
        const auto found = look_at_own(own(issue(request)), false, {}, kNow);
        return found.empty() || found.front().trouble != OwnTrouble::ExpiresSoon
                   ? 0
                   : found.front().within_days;
    };
    EXPECT_EQ(days(24h * 30 + 1s), 0);
    EXPECT_EQ(days(24h * 30), 30);
    EXPECT_EQ(days(24h * 14 + 1s), 30);
    EXPECT_EQ(days(24h * 14), 14);
    EXPECT_EQ(days(24h * 7), 7);
    EXPECT_EQ(days(24h), 1);
    EXPECT_EQ(days(1s), 1);
    EXPECT_EQ(days(-1s), 0) << "that is another event";
}

TEST_F(CheckOwn, EX34TheListOfOurOwnCaIsAsked) {
    const auto leaf = issue();
    const auto good = own_status({leaf, ca_.root()}, {}, book(), kNow);
    EXPECT_TRUE(good.is_known);
    EXPECT_EQ(good.revocation, State::Good);
    ca_.revoke(leaf, kNow - 1min);
    EXPECT_EQ(own_status({leaf, ca_.root()}, {}, book(), kNow).revocation, State::Revoked);
}

TEST_F(CheckOwn, EX34AMissingListMakesItUnverifiableAndIsWanted) {
    const auto leaf = issue();
    const auto status = own_status({leaf, ca_.root()}, {}, {}, kNow);
    EXPECT_TRUE(status.is_known);
    EXPECT_EQ(status.revocation, State::Unknown);
    const auto wanted = own_lists({leaf, ca_.root()}, {});
    ASSERT_EQ(wanted.size(), 1U);
    EXPECT_EQ(wanted.front().url, kUrl);
    EXPECT_THAT(troubles(look_at_own(own(leaf), true, status, kNow)),
                testing::ElementsAre(OwnTrouble::Unverifiable));
}

TEST_F(CheckOwn, EX25AnIssuerThatIsNotInTheFileIsLookedForAmongTheAnchors) {
    const auto leaf = issue();
    EXPECT_FALSE(own_status({leaf}, {}, book(), kNow).is_known);
    EXPECT_EQ(own_status({leaf}, {ca_.root()}, book(), kNow).revocation, State::Good);
}

TEST_F(CheckOwn, AnAnswerAboutOurCertificateIsStapledWhoeverKnowsItsIssuer) {
    const auto leaf = issue({.ocsp_urls = {"http://ocsp.contoso.com/"}});
    const std::string der = ca_.ocsp_answer(leaf, kNow - 1h, kNow + 24h).value();
    const auto answer = revocation::read_ocsp(der, leaf, ca_.root(), kNow);
    ASSERT_TRUE(answer) << answer.error().english();
    const revocation::Book book({}, {{revocation::answer_key(leaf, ca_.root()),
                                      std::make_shared<const revocation::OcspAnswer>(*answer)}});
    EXPECT_EQ(own_staple({leaf, ca_.root()}, {}, book, kNow), der);
    EXPECT_EQ(own_staple({leaf}, {ca_.root()}, book, kNow), der);
    EXPECT_EQ(own_staple({leaf}, {}, book, kNow), "") << "who issued it is not known";
    EXPECT_EQ(own_staple({leaf, ca_.root()}, {}, book, kNow + 25h), "");
    EXPECT_EQ(own_staple({issue(), ca_.root()}, {}, book, kNow), "") << "it names no responder";
    EXPECT_EQ(own_staple({}, {}, book, kNow), "");
}

TEST_F(CheckOwn, ACertificateWithoutClientAuthIsTroubleOnlyForWhoSends) {
    const auto leaf = issue({.client_auth = false});
    EXPECT_TRUE(look_at_own(own(leaf), false, {}, kNow).empty());
    const auto findings = look_at_own(own(leaf), true, {}, kNow);
    EXPECT_THAT(troubles(findings), testing::ElementsAre(OwnTrouble::NoClientAuth));
    EXPECT_THAT(findings.front().fix.english(), HasSubstr("private CA"));
}

TEST_F(CheckOwn, DatesAreToldAheadAndAfter) {
    EXPECT_THAT(troubles(look_at_own(own(issue({.not_after = kNow + 24h})), false, {}, kNow)),
                testing::ElementsAre(OwnTrouble::ExpiresSoon));
    EXPECT_THAT(troubles(look_at_own(own(issue()), false, {}, kNow + 5000h)),
                testing::ElementsAre(OwnTrouble::Expired));
    EXPECT_THAT(troubles(look_at_own(own(issue()), false, {}, kNow - 2h)),
                testing::ElementsAre(OwnTrouble::NotYetValid));
}

// What partners are shown: of connectors, and of a partner that has a certificate of its own.
TEST(OwnUses, EveryConnectorAndEveryPartnersOwnCertificateIsInUse) {
    partners::World world;
    settings::Receive door;
    door.name = "Inet";
    door.fqdn = "mx.contoso.com";
    settings::Send way;
    way.name = "Internet";
    way.fqdn = "mail.contoso.com";
    world.directory.receive = {door};
    world.directory.send = {way};
    EXPECT_FALSE(own_uses(world, {}, kNow).back().sends) << "no partner sees it";

    auto plain = std::make_shared<partners::PartnerRules>();
    auto special = std::make_shared<partners::PartnerRules>();
    special->name = "woodgrovebank";
    special->certificate = "for-woodgrove";
    world.partners = {plain, special};
    const auto uses = own_uses(world, {}, kNow);
    ASSERT_EQ(uses.size(), 3U);
    EXPECT_EQ(uses[0].connector, "Inet");
    EXPECT_EQ(uses[0].name, "mx.contoso.com");
    EXPECT_FALSE(uses[0].sends);
    EXPECT_EQ(uses[1].name, "mail.contoso.com");
    EXPECT_TRUE(uses[1].sends);
    EXPECT_EQ(uses[2].partner, special);
    EXPECT_EQ(uses[2].name, "for-woodgrove");
    EXPECT_TRUE(uses[2].sends);
    EXPECT_EQ(uses[2].own, nullptr);
}

TEST(HardToFetch, EX35AddressesThatPartnersCannotReachAreNamed) {
    for (const char* url :
         {"ldap:///CN=Root,DC=contoso", "http://pki/root.crl", "http://10.1.2.3/root.crl",
          "http://192.168.1.1:8080/root.crl", "http://[fd00::1]/root.crl", "http://127.0.0.1/x",
          "http://172.16.0.9/x", "not an address"}) {
        EXPECT_FALSE(hard_to_fetch(url).empty()) << url;
    }
    for (const char* url : {"http://crl.contoso.com/root.crl", "ldap://ldap.contoso.com/CN=x",
                            "http://192.0.2.1/root.crl", "http://[2001:db8::1]:80/x"}) {
        EXPECT_TRUE(hard_to_fetch(url).empty()) << url;
    }
}

}  // namespace
}  // namespace valija::explain
