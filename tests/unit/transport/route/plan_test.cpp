// Where mail goes: RFC 5321 5.1, RFC 7505, EX-60..64.
#include "transport/route/plan.hpp"

#include <gtest/gtest.h>

#include <map>

#include "support/run.hpp"

namespace valija::route {
namespace {

// Answers from tables; a name in neither does not exist.
class TableResolver final : public net::Resolver {
  public:
    std::map<std::string, std::vector<net::MxRecord>> mx_records;
    std::map<std::string, std::vector<std::string>> address_records;
    bool fails = false;

    Task<Result<net::Answer<net::MxRecord>>> mx(std::string domain) override {
        net::Answer<net::MxRecord> answer;
        if (fails) {
            co_return fault(FaultKind::Network, "asking DNS", "SERVFAIL");
        }
        answer.exists = mx_records.contains(domain) || address_records.contains(domain);
        if (mx_records.contains(domain)) {
            answer.records = mx_records[domain];
        }
        co_return answer;
    }

    Task<Result<net::Answer<std::string>>> addresses(std::string host) override {
        net::Answer<std::string> answer;
        answer.exists = address_records.contains(host);
        if (answer.exists) {
            answer.records = address_records[host];
        }
        co_return answer;
    }
};

using test::run;

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
    EXPECT_EQ(plan.dns, "MX 10 a.woodgrovebank.com, 20 b.woodgrovebank.com (not signed)");
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
    EXPECT_EQ(plan.dns, "asking DNS: SERVFAIL");
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

}  // namespace
}  // namespace valija::route
