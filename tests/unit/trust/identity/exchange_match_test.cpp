// EX-110, EX-115..EX-121; semantics 2.2.
#include "trust/identity/exchange_match.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "platform/base/text.hpp"
#include "support/certificates.hpp"

namespace valija::identity {
namespace {

using test::CertificateSpec;
using test::make_certificate;

struct Row {
    std::string line;
    std::string domain;
    std::vector<PresentedName> names;
    std::string rule;  // "-" = no match
};

std::vector<PresentedName> names_from(std::string_view text) {
    std::vector<PresentedName> names;
    for (const std::string_view name : split(text, ' ')) {
        if (!name.empty()) names.push_back({std::string(name), "SAN"});
    }
    return names;
}

std::vector<Row> rows() {
    std::vector<Row> all;
    std::ifstream file(VALIJA_VECTORS "/trust/exchange_names.txt");
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line.front() == '#') continue;
        const auto fields = split(line, '|');
        if (fields.size() != 3) {
            ADD_FAILURE() << "not three fields: " << line;
            continue;
        }
        all.push_back({.line = line,
                       .domain = std::string(trim(fields[0])),
                       .names = names_from(fields[1]),
                       .rule = std::string(trim(fields[2]))});
    }
    return all;
}

std::string upper(std::string text) {
    for (char& c : text) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return text;
}

// The name that matched, and by which rule.
std::pair<std::string, std::string> match_of(std::string_view domain,
                                             const std::vector<PresentedName>& names) {
    for (const PresentedName& presented : names) {
        const NameRule rule = exchange_rule(domain, presented.name);
        if (rule != NameRule::None) return {presented.name, rule_text(rule).english()};
    }
    return {"", "-"};
}

std::string rule_of(std::string_view domain, const std::vector<PresentedName>& names) {
    return match_of(domain, names).second;
}

TEST(ExchangeMatch, EveryRowOfTheTableHolds) {
    const auto all = rows();
    ASSERT_GE(all.size(), 30U);
    for (const Row& row : all) {
        EXPECT_EQ(rule_of(row.domain, row.names), row.rule) << row.line;
    }
}

TEST(ExchangeMatch, CaseMakesNoDifferenceOnEitherSide) {
    const auto all = rows();
    ASSERT_FALSE(all.empty());
    for (const Row& row : all) {
        std::vector<PresentedName> shouted;
        for (const PresentedName& name : row.names) {
            shouted.push_back({upper(name.name), name.origin});
        }
        EXPECT_EQ(rule_of(row.domain, shouted), row.rule) << row.line;
        EXPECT_EQ(rule_of(upper(row.domain), row.names), row.rule) << row.line;
    }
}

TEST(ExchangeMatch, TheMatchNamesTheNameAsTheCertificateWritesIt) {
    EXPECT_EQ(match_of("contoso.com", {{"other.not", "SAN"}, {"Mail.Contoso.com", "CN"}}).first,
              "Mail.Contoso.com");
}

TEST(ExchangeMatch, NothingStandsForNoDomainAndNoNameStandsForAny) {
    EXPECT_EQ(rule_of("", {{"contoso.com", "SAN"}, {"*.contoso.com", "SAN"}}), "-");
    EXPECT_EQ(rule_of("contoso.com", {}), "-");
    EXPECT_EQ(rule_of("contoso.com", {{"", "SAN"}}), "-");
    const std::string hidden("contoso.com\0.evil.not", 21);
    EXPECT_EQ(rule_of("contoso.com", {{hidden, "SAN"}}), "-");
}

std::vector<std::string> names_of(const CertificateSpec& spec) {
    std::vector<std::string> all;
    for (const PresentedName& name : presented_names(make_certificate(spec).certificate)) {
        all.push_back(name.name + " " + name.origin);
    }
    return all;
}

TEST(PresentedNames, EverySanAndEachCnThatIsAHostName) {
    EXPECT_THAT(names_of({.subject = {{"DC", "com"},
                                      {"DC", "contoso"},
                                      {"O", "contoso.com"},
                                      {"CN", "mail1.contoso.com"},
                                      {"CN", "mail2.contoso.com"}},
                          .extensions = {{"subjectAltName",
                                          "DNS:mail.contoso.com,DNS:*.contoso.com,"
                                          "email:a@mail.contoso.com,IP:192.0.2.1"}}}),
                testing::ElementsAre("mail.contoso.com SAN", "*.contoso.com SAN",
                                     "mail1.contoso.com CN", "mail2.contoso.com CN"));
}

// EX-110: a CN with a non-ASCII character is never a name; nor is prose.
TEST(PresentedNames, ACnThatIsNoAsciiHostNameIsIgnored) {
    for (const char* cn :
         {"mail.mïcrosoft.com", "mail1. DiversiondeBicicleta.com", "Contoso Mail Server",
          "https://mail.contoso.com", "anna@contoso.com", "mail.contoso.com.", ".contoso.com",
          "mail..contoso.com", "contoso.com, OU=x", "ｍail.contoso.com"}) {
        EXPECT_THAT(names_of({.subject = {{"CN", cn}}}), testing::IsEmpty()) << cn;
    }
}

// A name constraint of the CA does not reach a wildcard in a CN: it must not count.
TEST(PresentedNames, AWildcardInACnIsNoHostName) {
    EXPECT_THAT(names_of({.subject = {{"CN", "*.contoso.com"}}}), testing::IsEmpty());
}

// The seed's own scenario: the server mail2.mail.contoso.com is found by its SAN alone (EX-43).
TEST(PresentedNames, TheServerTwoLabelsBelowIsFoundByItsSan) {
    const CertificateSpec bare = {.subject = {{"CN", "mail2.mail.contoso.com"}}};
    EXPECT_EQ(rule_of("contoso.com", presented_names(make_certificate(bare).certificate)), "-");
    CertificateSpec with_san = bare;
    with_san.extensions = {{"subjectAltName", "DNS:mail.contoso.com"}};
    EXPECT_EQ(
        match_of("contoso.com", presented_names(make_certificate(with_san).certificate)).first,
        "mail.contoso.com");
}

TEST(NearestMiss, SaysWhatIsWrongWithTheName) {
    const std::vector<std::pair<const char*, const char*>> all = {
        {"mail1.us.woodgrovebank.com", "2 labels below the domain; one is allowed"},
        {"a.b.c.WoodgroveBank.com", "3 labels below the domain; one is allowed"},
        {"*.us.woodgrovebank.com", "a wildcard below a sub-domain"},
        {"com", "a parent of the domain does not stand for it"},
        {"xwoodgrovebank.com", "looks like woodgrovebank.com, but is another name"},
        {"woodgrovebank.com.evil.not", "another domain"},
        {"Contoso Mail", "not a host name"},
        {"*", "not a host name"},
    };
    for (const auto& [name, words] : all) {
        EXPECT_EQ(nearest_miss("woodgrovebank.com", name).english(), words) << name;
    }
    EXPECT_EQ(nearest_miss("a.us.woodgrovebank.com", "*.woodgrovebank.com").english(),
              "a wildcard covers one label only");
    EXPECT_EQ(nearest_miss("us.woodgrovebank.com", "woodgrovebank.com").english(),
              "a parent of the domain does not stand for it");
}

}  // namespace
}  // namespace valija::identity
