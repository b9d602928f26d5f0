// CI-11: changes on the partner's side are told.
#include "transport/route/mx_changes.hpp"

#include <gmock/gmock.h>

namespace valija::route {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<settings::KnownMx> kKnown = {
    {.host = "mx1.partner.example", .addresses = {"192.0.2.1", "2001:db8::1"}},
    {.host = "mx2.partner.example", .addresses = {"192.0.2.2"}}};

Plan plan_of(std::vector<std::string> hosts,
             std::vector<std::string> domains = {"partner.example"}) {
    Plan plan;
    plan.domain = "partner.example";
    plan.hosts = std::move(hosts);
    auto partner = std::make_shared<partners::PartnerRules>();
    partner->domains = std::move(domains);
    plan.partner = partner;
    return plan;
}

std::vector<std::string> told(const Plan& plan,
                              const std::map<std::string, std::vector<std::string>>& addresses = {},
                              const std::vector<settings::KnownMx>& known = kKnown) {
    std::vector<std::string> all;
    for (const Text& change : mx_changes(known, plan, addresses)) all.push_back(change.english());
    return all;
}

TEST(MxChanges, CI11NothingIsToldWhereNothingChanged) {
    EXPECT_THAT(told(plan_of({"mx2.partner.example", "mx1.partner.example"}),
                     {{"mx1.partner.example", {"2001:DB8:0::1", "192.0.2.1"}}}),
                IsEmpty());
}

TEST(MxChanges, CI11ANewHostAGoneHostAndANewAddressAreTold) {
    EXPECT_THAT(told(plan_of({"mx1.partner.example", "mx9.evil.example"}),
                     {{"mx1.partner.example", {"192.0.2.1", "203.0.113.7"}}}),
                ElementsAre("mx1.partner.example has the address 203.0.113.7 now; the file knows "
                            "192.0.2.1, 2001:db8::1",
                            "mx9.evil.example is a new MX host of partner.example; the file knows "
                            "mx1.partner.example, mx2.partner.example",
                            "mx2.partner.example is no longer an MX host of partner.example"));
}

TEST(MxChanges, OfSeveralDomainsEachMayLackTheHostsOfTheOther) {
    EXPECT_THAT(told(plan_of({"mx1.partner.example"}, {"partner.example", "other.example"})),
                IsEmpty());
}

TEST(MxChanges, WithoutPinsMxOrAnswerThereIsNothingToTell) {
    EXPECT_THAT(told(plan_of({"mx9.evil.example"}), {}, {}), IsEmpty());
    Plan failed = plan_of({});
    failed.kind = Kind::LookUpFailed;
    EXPECT_THAT(told(failed), IsEmpty());
    Plan routed = plan_of({"relay.example"});
    routed.routes = {"relay.example"};
    EXPECT_THAT(told(routed), IsEmpty());
    EXPECT_THAT(told(plan_of({"mx1.partner.example", "mx2.partner.example"}),
                     {{"mx1.partner.example", {"203.0.113.7"}}},
                     {{.host = "mx1.partner.example", .addresses = {}},
                      {.host = "mx2.partner.example", .addresses = {}}}),
                IsEmpty())
        << "no address was pinned";
}

TEST(MxChanges, WhatIsToldIsBoundedAndEscaped) {
    std::vector<std::string> many;
    for (int i = 0; i < 50; ++i) many.push_back("a\x1B" + std::to_string(i));
    const auto all = told(plan_of(many));
    EXPECT_EQ(all.size(), 10U);
    for (const std::string& text : all) EXPECT_EQ(text.find('\x1B'), std::string::npos);
}

}  // namespace
}  // namespace valija::route
