// References that are addresses (RFC 9525 6.5, RFC 5280 7.5).
#include "trust/identity/address_match.hpp"

#include <gmock/gmock.h>

#include "support/certificates.hpp"

namespace valija::identity {
namespace {

using valija::test::make_certificate;

x509::Certificate carrying(const std::string& names) {
    return make_certificate(
               {.subject = {{"CN", "192.0.2.1"}}, .extensions = {{"subjectAltName", names}}})
        .certificate;
}

std::string v4(unsigned char last) { return std::string{'\xC0', '\x00', '\x02', char(last)}; }

StepState judged(const Rule& rule, const std::string& names) {
    return address_step(rule, carrying(names)).state;
}

TEST(AddressMatch, AnAddressMatchesItsOwnBytesAlone) {
    const Rule rule{.ip_addresses = {v4(1)}};
    EXPECT_EQ(judged(rule, "IP:192.0.2.1"), StepState::Pass);
    EXPECT_EQ(judged(rule, "DNS:a.example,IP:192.0.2.9,IP:192.0.2.1"), StepState::Pass);
    for (const char* names :
         {"IP:192.0.2.2", "IP:::ffff:192.0.2.1", "DNS:192.0.2.1", "email:a@b.example"}) {
        EXPECT_EQ(judged(rule, names), StepState::Fail) << names;
    }
}

TEST(AddressMatch, EachReferenceMustBeThere) {
    const Rule rule{.ip_addresses = {v4(1), v4(2)}, .emails = {"a@b.example"}};
    EXPECT_EQ(judged(rule, "IP:192.0.2.1,IP:192.0.2.2,email:a@b.example"), StepState::Pass);
    EXPECT_EQ(judged(rule, "IP:192.0.2.1,email:a@b.example"), StepState::Fail);
    EXPECT_EQ(judged(rule, "IP:192.0.2.1,IP:192.0.2.2"), StepState::Fail);
    EXPECT_EQ(compare_addresses(rule, carrying("IP:192.0.2.1,email:a@b.example")).size(), 3U);
}

TEST(AddressMatch, OfAMailAddressOnlyTheDomainIsWithoutCase) {
    EXPECT_TRUE(same_email("Joe@example.com", "Joe@EXAMPLE.com"));
    EXPECT_FALSE(same_email("Joe@example.com", "joe@example.com"));
    EXPECT_FALSE(same_email("joe@example.com", "joe@mail.example.com"));
    EXPECT_FALSE(same_email("@example.com", "@example.com"));
    EXPECT_FALSE(same_email("joe", "joe"));
    EXPECT_FALSE(same_email("joe@a b", "joe@a b"));
    EXPECT_TRUE(same_email("a@b@example.com", "a@b@example.com"));
}

TEST(AddressMatch, AddressesAreWrittenAsPeopleKnowThem) {
    EXPECT_EQ(ip_text(v4(1)), "192.0.2.1");
    const std::string zeros(16, '\0');
    EXPECT_EQ(ip_text(zeros), "::");
    EXPECT_EQ(ip_text(zeros.substr(1) + '\1'), "::1");
    EXPECT_EQ(ip_text(std::string("\x20\x01\x0d\xb8") + zeros.substr(4)), "2001:db8::");
    std::string groups = std::string("\x20\x01\x0d\xb8") + zeros.substr(4);
    groups[7] = '\1';
    groups[15] = '\x9';
    EXPECT_EQ(ip_text(groups), "2001:db8:0:1::9");
    EXPECT_EQ(ip_text("abc"), "616263");
}

}  // namespace
}  // namespace valija::identity
