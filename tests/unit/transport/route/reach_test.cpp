// How a host was reached: CI-31, CI-36..40; RFC 7672.
#include "transport/route/reach.hpp"

#include <gtest/gtest.h>

#include "support/run.hpp"
#include "unit/transport/route/table_resolver.hpp"

namespace valija::route {
namespace {

using identity::Profile;
using test::TableResolver;
using valija::test::run;

Plan plan_of(std::vector<std::string> hosts) {
    Plan plan;
    plan.domain = "woodgrovebank.com";
    plan.hosts = std::move(hosts);
    return plan;
}

// CI-40: MX or route: the facts that change the references.
TEST(Reach, CI40HostOfTheMxOrNamesOfTheRoutes) {
    Plan by_mx = plan_of({"mx.woodgrovebank.com"});
    by_mx.mx_secure = true;
    const auto mx = reached_by(by_mx, "mx.woodgrovebank.com", "192.0.2.1");
    EXPECT_EQ(mx.host, "mx.woodgrovebank.com");
    EXPECT_TRUE(mx.host_is_secure);
    EXPECT_EQ(mx.address, "192.0.2.1");
    EXPECT_TRUE(mx.routes.empty());

    Plan by_route = plan_of({"relay.host.example"});
    by_route.routes = {"relay.host.example"};
    const auto route = reached_by(by_route, "relay.host.example", "192.0.2.9");
    EXPECT_EQ(route.host, "");
    EXPECT_EQ(route.routes, by_route.routes);
}

// CI-38
TEST(Reach, CI38ARouteByAddressBringsTheMxName) {
    Plan plan = plan_of({"[192.0.2.9]"});
    plan.routes = {"192.0.2.9"};
    plan.mx_host = "mx.woodgrovebank.com";
    const auto reached = reached_by(plan, "[192.0.2.9]", "192.0.2.9");
    EXPECT_EQ(reached.host, "mx.woodgrovebank.com");
    EXPECT_FALSE(reached.host_is_secure);
    EXPECT_EQ(reached_by(plan_of({"[192.0.2.9]"}), "[192.0.2.9]", "192.0.2.9").host, "")
        << "an address literal has no name";
}

TEST(Reach, OnlyWhatTheProfileComparesIsLookedUp) {
    TableResolver dns;
    dns.ptr_records["192.0.2.1"] = {{.name = "mx0a.host.example", .confirmed = true},
                                    {.name = "x.example", .confirmed = false}};
    dns.tlsa_answers["mx.example"] = {
        .state = net::TlsaState::Secure,
        .base_domain = "real.example",
        .records = {{.usage = 3, .selector = 1, .matching = 1, .data = "digest"}},
        .cause = {}};
    const identity::Reached known{
        .address = "192.0.2.1", .host = "mx.example", .host_is_secure = true};
    for (const Profile profile : {Profile::Exchange, Profile::CiscoHosted, Profile::Strict,
                                  Profile::Pinned, Profile::Direct}) {
        run(reach(known, profile, 25, &dns));
    }
    EXPECT_EQ(dns.asked, 0U);
    const auto verify = run(reach(known, Profile::CiscoVerify, 25, &dns));
    ASSERT_EQ(verify.ptr.size(), 2U);
    EXPECT_TRUE(verify.ptr[0].confirmed);
    EXPECT_FALSE(verify.ptr[1].confirmed);
    EXPECT_EQ(verify.tlsa.state, dane::TlsaState::NotAsked);
    const auto dane = run(reach(known, Profile::Dane, 25, &dns));
    EXPECT_EQ(dane.tlsa.state, dane::TlsaState::Secure);
    EXPECT_EQ(dane.tlsa.base_domain, "real.example");
    ASSERT_EQ(dane.tlsa.records.size(), 1U);
    EXPECT_EQ(dane.tlsa.records[0].data, "digest");
    EXPECT_EQ(dns.asked, 2U);
}

// RFC 7672 2.2.1: whoever forges the MX could name a signed host of his own, with his own records.
TEST(Reach, RecordsOfAHostThatAnUnsignedMxNamesAreNotAsked) {
    TableResolver dns;
    dns.tlsa_answers["mx.example"] = {.state = net::TlsaState::Secure,
                                      .base_domain = "mx.example",
                                      .records = {{.usage = 3, .data = "digest"}},
                                      .cause = {}};
    const identity::Reached known{.address = "192.0.2.1", .host = "mx.example"};
    EXPECT_EQ(run(reach(known, Profile::Dane, 25, &dns)).tlsa.state, dane::TlsaState::NotAsked);
    EXPECT_EQ(dns.asked, 0U);
}

TEST(Reach, ALookUpThatFailsIsNeverNone) {
    TableResolver dns;
    dns.fails = true;
    const identity::Reached known{
        .address = "192.0.2.1", .host = "mx.example", .host_is_secure = true};
    EXPECT_TRUE(run(reach(known, Profile::CiscoVerify, 25, &dns)).ptr.empty());
    EXPECT_EQ(run(reach(known, Profile::Dane, 25, &dns)).tlsa.state, dane::TlsaState::Failed);
}

TEST(Reach, EveryStateOfTheResolverIsItsOwn) {
    for (const auto& [from, to] : std::vector<std::pair<net::TlsaState, dane::TlsaState>>{
             {net::TlsaState::None, dane::TlsaState::None},
             {net::TlsaState::Insecure, dane::TlsaState::Insecure},
             {net::TlsaState::Failed, dane::TlsaState::Failed},
             {net::TlsaState::Secure, dane::TlsaState::Secure}}) {
        EXPECT_EQ(tlsa_from({.state = from, .base_domain = {}, .records = {}, .cause = {}}).state,
                  to);
    }
}

}  // namespace
}  // namespace valija::route
