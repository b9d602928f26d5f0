// EX-100 to EX-110, EX-114.
#include "trust/keystore/subject.hpp"

#include <gmock/gmock.h>

namespace valija::keystore {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// "C=US|O=contoso corp" in the order of encoding, or the fault.
std::string parsed(std::string_view text, const std::vector<std::string>& known = {}) {
    const auto subject = parse_subject(text, known);
    if (!subject) return subject.error().text();
    std::string all;
    for (const SubjectComponent& component : subject->components) {
        all += (all.empty() ? "" : "|") + component.abbreviation + "=" + component.value;
    }
    return all;
}

std::vector<std::string> warnings(std::string_view text) {
    const auto subject = parse_subject(text);
    return subject ? subject->warnings : std::vector<std::string>{subject.error().text()};
}

struct Example {
    std::string_view typed, encoded;
};

class SubjectExamples : public testing::TestWithParam<Example> {};

TEST_P(SubjectExamples, AreReadAsTheDocumentsMeanThem) {
    EXPECT_EQ(parsed(GetParam().typed), GetParam().encoded);
}

// Every example of EX-43, EX-105 to EX-108 and EX-127.
INSTANTIATE_TEST_SUITE_P(
    OfTheDocuments, SubjectExamples,
    testing::Values(
        Example{"C=US o=contoso corp, CN=mail1.contoso.com",
                "C=US|O=contoso corp|CN=mail1.contoso.com"},
        Example{"O=contoso corp, CN=mail1.contoso.com", "O=contoso corp|CN=mail1.contoso.com"},
        Example{"DC=contoso, DC=com, CN=mail1.contoso.com",
                "DC=com|DC=contoso|CN=mail1.contoso.com"},
        Example{"DC= contoso, DC=com, O=contoso corp, CN=mail1.contoso.com",
                "DC=com|DC=contoso|O=contoso corp|CN=mail1.contoso.com"},
        Example{"c=us, o=contoso corp, cn=mail1.contoso.com",
                "C=US|O=contoso corp|CN=mail1.contoso.com"},
        Example{"DC=com,DC=Contoso,CN=mail1.contoso.com", "DC=com|DC=Contoso|CN=mail1.contoso.com"},
        Example{"\"C=ES,O=Diversión de Bicicleta,CN=mail1. DiversiondeBicicleta.com\"",
                "C=ES|O=Diversión de Bicicleta|CN=mail1. DiversiondeBicicleta.com"}));

INSTANTIATE_TEST_SUITE_P(
    Lenient, SubjectExamples,
    testing::Values(Example{"CN = a ;O=b", "O=b|CN=a"}, Example{"  CN=a  ,, ", "CN=a"},
                    Example{"O=\"Contoso, Inc\", CN=a", "O=Contoso, Inc|CN=a"},
                    Example{"O=\"Contoso = CN=x\" CN=a", "O=Contoso = CN=x|CN=a"},
                    Example{"O=Contoso\\, Inc,CN=a", "O=Contoso, Inc|CN=a"},
                    Example{"O=a\\ ,CN=a", "O=a |CN=a"},
                    Example{"ST=Bavaria,CN=a", "S=Bavaria|CN=a"},
                    Example{"O=1+1=2,CN=a", "O=1+1=2|CN=a"}));

// EX-100: the order of the table, whatever was typed.
// EX-111: it is warned of nowhere; host names go among the DNS names.
TEST(Subject, TheCommonNameNeedNotBeAHostName) {
    const auto parsed = parse_subject("O=Contoso, CN=Mail of the bank", {"contoso.com"});
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_EQ(parsed->components.back().value, "Mail of the bank");
    EXPECT_EQ(wrong_dns_name("Mail of the bank").empty(), false);
}

TEST(Subject, ComponentsAreEncodedInTheOrderOfTheTable) {
    EXPECT_EQ(parsed("CN=a,OU=x,OU=y,O=o,L=l,S=s,C=de"), "C=DE|S=s|L=l|O=o|OU=x|OU=y|CN=a");
    EXPECT_EQ(parse_subject("C=de,O=o,CN=a")->text(), "CN=a, O=o, C=DE");
}

// EX-106, and "DN order" of the design.
TEST(Subject, DomainComponentsGoFromTheRootDown) {
    EXPECT_EQ(parsed("DC=mail,DC=contoso,CN=a"), "DC=contoso|DC=mail|CN=a")
        << "nothing tells: leaf first";
    EXPECT_EQ(parsed("DC=uk,DC=co,DC=contoso,CN=mail.contoso.co.uk"),
              "DC=uk|DC=co|DC=contoso|CN=mail.contoso.co.uk");
    EXPECT_EQ(parsed("DC=lan,DC=contoso", {"contoso.lan"}), "DC=lan|DC=contoso");
    EXPECT_EQ(parsed("DC=contoso,DC=lan", {"contoso.lan"}), "DC=lan|DC=contoso");
    EXPECT_EQ(parsed("DC=org,DC=contoso"), "DC=org|DC=contoso");
}

// EX-100, EX-101, EX-103, EX-109.
TEST(Subject, TypesSizesAndFrequenciesAreEnforced) {
    EXPECT_THAT(parsed("C=USA"), HasSubstr("country code"));
    EXPECT_THAT(parsed("C=XX"), HasSubstr("country code"));
    EXPECT_THAT(parsed("C=D "), HasSubstr("country code"));
    EXPECT_THAT(parsed("DC=mïcrosoft"), HasSubstr("ASCII"));
    EXPECT_THAT(parsed("C=DE,C=ES"), HasSubstr("character 8: C may be given once only"));
    EXPECT_THAT(parsed("O=a,O=b"), HasSubstr("once"));
    EXPECT_THAT(parsed("S=" + std::string(129, 's')), HasSubstr("at most 128"));
    EXPECT_THAT(parsed("L=" + std::string(129, 'l')), HasSubstr("at most 128"));
    EXPECT_THAT(parsed("O=" + std::string(65, 'o')), HasSubstr("at most 64"));
    EXPECT_THAT(parsed("OU=" + std::string(65, 'u')), HasSubstr("at most 64"));
    EXPECT_THAT(parsed("CN=" + std::string(65, 'c')), HasSubstr("--domain"));
    EXPECT_EQ(parsed("CN=" + std::string(64, 'c')), "CN=" + std::string(64, 'c'));
    const std::string half(128, 'd');
    EXPECT_THAT(parsed("DC=" + half + ",DC=" + half), HasSubstr("together"));
}

TEST(Subject, SizesCountCharactersNotBytes) {
    std::string umlauts;
    for (int i = 0; i < 64; ++i) umlauts += "ü";
    EXPECT_EQ(parsed("O=" + umlauts), "O=" + umlauts);
}

TEST(Subject, WhatIsWrongIsSaidWithItsPosition) {
    EXPECT_THAT(parsed(""), HasSubstr("empty"));
    EXPECT_THAT(parsed(" , "), HasSubstr("empty"));
    EXPECT_THAT(parsed("CN"), HasSubstr("character 1: \"CN\" is not of the form KEY=value"));
    EXPECT_THAT(parsed("CN=a,mail"), HasSubstr("character 6"));
    EXPECT_THAT(parsed("O=ü,XY=1"), HasSubstr("character 5: a subject has no \"XY\""));
    EXPECT_THAT(parsed("CN="), HasSubstr("CN is empty"));
    EXPECT_THAT(parsed("O=\"a"), HasSubstr("character 3: the quotation mark is not closed"));
    EXPECT_THAT(parsed("O=\"a\"b"), HasSubstr("a comma is wanted"));
    EXPECT_THAT(parsed("CN=a\\"), HasSubstr("backslash"));
    EXPECT_THAT(parsed("CN=a\xFFz"), HasSubstr("character 5: it is not UTF-8"));
    EXPECT_THAT(parsed("CN=\xC0\x80"), HasSubstr("not UTF-8"));
    EXPECT_THAT(parsed(std::string_view("CN=a\0b", 6)), HasSubstr("control character"));
    EXPECT_THAT(parsed(std::string(9000, 'a')), HasSubstr("longer than 8192"));
    std::string many;
    for (int i = 0; i < 65; ++i) many += "OU=a,";
    EXPECT_THAT(parsed(many), HasSubstr("more than 64"));
}

// EX-102, EX-104, EX-110.
TEST(Subject, WhatIsLegalButUnwiseIsWarnedOf) {
    EXPECT_THAT(warnings("O=contoso,CN=mail.contoso.com"), IsEmpty());
    EXPECT_THAT(warnings("C=US,DC=com,CN=a"), ElementsAre(HasSubstr("C and DC")));
    EXPECT_THAT(warnings("CN=a,CN=b"), ElementsAre(HasSubstr("2 common names")));
    EXPECT_THAT(warnings("CN=mail.mïcrosoft.com"), ElementsAre(HasSubstr("never taken")));
    EXPECT_THAT(warnings("CN=mail1. a.com"), ElementsAre(HasSubstr("blank")));
}

// EX-114.
TEST(DnsName, OnlyLettersDigitsDashesAndAWholeWildcardLabelAreTaken) {
    for (const char* good :
         {"contoso.com", "a", "*.contoso.com", "xn--mcrosoft-c5a.com", "A-1.b"}) {
        EXPECT_EQ(wrong_dns_name(good), "") << good;
    }
    for (const std::string& bad :
         {std::string(), std::string("a b.com"), std::string("a_b.com"), std::string("*"),
          std::string("m*.com"), std::string("a.*.com"), std::string("a..b"), std::string(".a"),
          std::string("-a.b"), std::string("a-.b"), std::string("mïcrosoft.com"),
          std::string("a.com,DNS:evil.com"), std::string(64, 'a'), std::string("a.com."),
          std::string("a\n.com")}) {
        EXPECT_NE(wrong_dns_name(bad), "") << bad;
    }
    EXPECT_THAT(wrong_dns_name("mail_1.contoso.com"), HasSubstr("underscore"));
    std::string longest;
    while (longest.size() < 260) longest += "aaaaaaaaa.";
    EXPECT_THAT(wrong_dns_name(longest + "com"), HasSubstr("253"));
}

}  // namespace
}  // namespace valija::keystore
