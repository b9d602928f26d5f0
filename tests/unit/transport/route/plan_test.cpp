// Where mail goes: RFC 5321 5.1, RFC 7505, EX-60..64.
#include "transport/route/plan.hpp"

#include <gtest/gtest.h>

#include "support/run.hpp"
#include "unit/transport/route/table_resolver.hpp"

namespace valija::route {
namespace {

using test::TableResolver;
using valija::test::run;

class PlanTest : public testing::Test {
  protected:
    PlanTest() {
        auto world = std::make_shared<partners::World>();
        world->directory.server.hostname = "mail.contoso.com";
        world->directory.server.accepted_domains = {"contoso.com"};
        world->directory.server.mailbox_lmtp = "127.0.0.1:24";
        settings::Send internet;
        internet.name = "Internet";
        internet.address_spaces = {"*"};
        world->directory.send = {internet};
        auto partner = std::make_shared<partners::PartnerRules>();
        partner->name = "woodgrovebank";
        partner->send = partners::Mode::Enforce;
        world->by_domain["woodgrovebank.com"] = partner;
        world_ = world;
        dns_.mx_records["woodgrovebank.com"] = {{20, "b.woodgrovebank.com"},
                                                {10, "a.woodgrovebank.com"}};
        dns_.address_records["a.woodgrovebank.com"] = {"2001:db8::1", "192.0.2.1"};
    }

    Plan ask(const std::string& domain) { return run(plan(world_, domain, &dns_)); }

