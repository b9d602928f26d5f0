// The plain rules of names, look-alikes (EX-110, EX-114, CI-14), and why a name misses.
#include "trust/identity/names.hpp"

#include <gmock/gmock.h>

#include "trust/identity/lookalike.hpp"

namespace valija::identity {
namespace {

TEST(Names, ExactComparesHostNamesWithoutCase) {
    EXPECT_EQ(exact_rule("a.example", "A.Example"), NameRule::Exact);
    for (const char* name : {"a.example.", "*.example", "b.example", "", "xa.example"}) {
        EXPECT_EQ(exact_rule("a.example", name), NameRule::None) << name;
    }
    EXPECT_EQ(exact_rule("", ""), NameRule::None);
    EXPECT_EQ(exact_rule("*.a.example", "*.a.example"), NameRule::None);
}

TEST(Names, AWildcardCoversExactlyOneLabel) {
    EXPECT_EQ(wildcard_rule("a.b.example", "*.b.example"), NameRule::Wildcard);
    for (const char* name : {"*.example", "*", "*.", "*..b.example", "**.b.example", "*.*.example",
                             "a*.b.example", "*.a.b.example", "*.b.example."}) {
        EXPECT_EQ(wildcard_rule("a.b.example", name), NameRule::None) << name;
    }
    EXPECT_EQ(wildcard_rule("b.example", "*.example"), NameRule::None) << "public-suffix-like";
    EXPECT_EQ(wildcard_rule("", "*."), NameRule::None);
    EXPECT_EQ(wildcard_rule("*.b.example", "*.b.example"), NameRule::None);
}

TEST(Names, ANulByteEndsNothing) {
    const std::string hidden("a.example\0.evil.not", 19);
    EXPECT_EQ(exact_rule("a.example", hidden), NameRule::None);
    EXPECT_EQ(wildcard_rule("a.example", hidden), NameRule::None);
}

// International names are compared as A-labels; a U-label in a certificate is no host name.
TEST(Names, InternationalNamesAreComparedAsALabels) {
    EXPECT_EQ(exact_rule("xn--bcher-kva.example", "xn--bcher-kva.example"), NameRule::Exact);
    EXPECT_EQ(exact_rule("xn--bcher-kva.example", "bücher.example"), NameRule::None);
    EXPECT_EQ(nearest_miss("xn--bcher-kva.example", "bücher.example").english(),
              "letters beyond ASCII are never a host name");
    EXPECT_EQ(wildcard_rule("xn--bcher-kva.b.example", "*.b.example"), NameRule::Wildcard);
    EXPECT_EQ(wildcard_rule("xn--bcher-kva.b.example", "xn--*.b.example"), NameRule::None);
}

TEST(Names, TheMissIsNamed) {
    const std::vector<std::tuple<const char*, const char*, const char*>> all = {
        {"a.example", "*.a.example", "a wildcard does not cover its own parent here"},
        {"a.example", "b.a.example", "one label below; this profile does not allow it"},
        {"a.example", "*.example", "a wildcard below a top-level domain covers nothing"},
        {"a.example", "A.example", "this profile does not compare the two"},
        {"woodgrovebank.com", "woodgr0vebank.com",
         "looks like woodgrovebank.com, but is another name"},
    };
    for (const auto& [reference, name, words] : all) {
        EXPECT_EQ(nearest_miss(reference, name).english(), words);
    }
}

TEST(LookAlike, LettersOfOtherScriptsDigitsAndTyposAreSeen) {
    const std::vector<std::pair<const char*, const char*>> alike = {
        {"woodgrovebank.com", "woodgr0vebank.com"},
        {"woodgrovebank.com", "woodgrovebamk.com"},
        {"woodgrovebank.com", "woodgrovbank.com"},
        {"woodgrovebank.com", "woodgrovebannk.com"},
        {"woodgrovebank.com", "wodogrovebank.com"},
        {"woodgrovebank.com", "vvoodgrovebank.com"},
        {"woodgrovebank.com", "wood-grovebank.com"},
        {"woodgrovebank.com", "mail.woodgr0vebank.com"},
        {"woodgrovebank.com", "*.woodgr0vebank.com"},
        {"woodgrovebank.com", "WOODGR0VEBANK.com"},
        {"paypal.com", "paypa1.com"},
        {"modern.example", "modem.example"},
        {"paypal.com", "xn--pypal-4ve.com"},          // Cyrillic а
        {"microsoft.com", "xn--mcrosoft-c2a.com"},    // ï, the seed's own example
        {"xn--bcher-kva.example", "bucher.example"},  // ü
    };
    for (const auto& [reference, name] : alike) {
        EXPECT_TRUE(looks_like(reference, name)) << name;
    }
}

TEST(LookAlike, OrdinaryOtherNamesAreNot) {
    const std::vector<std::pair<const char*, const char*>> others = {
        {"woodgrovebank.com", "woodgrovebank.com"},
        {"woodgrovebank.com", "mail.woodgrovebank.com"},
        {"woodgrovebank.com", "a.mail.woodgrovebank.com"},
        {"woodgrovebank.com", "woodgrovebank.net"},
        {"woodgrovebank.com", "contoso.com"},
        {"mail01.example", "mail02.example"},
        {"a.example", "b.example"},
        {"woodgrovebank.com", ""},
        {"", "woodgrovebank.com"},
        {"paypal.com", "xn--.com"},
        {"paypal.com", "xn--99999999999999999.com"},
    };
    for (const auto& [reference, name] : others) {
        EXPECT_FALSE(looks_like(reference, name)) << name;
    }
    EXPECT_FALSE(looks_like(std::string(5000, 'a'), std::string(5001, 'a')));
}

// RFC 3492 7.1, some of its samples.
TEST(LookAlike, PunycodeIsDecodedAsTheRfcSays) {
    EXPECT_EQ(decode_punycode("bcher-kva"), U"b\u00FCcher");
    EXPECT_EQ(decode_punycode("ihqwcrb4cv8a8dqg056pqjye"),
              U"\u4ED6\u4EEC\u4E3A\u4EC0\u4E48\u4E0D\u8BF4\u4E2D\u6587");
    EXPECT_EQ(decode_punycode("egbpdaj6bu4bxfgehfvwxn"),
              U"\u0644\u064A\u0647\u0645\u0627\u0628\u062A\u0643\u0644\u0645\u0648\u0634\u0639"
              U"\u0631\u0628\u064A\u061F");
    EXPECT_EQ(decode_punycode("99999999"), U"");
    EXPECT_EQ(decode_punycode("kva!"), U"");
    EXPECT_EQ(decode_punycode(std::string(64, 'a')), U"");
}

}  // namespace
}  // namespace valija::identity
