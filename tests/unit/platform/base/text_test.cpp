// Text: what peers write becomes printable, and ASCII rules alone.
#include "platform/base/text.hpp"

#include <gtest/gtest.h>

namespace valija {
namespace {

using Parts = std::vector<std::string_view>;

TEST(Text, CaseIsThatOfAsciiAlone) {
    EXPECT_EQ(lower("AbC-\xc3\x84[]"), "abc-\xc3\x84[]");
    EXPECT_TRUE(equal_ignoring_case("MX.Example", "mx.eXAMPLE"));
    EXPECT_FALSE(equal_ignoring_case("mx.example", "mx.example."));
    EXPECT_FALSE(equal_ignoring_case("[", "{"));  // differ by the bit that makes case
    EXPECT_FALSE(equal_ignoring_case("@", "`"));
    EXPECT_TRUE(starts_with_ignoring_case("FROM:<a>", "from:"));
    EXPECT_FALSE(starts_with_ignoring_case("FRO", "from:"));
    EXPECT_TRUE(starts_with_ignoring_case("", ""));
}

TEST(Text, TrimTakesBlanksAndLineEndsFromBothSides) {
    EXPECT_EQ(trim(" \t\r\na b\r\n"), "a b");
    EXPECT_EQ(trim(" \r\n"), "");
    EXPECT_EQ(trim(""), "");
}

TEST(Text, SplitKeepsEmptyParts) {
    EXPECT_EQ(split("a,,b,", ','), (Parts{"a", "", "b", ""}));
    EXPECT_EQ(split("", ','), (Parts{""}));
    EXPECT_EQ(split("abc", ','), (Parts{"abc"}));
}

TEST(Text, JoinIsTheOtherWayRound) {
    EXPECT_EQ(join({"a", "", "b"}, ", "), "a, , b");
    EXPECT_EQ(join({}, ", "), "");
}

TEST(Text, HexOfEveryByte) {
    EXPECT_EQ(hex(std::string_view("\0\x0f\xf0\xff", 4)), "000FF0FF");
    EXPECT_EQ(hex(""), "");
}

TEST(EscapePeerText, ControlCharactersAndBackslashBecomeHex) {
    EXPECT_EQ(escape_peer_text("a\r\nb\tc\x1b[2J\x7f\\"), "a\\x0D\\x0Ab\\x09c\\x1B[2J\\x7F\\x5C");
    EXPECT_EQ(escape_peer_text(std::string_view("\0", 1)), "\\x00");
}

TEST(EscapePeerText, WhatCannotBeUndoneCannotBeForged) {
    // The escape of an escape is another text than the escape itself.
    EXPECT_NE(escape_peer_text("\\x0A"), escape_peer_text("\n"));
}

TEST(EscapePeerText, WellFormedUtf8StandsAndAllElseDoesNot) {
    for (const char* good : {"caf\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x93\xa8"}) {
        EXPECT_EQ(escape_peer_text(good), good);
    }
    EXPECT_EQ(escape_peer_text("\xff"), "\\xFF");
    EXPECT_EQ(escape_peer_text("\xc3"), "\\xC3");                    // cut short
    EXPECT_EQ(escape_peer_text("\xc0\xaf"), "\\xC0\\xAF");           // an overlong slash
    EXPECT_EQ(escape_peer_text("\xe0\x80\xaf"), "\\xE0\\x80\\xAF");  // the same in three bytes
    EXPECT_EQ(escape_peer_text("\xed\xa0\x80"), "\\xED\\xA0\\x80");  // a surrogate
    EXPECT_EQ(escape_peer_text("\xf4\x90\x80\x80"), "\\xF4\\x90\\x80\\x80");
}

TEST(EscapePeerText, NothingTurnsALineAround) {
    EXPECT_EQ(escape_peer_text("\xe2\x80\xae"), "\\xE2\\x80\\xAE");  // right-to-left override
    EXPECT_EQ(escape_peer_text("\xe2\x80\xa8"), "\\xE2\\x80\\xA8");  // line separator
    EXPECT_EQ(escape_peer_text("\xe2\x81\xa6"), "\\xE2\\x81\\xA6");  // isolate
    EXPECT_EQ(escape_peer_text("\xc2\x85"), "\\xC2\\x85");           // next line
}

TEST(EscapePeerText, IsCutAtTheLimitBetweenCharacters) {
    EXPECT_EQ(escape_peer_text("abcdef", 6), "abcdef");
    EXPECT_EQ(escape_peer_text("abcdefg", 6), "abcdef…");
    EXPECT_EQ(escape_peer_text("abcde\xc3\xa9", 6), "abcde…");
    EXPECT_EQ(escape_peer_text("abc\n", 6), "abc…");
    EXPECT_LE(escape_peer_text(std::string(100000, '\x01')).size(), 1003U);
}

TEST(HostName, WhatDnsAndCertificatesWrite) {
    for (const char* good : {"a", "mx.example.org", "xn--caf-dma.example", "_dmarc.a-b.example",
                             "1.2.3.4", "MX.Example"}) {
        EXPECT_TRUE(is_host_name(good)) << good;
    }
    const std::string label(63, 'a');
    EXPECT_TRUE(is_host_name(label + "." + label + "." + label + "." + label));
    for (const std::string& bad :
         {std::string(), std::string("."), std::string("a."), std::string(".a"),
          std::string("a..b"), std::string("-a"), std::string("a-.b"), std::string("a b"),
          std::string("*.a"), std::string("caf\xc3\xa9"), std::string("a\0b", 3), label + "a",
          label + "." + label + "." + label + "." + label + ".a"}) {
        EXPECT_FALSE(is_host_name(bad)) << bad;
    }
}

TEST(Nearest, SuggestsWhatIsNearAndNothingElse) {
    const std::vector<std::string> known{"receive", "send", "partner"};
    EXPECT_EQ(nearest("recieve", known), "receive");
    EXPECT_EQ(nearest("partners", known), "partner");
    EXPECT_EQ(nearest("xyzzyxyzzy", known), std::nullopt);
    EXPECT_EQ(nearest("on", {"off", "monitor"}), std::nullopt) << "nothing of it is in it";
    EXPECT_EQ(nearest("send", {}), std::nullopt);
}

}  // namespace
}  // namespace valija
