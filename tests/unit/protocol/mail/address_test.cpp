// RFC 5321 4.1.2: what is an address, and what is none.
#include "protocol/mail/address.hpp"

#include <gtest/gtest.h>

namespace valija::mail {
namespace {

TEST(ParseAddress, TakesWhatRealServersSend) {
    for (const char* text :
         {"a@b.example", "a.b+c=d/e@b.example", "\"quoted @ local\"@b.example", "a..b@b.example",
          "x_y@sub.b-c.example", "root@localhost", "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]"}) {
        EXPECT_TRUE(parse_address(text).has_value()) << text;
    }
    EXPECT_EQ(parse_address("Anna@Woodgrove.COM")->text(), "Anna@woodgrove.com");
}

TEST(ParseAddress, RefusesWhatIsNone) {
    const std::string long_local = std::string(65, 'a') + "@b.example";
    const std::string long_domain = "a@" + std::string(64, 'b') + ".example";
    for (const std::string& text :
         {std::string(""), std::string("a"), std::string("@b.example"), std::string("a@"),
          std::string("a b@c.example"), std::string("a@b..example"), std::string("a@-"),
          std::string("a@b\nc"), std::string("a\r@b.example"), std::string("a@[300.1.1.1]"),
          std::string("a@[x]"), std::string("\"open@b.example"), std::string("a@b@c.example"),
          std::string("a<@b.example"), std::string("\xc3\xa1@b.example"), long_local,
          long_domain}) {
        EXPECT_FALSE(parse_address(text).has_value()) << text;
    }
    EXPECT_FALSE(parse_address(std::string_view("a\0b@c.example", 13)).has_value());
}

}  // namespace
}  // namespace valija::mail
