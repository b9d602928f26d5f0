// Pins, routes and known MX hosts as they are written in a partner's file (CI-09, CI-10, CI-39).
#include "directory/settings/values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace valija::settings {
namespace {

using testing::ElementsAre;

const std::string digits(64, 'a');

TEST(Values, APinIsHexOrBase64AndBecomesUpperCaseHex) {
    EXPECT_EQ(read_pin(digits), std::string(64, 'A'));
    EXPECT_EQ(read_pin("00:FF:" + std::string(60, '0')), "00FF" + std::string(60, '0'));
    // SHA-256 of nothing, as `openssl dgst -sha256 -binary </dev/null | base64` gives it.
    const std::string empty = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
    EXPECT_EQ(read_pin("sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="), empty);
    EXPECT_EQ(read_pin("sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="), empty);
    // A digest may begin with the slash that curl writes twice.
    const std::string slashed = "FD702489C4E609F82152578A01E6DA876F6B0B8E8FC4141B63EA7C6972BA2E61";
    EXPECT_EQ(read_pin("sha256//XAkicTmCfghUleKAebah29rC46PxBQbY+p8aXK6LmE="), slashed);
    EXPECT_EQ(read_pin("sha256///XAkicTmCfghUleKAebah29rC46PxBQbY+p8aXK6LmE="), slashed);
    for (const std::string& bad :
         {std::string(), digits.substr(1), digits + "a", std::string(64, 'g'),
          std::string("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
          std::string("sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"),
          std::string("sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV="),
          std::string("sha256/47DEQpj8HBSa-/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
          std::string("sha256/"), std::string("sha1/47DEQpj8HBSa")}) {
        EXPECT_EQ(read_pin(bad), std::nullopt) << bad;
    }
}

TEST(Values, ARouteIsAHostOrAnAddressAndAPriority) {
    const auto host = read_route("Relay.Host.example  10");
    ASSERT_TRUE(host);
    EXPECT_EQ(host->host, "relay.host.example");
    EXPECT_EQ(host->priority, 10U);
    EXPECT_FALSE(host->is_address);
    EXPECT_EQ(read_route("relay.host.example")->priority, 0U) << "0 is highest and the default";
    EXPECT_TRUE(read_route("192.0.2.9")->is_address);
    EXPECT_TRUE(read_route("2001:db8::9 20")->is_address);
    for (const char* bad :
         {"", " ", "relay", "relay.example -1", "relay.example 65536", "relay.example 1 2", "a b",
          "*.example.com", "relay.example:25", "[192.0.2.9]", "räla.example"}) {
        EXPECT_FALSE(read_route(bad)) << bad;
    }
    EXPECT_FALSE(read_route(std::string_view("192.0.2.9\0x", 11)));
}

TEST(Values, AKnownMxIsAHostWithItsAddresses) {
    const auto known = read_known_mx("MX1.partner.example 192.0.2.1 2001:db8::1");
    ASSERT_TRUE(known);
    EXPECT_EQ(known->host, "mx1.partner.example");
    EXPECT_THAT(known->addresses, ElementsAre("192.0.2.1", "2001:db8::1"));
    EXPECT_TRUE(read_known_mx("mx1.partner.example")->addresses.empty());
    for (const char* bad : {"", "mx1", "192.0.2.1", "mx1.partner.example x"}) {
        EXPECT_FALSE(read_known_mx(bad)) << bad;
    }
}

TEST(Values, AULabelHasItsALabel) {
    EXPECT_EQ(a_label_of("bücher.example"), "xn--bcher-kva.example");
    EXPECT_EQ(a_label_of("straße.example"), "xn--strae-oqa.example") << "IDNA2008";
    EXPECT_EQ(a_label_of("ascii.example"), std::nullopt);
    EXPECT_EQ(a_label_of("b\xFC.example"), std::nullopt) << "not UTF-8";
    EXPECT_EQ(a_label_of("büch er.example"), std::nullopt);
    EXPECT_EQ(a_label_of(std::string(300, 'x') + "ü"), std::nullopt);
}

}  // namespace
}  // namespace valija::settings
