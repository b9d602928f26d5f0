// The bounds of `valija check`, and what it takes over from delivery: issue 4 "Explain".
#include "control/explain/check.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "control/explain/check_server.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"
#include "trust/authority/authority.hpp"
#include "trust/keystore/vault.hpp"
#include "unit/transport/route/table_resolver.hpp"

namespace valija::explain {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr unsigned kNobodyListens = 1;

// Answers from tables, and keeps what it was asked for.
class Resolver final : public net::Resolver {
  public:
    route::test::TableResolver tables;
    std::vector<std::string> asked;

    Task<Result<net::Answer<net::MxRecord>>> mx(std::string domain) override {
        asked.push_back("MX " + domain);
        return tables.mx(std::move(domain));
    }

    Task<Result<net::Answer<std::string>>> addresses(std::string host) override {
        asked.push_back("A " + host);
        return tables.addresses(std::move(host));
    }

    Task<Result<net::Answer<net::PtrName>>> ptr(std::string address) override {
        return tables.ptr(std::move(address));
    }

    Task<Result<net::TlsaAnswer>> tlsa(std::string host, uint16_t port) override {
        return tables.tlsa(std::move(host), port);
    }
};

class CheckTest : public testing::Test {
  protected:
    CheckTest() {
        settings::Send internet;
        internet.name = "Internet";
        internet.address_spaces = {"*"};
        world_.directory.send = {internet};
        world_.directory.server.hostname = "mail.contoso.com";
        world_.directory.server.smtp_port = kNobodyListens;
        world_.directory.server.delivery_connect_timeout = 5s;
        auto keeper = revocation::Keeper::start(
            {.directory = directory_.path()}, [](const auto&, const auto&) {}, clock_, log_);
        keeper_ = std::move(*keeper);
        auto spool = queue::Spool::open(
            {.directory = directory_.path(), .memory_bound = 1000, .reserve_bytes = 0}, log_);
        spool_ = std::move(*spool);
        credentials_.set(std::make_shared<const channel::Credentials>(
            keystore::KeyStore::load(directory_.path("keys"), *signer_)));
    }

    partners::PartnerRules& add_partner(const std::string& domain) {
        auto partner = std::make_shared<partners::PartnerRules>();
        partner->name = domain.substr(0, domain.find('.'));
        partner->domains = {domain};
        partner->send = partners::Mode::Enforce;
        partner->receive = partners::Mode::Enforce;
        world_.partners.push_back(partner);
        world_.by_domain[domain] = partner;
        return *partner;
    }

    CheckParts parts() {
        world_snapshot_.set(std::make_shared<const partners::World>(world_));
        return {.deliver = {.world = world_snapshot_,
                            .credentials = credentials_,
                            .spool = *spool_,
                            .resolver = resolver_,
                            .clock = clock_,
                            .counters = counters_,
                            .log = log_,
                            .protocol_log = rows_,
                            .book = [this] { return keeper_->book(); },
                            .want = [](const auto&) {},
                            .own = [](const auto&) { return identity::OwnStatus(); },
                            .told = std::make_shared<deliver::ToldChanges>()},
                .keeper = *keeper_,
                .home = directory_.path()};
    }

    CheckReport check(const std::vector<std::string>& domains,
                      std::chrono::seconds patience = std::chrono::seconds(60)) {
        const CheckParts all = parts();
        return test::run(check_domains(&all, domains, std::chrono::steady_clock::now() + patience));
    }

    // The domain's mail exchangers 1, 2, …, each with an address of its own.
    void give_hosts(const std::string& domain, size_t count) {
        for (size_t i = 1; i <= count; ++i) {
            const std::string host = "mx" + std::to_string(i) + "." + domain;
            resolver_.tables.mx_records[domain].push_back({static_cast<unsigned>(i), host});
            resolver_.tables.address_records[host] = {"127.0.0." + std::to_string(i)};
        }
    }

