#include "platform/net/ldap_value.hpp"

#include <gtest/gtest.h>

namespace valija::net {
namespace {

TEST(LdapValue, IsDecodedFromBase64) {
    EXPECT_EQ(ldap_value("DN: cn=ca,o=contoso\n\tcertificateRevocationList;binary:: MIIB\n\n"),
              std::string("\x30\x82\x01"));
    EXPECT_EQ(ldap_value("DN: o=x\n\ta;binary:: AA==\n"), std::string(1, '\0'));
    EXPECT_EQ(ldap_value("DN: o=x\n\ta;binary:: AP8=\n"), std::string("\0\xff", 2));
}

TEST(LdapValue, TheFirstOfSeveralIsTaken) {
    EXPECT_EQ(ldap_value("DN: o=x\n\ta:: MTIz\n\ta:: NDU2\n\nDN: o=y\n\ta:: Nzg5\n"), "123");
}

TEST(LdapValue, PlainTextStands) { EXPECT_EQ(ldap_value("DN: o=x\n\tcn: Root CA\n"), "Root CA"); }

TEST(LdapValue, NothingOrNonsenseIsAFault) {
    for (auto const* const text : {"", "DN: o=x\n\n", "\ta:: \n", "\ta:: MII\n", "\ta:: M===\n",
                                   "\ta:: MI!B\n", "\ta:: ====\n"}) {
        auto const value = ldap_value(text);
        ASSERT_FALSE(value) << text;
        EXPECT_EQ(value.error().kind, FaultKind::Input);
    }
}

}  // namespace
}  // namespace valija::net