    std::shared_ptr<partners::World> world_;
    TableResolver dns_;
};

TEST_F(PlanTest, MailExchangersComeByPreferenceAndThePartnerDemandsProof) {
    const auto plan = ask("woodgrovebank.com");
    EXPECT_EQ(plan.kind, Kind::Smtp);
    EXPECT_EQ(plan.hosts, (std::vector<std::string>{"a.woodgrovebank.com", "b.woodgrovebank.com"}));
    EXPECT_EQ(plan.proof, Proof::Verified);
    EXPECT_EQ(plan.connector.name, "Internet");
    EXPECT_EQ(plan.dns.english(), "MX 10 a.woodgrovebank.com, 20 b.woodgrovebank.com (not signed)");
}

TEST_F(PlanTest, OurOwnDomainGoesToTheMailboxServer) {
    const auto plan = ask("contoso.com");
    EXPECT_EQ(plan.kind, Kind::Mailbox);
    EXPECT_EQ(plan.hosts, (std::vector<std::string>{"127.0.0.1:24"}));
}

TEST_F(PlanTest, ANullMxIsNoHost) {
    dns_.mx_records["fabrikam.com"] = {{0, ""}};
    EXPECT_EQ(ask("fabrikam.com").kind, Kind::NullMx);
}

TEST_F(PlanTest, WithoutMxTheNameItselfIsTheHost) {
    dns_.address_records["fabrikam.com"] = {"192.0.2.9"};
    const auto plan = ask("fabrikam.com");
    EXPECT_EQ(plan.kind, Kind::Smtp);
    EXPECT_EQ(plan.hosts, (std::vector<std::string>{"fabrikam.com"}));
    EXPECT_EQ(plan.proof, Proof::Opportunistic);
}

TEST_F(PlanTest, ANameThatDoesNotExistAndAFailedLookUpAreToldApart) {
    EXPECT_EQ(ask("nowhere.example").kind, Kind::NoSuchDomain);
    dns_.fails = true;
    const auto plan = ask("woodgrovebank.com");
    EXPECT_EQ(plan.kind, Kind::LookUpFailed);
    EXPECT_EQ(plan.dns.english(), "asking DNS: SERVFAIL");
    EXPECT_EQ(plan.proof, Proof::Verified);
}

TEST_F(PlanTest, OnlyHostsBetterThanOurselvesAreTried) {
    dns_.mx_records["fabrikam.com"] = {
        {10, "first.fabrikam.com"}, {20, "mail.contoso.com"}, {30, "last.fabrikam.com"}};
    EXPECT_EQ(ask("fabrikam.com").hosts, (std::vector<std::string>{"first.fabrikam.com"}));
    dns_.mx_records["fabrikam.com"].erase(dns_.mx_records["fabrikam.com"].begin());
    EXPECT_EQ(ask("fabrikam.com").kind, Kind::Loop);
}

TEST_F(PlanTest, AddressesCarryThePortAndLiteralsNeedNoDns) {
    const auto plan = ask("woodgrovebank.com");
    const auto found = run(addresses(plan, "a.woodgrovebank.com", 2525, &dns_));
    ASSERT_TRUE(found.has_value());
    ASSERT_EQ(found->size(), 2U);
    EXPECT_EQ(net::endpoint_text(found->at(0)), "[2001:db8::1]:2525");
    const auto literal = run(addresses(ask("[192.0.2.7]"), "[192.0.2.7]", 25, &dns_));
    ASSERT_EQ(literal->size(), 1U);
    EXPECT_EQ(net::endpoint_text(literal->at(0)), "192.0.2.7:25");
}

// A stranger's MX may point at us: the mail would go round until it has too many Received fields.
TEST_F(PlanTest, AnAddressWhereWeListenIsOurselves) {
    settings::Receive inet;
    inet.listen = {"192.0.2.1:25"};
    world_->directory.receive = {inet};
    const auto is_own = [&](const char* text) {
        return is_ourselves(world_->directory, *net::parse_endpoint(text));
    };
    EXPECT_TRUE(is_own("192.0.2.1:25"));
    EXPECT_FALSE(is_own("192.0.2.1:2525"));
    EXPECT_FALSE(is_own("127.0.0.1:25"));
    world_->directory.receive.front().listen = {"0.0.0.0:25", "[::]:25"};
    EXPECT_TRUE(is_own("127.0.0.1:25"));
    EXPECT_TRUE(is_own("[::1]:25"));
    EXPECT_FALSE(is_own("192.0.2.7:25"));
}

// CI-36..39: explicit routes instead of MX, by priority, equal ones as written.
TEST_F(PlanTest, CI39RoutesOfThePartnerTakeThePlaceOfMx) {
    auto partner = std::make_shared<partners::PartnerRules>();
    partner->name = "woodgrovebank";
    partner->routes = {{.host = "relay1.host.example"}, {.host = "relay2.host.example"}};
    world_->by_domain["woodgrovebank.com"] = partner;
    const auto plan = ask("woodgrovebank.com");
    EXPECT_EQ(plan.kind, Kind::Smtp);
    EXPECT_EQ(plan.hosts, (std::vector<std::string>{"relay1.host.example", "relay2.host.example"}));
    EXPECT_EQ(plan.routes, plan.hosts);
    EXPECT_EQ(plan.dns.english(), "routes 0 relay1.host.example, 0 relay2.host.example");
    EXPECT_EQ(plan.mx_host, "") << "MX names do not count beside a route with a name";
}

// CI-38: the MX name is asked for where a route has no name; its failure stops nothing.
TEST_F(PlanTest, CI38ARouteByAddressKeepsTheMxNameAsReference) {
    auto partner = std::make_shared<partners::PartnerRules>();
    partner->routes = {{.host = "192.0.2.9", .priority = 0, .is_address = true},
                       {.host = "2001:db8::9", .priority = 5, .is_address = true}};
    world_->by_domain["woodgrovebank.com"] = partner;
    const auto plan = ask("woodgrovebank.com");
    EXPECT_EQ(plan.hosts, (std::vector<std::string>{"[192.0.2.9]", "[2001:db8::9]"}));
    EXPECT_EQ(plan.mx_host, "a.woodgrovebank.com");
    const auto found = run(addresses(plan, "[2001:db8::9]", 25, &dns_));
    ASSERT_TRUE(found);
    EXPECT_EQ(net::endpoint_text(found->at(0)), "[2001:db8::9]:25");
    dns_.fails = true;
    EXPECT_EQ(ask("woodgrovebank.com").kind, Kind::Smtp);
    EXPECT_EQ(ask("woodgrovebank.com").mx_host, "");
}

TEST_F(PlanTest, ThePlanSaysWhetherTheMxAnswerWasSigned) {
    EXPECT_FALSE(ask("woodgrovebank.com").mx_secure);
    dns_.is_signed = true;
    EXPECT_TRUE(ask("woodgrovebank.com").mx_secure);
    EXPECT_EQ(ask("woodgrovebank.com").dns.english(),
              "MX 10 a.woodgrovebank.com, 20 b.woodgrovebank.com (DNSSEC-validated)");
}

}  // namespace
}  // namespace valija::route