    test::TemporaryDirectory directory_;
    SystemClock clock_;
    observe::Log log_ = observe::Log(observe::make_null_sink());
    observe::Counters counters_;
    observe::ProtocolLog rows_{observe::ProtocolSide::Send, {.directory = directory_.path()}, log_};
    std::unique_ptr<keystore::Signer> signer_ = keystore::make_file_vault(directory_.path("keys"));
    Snapshot<channel::Credentials> credentials_;
    Snapshot<partners::World> world_snapshot_;
    partners::World world_;
    Resolver resolver_;
    std::unique_ptr<revocation::Keeper> keeper_;
    std::unique_ptr<queue::Spool> spool_;
};

TEST_F(CheckTest, WithoutTimeNothingIsLookedUp) {
    const CheckReport report = check({"fabrikam.com"}, 0s);
    EXPECT_THAT(resolver_.asked, IsEmpty());
    EXPECT_THAT(report.domains, IsEmpty());
    EXPECT_THAT(report.left_out, ElementsAre("fabrikam.com"));
    EXPECT_EQ(report.standing(), Standing::Unsure);
}

TEST_F(CheckTest, DomainsAfterTheTenthAreLeftOutAndNamed) {
    std::vector<std::string> domains;
    for (int i = 0; i < 12; ++i) {
        domains.push_back("d" + std::to_string(i) + ".example");
        resolver_.tables.mx_records[domains.back()] = {{0, ""}};
    }
    const CheckReport report = check(domains);
    EXPECT_EQ(report.domains.size(), 10U);
    EXPECT_THAT(report.left_out, ElementsAre("d10.example", "d11.example"));
}

TEST_F(CheckTest, HostsBehindTheTenthAddressAreNotLookedUp) {
    give_hosts("fabrikam.com", 12);
    const Outbound report = *check({"fabrikam.com"}).domains.front().outbound;
    EXPECT_TRUE(report.is_cut);
    EXPECT_EQ(report.addresses.size(), 10U);
    EXPECT_EQ(resolver_.asked.size(), 11U) << "MX, and the addresses of ten hosts";
}

TEST_F(CheckTest, AMailExchangerThatIsOurselvesIsALoopAsForADelivery) {
    add_partner("woodgrovebank.com");
    give_hosts("woodgrovebank.com", 1);
    settings::Receive row;
    row.name = "Inet";
    row.listen = {"127.0.0.1:" + std::to_string(kNobodyListens)};
    world_.directory.receive = {row};
    const Outbound report = *check({"woodgrovebank.com"}).domains.front().outbound;
    ASSERT_EQ(report.addresses.size(), 1U);
    EXPECT_THAT(report.addresses.front().trouble->text, HasSubstr("loops back"));
    EXPECT_EQ(report.addresses.front().ladder.first_failure()->name, identity::StepName::Dns);
    EXPECT_EQ(report.standing, Standing::Bad);
    EXPECT_THAT(report.effect.english(), HasSubstr("waits in the queue"));
}

TEST_F(CheckTest, MailWithoutARuleThatLoopsGoesBackAtOnce) {
    give_hosts("fabrikam.com", 1);
    settings::Receive row;
    row.listen = {"127.0.0.1:" + std::to_string(kNobodyListens)};
    world_.directory.receive = {row};
    const Outbound report = *check({"fabrikam.com"}).domains.front().outbound;
    EXPECT_EQ(report.addresses.front().trouble->status, "5.4.6");
    EXPECT_THAT(report.effect.english(), HasSubstr("goes back to its sender at once"));
}

TEST_F(CheckTest, MailToADomainWhoseAddressesWereNotTriedIsNotSaidToWait) {
    give_hosts("first.example", 10);
    give_hosts("second.example", 1);
    const CheckReport report = check({"first.example", "second.example"});
    const Outbound& second = *report.domains.back().outbound;
    EXPECT_TRUE(second.is_cut);
    EXPECT_EQ(second.standing, Standing::Unsure);
    EXPECT_THAT(second.effect.english(), HasSubstr("is not known"));
}

TEST_F(CheckTest, APartnersOwnCertificateIsLookedAtWithTheServer) {
    add_partner("woodgrovebank.com").certificate = "for-woodgrove";
    const CheckParts all = parts();
    const ServerReport report =
        test::run(check_server(&all, std::chrono::steady_clock::now() + 60s));
    const std::string text = server_text(report, identity::Show::All, Language::English);
    EXPECT_THAT(text, HasSubstr("partner woodgrovebank: no certificate fits for-woodgrove"));
}

TEST_F(CheckTest, WithoutTimeAPartnerIsNotSaidToBeGood) {
    add_partner("woodgrovebank.com");
    const CheckParts all = parts();
    const ServerReport report = test::run(check_server(&all, std::chrono::steady_clock::now()));
    EXPECT_THAT(server_text(report, identity::Show::All, Language::English),
                HasSubstr("no time was left"));
}

class CheckClient : public CheckTest {
  protected:
    // Our own certificate, so that STARTTLS is offered, and the partner's CA as its anchor.
    CheckClient() {
        std::filesystem::create_directories(directory_.path("keys"));
        const auto own = issue("mail.contoso.com", {"mail.contoso.com"});
        directory_.write("keys/mail.contoso.com.crt", own.certificate.pem());
        directory_.write("keys/mail.contoso.com.key", own.key_pem);
        std::filesystem::permissions(directory_.path("keys/mail.contoso.com.key"),
                                     std::filesystem::perms::owner_read);
        credentials_.set(std::make_shared<const channel::Credentials>(
            keystore::KeyStore::load(directory_.path("keys"), *signer_)));
        settings::Receive door;
        door.name = "Inet";
        door.fqdn = "mail.contoso.com";
        door.domain_secure = true;
        world_.directory.receive = {door};
    }

