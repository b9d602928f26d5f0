#include "directory/partners/partners.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trust/authority/authority.hpp"
#include "unit/directory/settings/home.hpp"

namespace valija::partners {
namespace {

using test::Home;
using testing::HasSubstr;

class Partners : public testing::Test {
  protected:
    Partners() {
        home_.write("etc/valija.toml",
                    "hostname = \"mail.contoso.com\"\naccepted_domains = [\"contoso.com\"]\n");
    }

    void partner(const std::string& name, const std::string& text) {
        home_.write("etc/partners.d/" + name + ".toml", text);
    }

    std::string first_problem() {
        const auto world = load_world(home_.path());
        return world ? "none" : world.error().front().where();
    }

    Home home_;
};

// EX-23, IR-08: the anchors of a partner are this partner's only.
TEST_F(Partners, HaveTheAnchorsThatTheirFileNames) {
    const Time now = SystemClock().now();
    const auto root =
        authority::Authority::create("Woodgrove root", now, now + std::chrono::days(30));
    ASSERT_TRUE(root);
    home_.write("etc/anchors/woodgrove-root.pem", root->root().pem());
    partner("woodgrove",
            "domains = [\"woodgrovebank.com\", \"Woodgrove.example\"]\nsend = \"enforce\"\n"
            "receive = \"off\"\ntrust = [\"woodgrove-root\"]\nrevocation = \"best-effort\"\n"
            "revocation_grace = \"2h\"\nclient_eku = \"server-auth-tolerated\"\n"
            "on_failure = \"reject\"\n");
    const auto world = load_world(home_.path());
    ASSERT_TRUE(world) << world.error().front().where();
    const auto rules = (*world)->partner_of("WOODGROVE.example");
    ASSERT_NE(rules, nullptr);
    EXPECT_EQ(rules, (*world)->partner_of("woodgrovebank.com"));
    EXPECT_EQ(rules->send, Mode::Enforce);
    EXPECT_EQ(rules->receive, Mode::Off);
    EXPECT_EQ(rules->on_failure, OnFailure::Reject);
    const identity::Rule rule = rules->rule_for("WoodgroveBank.com");
    EXPECT_EQ(rule.domain, "woodgrovebank.com");
    EXPECT_EQ(rule.partner, "woodgrove");
    EXPECT_EQ(rule.revocation, identity::RevocationMode::BestEffort);
    EXPECT_EQ(rule.revocation_grace, std::chrono::hours(2));
    EXPECT_EQ(rule.client_eku, identity::ClientEku::ServerAuthTolerated);
    ASSERT_EQ(rule.anchors.certificates().size(), 1U);
    EXPECT_EQ(rule.anchors.certificates().front(), root->root());
}

// CI-09, CI-39: profile, pins and routes as values; equal priorities stay in their order.
TEST_F(Partners, HaveTheirProfilePinsAndRoutes) {
    partner("a", "domains = [\"a.example\"]\nmatch = \"pinned\"\npins = [\"" +
                     std::string(64, 'b') +
                     "\"]\nroutes = [\"r20.example 20\", \"r0a.example\", \"192.0.2.9 10\", "
                     "\"r0b.example 0\"]\nmx_known = [\"mx.a.example 192.0.2.1\"]\n");
    partner("b", "domains = [\"b.example\"]\n");
    const auto world = load_world(home_.path());
    ASSERT_TRUE(world) << world.error().front().where();
    const auto rules = (*world)->partner_of("a.example");
    EXPECT_EQ(rules->rule.profile, identity::Profile::Pinned);
    EXPECT_EQ(rules->rule.pins, std::vector{std::string(64, 'B')});
    std::vector<std::string> hosts;
    for (const settings::Route& route : rules->routes) hosts.push_back(route.host);
    EXPECT_THAT(hosts,
                testing::ElementsAre("r0a.example", "r0b.example", "192.0.2.9", "r20.example"));
    ASSERT_EQ(rules->mx_known.size(), 1U);
    EXPECT_EQ(rules->mx_known[0].host, "mx.a.example");
    EXPECT_EQ((*world)->partner_of("b.example")->rule.profile, identity::Profile::Exchange);
}

// EX-22
TEST_F(Partners, WithoutAnchorsOfTheirOwnTheSystemsCount) {
    partner("a", "domains = [\"a.example\"]\n");
    const auto world = load_world(home_.path());
    ASSERT_TRUE(world) << world.error().front().where();
    EXPECT_FALSE((*world)->partners.front()->rule.anchors.certificates().empty());
}

TEST_F(Partners, AMissingAnchorNamesTheLineOfTrust) {
    partner("a", "domains = [\"a.example\"]\ntrust = [\"nowhere\"]\n");
    EXPECT_THAT(first_problem(), testing::AllOf(HasSubstr("etc/partners.d/a.toml:2:1"),
                                                HasSubstr("etc/anchors/nowhere.pem")));
}

TEST_F(Partners, AFileThatHoldsNoCertificateIsAProblem) {
    partner("a", "domains = [\"a.example\"]\ntrust = [\"odd\"]\n");
    home_.write("etc/anchors/odd.pem", "no certificate here\n");
    EXPECT_THAT(first_problem(), HasSubstr("etc/anchors/odd.pem"));
}

TEST_F(Partners, OneBadPartnerKeepsTheWholeWorldFromBeingBuilt) {
    partner("a", "domains = [\"a.example\"]\n");
    partner("b", "domains = [\"b.example\"]\ntrust = [\"nowhere\"]\n");
    EXPECT_THAT(first_problem(), HasSubstr("b.toml"));
}

TEST_F(Partners, OnlyTheExactDomainIsAPartners) {
    partner("a", "domains = [\"a.example\"]\n");
    const auto world = load_world(home_.path());
    ASSERT_TRUE(world);
    EXPECT_EQ((*world)->partner_of("mail.a.example"), nullptr);
    EXPECT_EQ((*world)->partner_of(""), nullptr);
}

}  // namespace
}  // namespace valija::partners
