// How `valija check` tells what it found: issue 4 "Explain", EX-08, CI-42.
#include "control/explain/check_text.hpp"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "trust/authority/authority.hpp"

namespace valija::explain {
namespace {

using namespace std::chrono_literals;
using identity::Show;
using testing::HasSubstr;
using testing::Not;

const Time kNow = Time(1'760'000'000'000ms);

AddressReport address(bool good) {
    AddressReport report{.host = "mail.woodgrovebank.com",
                         .address = "192.0.2.1:25",
                         .heard = {},
                         .evidence = std::nullopt,
                         .ladder = {},
                         .names = {},
                         .trouble = std::nullopt};
    report.heard.greeting = "220 mail.woodgrovebank.com ESMTP";
    report.heard.offers = {"SIZE 0", "STARTTLS"};
    auto ca = *authority::Authority::create("Root", kNow - 24h, kNow + 24h);
    report.evidence = x509::Evidence{
        .protocol = "TLSv1.3",
        .cipher = "TLS_AES_256_GCM_SHA384",
        .server_name = {},
        .peer_chain = {ca.issue({.common_name = "mail.woodgrovebank.com",
                                 .dns_names = {"mail.woodgrovebank.com", "mx.woodgrovebank.com"},
                                 .not_before = kNow - 1h,
                                 .not_after = kNow + 1h,
                                 .crl_urls = {}})
                           ->certificate},
        .own_chain = {}};
    report.ladder.add(
        {.name = identity::StepName::Identity,
         .state = good ? identity::StepState::Pass : identity::StepState::Fail,
         .evidence = Text::verbatim("names"),
         .reason = good ? identity::Reason::None : identity::Reason::SubjectMismatch});
    report.ladder.conclude();
    return report;
}

CheckReport report(bool good, Standing inbound = Standing::Good) {
    DomainReport domain{.domain = "woodgrovebank.com",
                        .partner = "woodgrovebank",
                        .outbound = Outbound{},
                        .inbound = {}};
    domain.outbound->standing = good ? Standing::Good : Standing::Bad;
    domain.outbound->addresses = {address(good)};
    domain.inbound.standing = inbound;
    return {.domains = {domain}};
}

// CI-42: what the manual check with openssl shows is shown, without it.
TEST(CheckText, CI42SubjectAndEveryDnsNameAreShownAlways) {
    const std::string text = check_text(report(true), Show::Findings, Language::English);
    EXPECT_THAT(text, HasSubstr("CN=mail.woodgrovebank.com"));
    EXPECT_THAT(text, HasSubstr("DNS:mail.woodgrovebank.com"));
    EXPECT_THAT(text, HasSubstr("DNS:mx.woodgrovebank.com"));
    EXPECT_THAT(text, HasSubstr("SIZE 0, STARTTLS"));
    EXPECT_THAT(text, HasSubstr("TLSv1.3"));
}

TEST(CheckText, BothLanguagesAreSpoken) {
    EXPECT_THAT(check_text(report(false), Show::Findings, Language::English),
                HasSubstr("mail to woodgrovebank.com: NOT GOOD"));
    EXPECT_THAT(check_text(report(false), Show::Findings, Language::Spanish),
                HasSubstr("correo para woodgrovebank.com: MAL"));
}

TEST(CheckText, OneGoodAddressOfTwoIsPartlyGood) {
    CheckReport mixed = report(false);
    mixed.domains.front().outbound->addresses.push_back(address(true));
    EXPECT_THAT(check_text(mixed, Show::Findings, Language::English),
                HasSubstr("mail to woodgrovebank.com: PARTLY GOOD"));
    EXPECT_THAT(check_text(mixed, Show::Findings, Language::Spanish), HasSubstr("BIEN EN PARTE"));
}

TEST(CheckText, WhatIsNotGoodComesFirst) {
    const std::string text =
        check_text(report(true, Standing::Bad), Show::Findings, Language::English);
    EXPECT_LT(text.find("mail from woodgrovebank.com"), text.find("mail to woodgrovebank.com"));
}

TEST(CheckJson, KeysAreStable) {
    const auto object = check_json(report(false));
    EXPECT_EQ(object.at("standing"), "not proven");
    const auto& out = object.at("domains").as_array().at(0).at("outbound");
    EXPECT_EQ(out.at("ladder").as_array().at(0).at("step"), "identity");
    EXPECT_EQ(out.at("ladder").as_array().at(0).at("reason"), "SubjectMismatch");
    EXPECT_EQ(out.at("addresses").as_array().at(0).at("tls").at("protocol"), "TLSv1.3");
}

// A client's certificate that is only presumed cannot make a proven path a failure.
TEST(CheckReport, APresumedClientMakesItUnsureOnly) {
    EXPECT_EQ(report(true).standing(), Standing::Good);
    EXPECT_EQ(report(false).standing(), Standing::Bad);
    EXPECT_EQ(report(true, Standing::Bad).standing(), Standing::Unsure);
    CheckReport doors = report(true, Standing::Bad);
    doors.domains.front().inbound.doors_are_good = false;
    EXPECT_EQ(doors.standing(), Standing::Bad);
    CheckReport client = report(true, Standing::Bad);
    client.domains.front().outbound.reset();
    EXPECT_EQ(client.standing(), Standing::Bad) << "of --as-client the certificate is known";
}

TEST(CheckReport, WhatWasLeftOutIsToldAndMakesItUnsure) {
    CheckReport cut = report(true);
    cut.left_out = {"eleventh.example"};
    EXPECT_EQ(cut.standing(), Standing::Unsure);
    const std::string english = check_text(cut, Show::Findings, Language::English);
    EXPECT_THAT(english, HasSubstr("Not every domain was looked at"));
    EXPECT_THAT(english, HasSubstr("eleventh.example"));
    EXPECT_THAT(check_text(cut, Show::Findings, Language::Spanish),
                HasSubstr("No se miraron todos los dominios"));
    EXPECT_EQ(check_json(cut).at("cut"), true);
    EXPECT_EQ(check_json(cut).at("left_out").as_array().at(0), "eleventh.example");
    EXPECT_EQ(check_json(report(true)).at("cut"), false);
    CheckReport bad = report(false);
    bad.left_out = {"eleventh.example"};
    EXPECT_EQ(bad.standing(), Standing::Bad);
}

TEST(AddressReport, AProvenPathOnWhichTheServerThenFailsIsNotGood) {
    AddressReport one = address(true);
    EXPECT_TRUE(one.is_good());
    one.trouble = deliver::Trouble{};
    EXPECT_FALSE(one.is_good());
}

}  // namespace
}  // namespace valija::explain