    authority::Issued issue(const std::string& name, const std::vector<std::string>& dns_names) {
        const Time now = clock_.now();
        return *ca_.issue({.common_name = name,
                           .dns_names = dns_names,
                           .not_before = now - 1h,
                           .not_after = now + 1h,
                           .crl_urls = {}});
    }

    Inbound judged(identity::Profile profile, const std::string& common_name) {
        partners::PartnerRules& partner = add_partner("woodgrovebank.com");
        partner.rule.profile = profile;
        partner.rule.anchors = x509::Anchors::from_certificates({ca_.root()}).value();
        partner.rule.revocation = identity::RevocationMode::Off;
        const auto leaf = issue(common_name, {});
        return check_client(parts(), {leaf.certificate}, "woodgrovebank.com").inbound;
    }

    authority::Authority ca_ =
        *authority::Authority::create("Root", clock_.now() - 24h, clock_.now() + 24h);
};

// CI-32: the third comparison of cisco-verify wants an address, and a file has none.
TEST_F(CheckClient, WhatOnlyThePtrNameCouldProveIsNotKnown) {
    const Inbound cisco = judged(identity::Profile::CiscoVerify, "out.hoster.example");
    EXPECT_EQ(cisco.standing, Standing::Unsure) << cisco.effect.english();
    EXPECT_THAT(cisco.presumed.english(), HasSubstr("PTR name"));
    EXPECT_THAT(cisco.presumed.in(Language::Spanish), HasSubstr("nombre PTR"));
    EXPECT_TRUE(cisco.judged.has_value());
}

TEST_F(CheckClient, WithoutACommonNameNoPtrNameHelps) {
    EXPECT_EQ(judged(identity::Profile::CiscoVerify, "Some Host").standing, Standing::Bad);
}

TEST_F(CheckClient, OtherProfilesCompareNoPtrName) {
    const Inbound strict = judged(identity::Profile::Exchange, "out.hoster.example");
    EXPECT_EQ(strict.standing, Standing::Bad);
    EXPECT_THAT(strict.presumed.english(), testing::Not(HasSubstr("PTR")));
}

}  // namespace
}  // namespace valija::explain
