// Reading and writing header fields, with the forgeries that they must not let pass.
#include "protocol/mail/header.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace valija::mail {
namespace {

using Domains = std::vector<std::string>;

TEST(FromDomains, OneAddressInItsManyForms) {
    for (const char* field :
         {"From: anna@woodgrovebank.com\r\n", "FROM:<anna@woodgrovebank.com>\r\n",
          "From : Anna B <anna@WoodgroveBank.com>\r\n",
          "From: \"B, Anna <eve@evil.example>\" <anna@woodgrovebank.com>\r\n",
          "From: Anna (eve@evil.example) <anna@woodgrovebank.com>\r\n",
          "From:\r\n =?utf-8?q?Anna?=\r\n <anna@woodgrovebank.com>\r\n",
          "From: \"anna\\\"x\"@woodgrovebank.com\r\n",
          "From: <@relay.example:anna@woodgrovebank.com>\r\n",
          "From: anna @ woodgrovebank . com\r\n", "From: anna@woodgrovebank.com.\r\n"}) {
        EXPECT_EQ(from_domains(field), Domains{"woodgrovebank.com"}) << field;
    }
    EXPECT_EQ(from_domains("From: Anna <anna@WoodgroveBank.com>\r\n"),
              Domains{"woodgrovebank.com"});
}

TEST(FromDomains, SeveralAddressesAndSeveralFieldsAreAllSeen) {
    EXPECT_EQ(from_domains("From: a@one.example, b@two.example\r\n"),
              (Domains{"one.example", "two.example"}));
    EXPECT_EQ(from_domains("From: a@one.example\r\nfrom: b@two.example\r\n"),
              (Domains{"one.example", "two.example"}));
    EXPECT_EQ(from_domains("From: team: a@one.example, b@one.example;\r\n"),
              Domains{"one.example"});
}

// What cannot be read is never aligned: it must not come out as the harmless part of itself.
TEST(FromDomains, WhatCannotBeReadGivesNothing) {
    EXPECT_EQ(from_domains("Subject: no from at all\r\n"), Domains{});
    for (const char* field :
         {"From: \r\n", "From: anna\r\n", "From: anna@woodgrovebank.com eve@evil.example\r\n",
          "From: <anna@woodgrovebank.com> <eve@evil.example>\r\n",
          "From: anna@woodgrovebank.com (never closed\r\n",
          "From: \"never closed <anna@woodgrovebank.com>\r\n",
          "From: anna@woodgrovebank.com\r\nFrom: (broken\r\n"}) {
        EXPECT_EQ(from_domains(field), std::nullopt) << field;
    }
}

// Comparing each with each would take seconds for a header of 256 KiB.
TEST(FromDomains, MoreAddressesThanAPersonWritesAreUnreadable) {
    std::string field = "From: ";
    for (int i = 0; i < 40'000; ++i) field += fmt::format("a@{}.example,", i);
    EXPECT_EQ(from_domains(field + "\r\n"), std::nullopt);
    std::string fields;
    for (int i = 0; i < 101; ++i) fields += fmt::format("From: a@{}.example\r\n", i);
    EXPECT_EQ(from_domains(fields), std::nullopt);
}

TEST(FromDomains, DeeplyNestedCommentsEnd) {
    EXPECT_EQ(from_domains("From: " + std::string(5000, '(') + "a@b.example\r\n"), std::nullopt);
}

class OurMarks : public testing::TestWithParam<const char*> {};

// RFC 8601 5: forged copies of our own verdict do not come in, however they are written.
TEST_P(OurMarks, AreRemovedHoweverTheyAreWritten) {
    const std::string header = std::string("Subject: x\r\n") + GetParam() + "To: y\r\n";
    EXPECT_EQ(without_our_marks(header, {"mail.contoso.com", "mx2.contoso.com"}),
              "Subject: x\r\nTo: y\r\n");
}

INSTANTIATE_TEST_SUITE_P(
    Forged, OurMarks,
    testing::Values("Authentication-Results: mail.contoso.com; x-domain-secured=pass\r\n",
                    "authentication-results:MAIL.Contoso.COM;x-domain-secured=pass\r\n",
                    "Authentication-Results : mail.contoso.com 1; x-domain-secured=pass\r\n",
                    "Authentication-Results:\r\n\tmail.contoso.com;\r\n x-domain-secured=pass\r\n",
                    "Authentication-Results: (a (b) c) mail.contoso.com (d); x=pass\r\n",
                    "Authentication-Results: \"mail.contoso.com\"; x-domain-secured=pass\r\n",
                    "Authentication-Results: \"mail\\.contoso.com\"; x-domain-secured=pass\r\n",
                    "Authentication-Results: mail.contoso.com.; x-domain-secured=pass\r\n",
                    "Authentication-Results: (never closed mail.contoso.com; x=pass\r\n",
                    "Authentication-Results: =?utf-8?q?mail.contoso.com=3B_x=3Dpass?=\r\n",
                    "Authentication-Results: mail.contoso.com/1; x=pass\r\n",
                    "X-Valija-Anything: at all\r\n", "x-valija-Folded:\r\n more\r\n"));

TEST(WithoutOurMarks, OthersVerdictsAndEveryOtherByteStay) {
    const std::string header =
        "Authentication-Results: mx.example.org; spf=pass\r\nSubject:  two  blanks \r\n"
        "not a field at all\r\nX-Other:\tt\r\n\tfolded\r\n";
    EXPECT_EQ(without_our_marks(header, {"mail.contoso.com", "mx2.contoso.com"}), header);
}

TEST(SplitHeader, FoldedLinesBelongToTheirField) {
    const auto fields = split_header("A: 1\r\n 2\r\nB : 3\r\nbroken\r\nC:4");
    ASSERT_EQ(fields.size(), 4U);
    EXPECT_EQ(fields[0].value, " 1\r\n 2");
    EXPECT_EQ(fields[1].name, "B");
    EXPECT_EQ(fields[2].name, "");
    EXPECT_EQ(fields[3].raw, "C:4");
}

// RFC 5321 6.3: the obsolete form with a blank counts as well.
TEST(CountReceived, SeesEveryWriting) {
    EXPECT_EQ(count_received("Received: a\r\nRECEIVED : b\r\nX-Received: c\r\n"), 2U);
}

// Design 5: exactly this line.
TEST(AuthenticationResults, HasTheFourProperties) {
    EXPECT_EQ(authentication_results({.fqdn = "mail.contoso.com",
                                      .verdict = Verdict::Pass,
                                      .words = "verified path of woodgrovebank.com",
                                      .partner = "woodgrovebank",
                                      .mail_from = "woodgrovebank.com",
                                      .header_from = "woodgrovebank.com"}),
              "Authentication-Results: mail.contoso.com;\r\n\tx-domain-secured=pass "
              "(verified path of woodgrovebank.com)\r\n\tpolicy.partner=woodgrovebank\r\n"
              "\tsmtp.mailfrom=woodgrovebank.com\r\n\theader.from=woodgrovebank.com\r\n");
}

TEST(AuthenticationResults, NothingOfThePeerBreaksOutOfItsPlace) {
    const std::string line = authentication_results({.fqdn = "mail.contoso.com",
                                                     .words = "x) y=pass\r\nForged: z",
                                                     .header_from = "a b;\r\n c"});
    EXPECT_EQ(line.find("\r\nForged"), std::string::npos);
    EXPECT_EQ(line.find("x)"), std::string::npos);
    EXPECT_TRUE(line.ends_with("header.from=a?b????c\r\n")) << line;
}

TEST(Received, NamesProtocolCipherIdAndRecipient) {
    EXPECT_EQ(received({.helo = "mail.woodgrovebank.com",
                        .client_address = "192.0.2.1",
                        .fqdn = "mail.contoso.com",
                        .queue_id = "0123456789ABCDEF",
                        .protocol = "ESMTPS",
                        .tls = "TLSv1.3 cipher TLS_AES_256_GCM_SHA384",
                        .for_recipient = "bob@contoso.com",
                        .time = from_millis(1'156'804'673'323)}),
              "Received: from mail.woodgrovebank.com ([192.0.2.1])\r\n"
              "\t(using TLSv1.3 cipher TLS_AES_256_GCM_SHA384)\r\n"
              "\tby mail.contoso.com with ESMTPS id 0123456789ABCDEF\r\n"
              "\tfor <bob@contoso.com>;\r\n\tMon, 28 Aug 2006 22:37:53 +0000\r\n");
}

// EX-92: the reply to the end of data names the message; what could break the reply is left out.
TEST(MessageId, IsShownOnlyIfItIsOneWord) {
    EXPECT_EQ(message_id("Subject: x\r\nMessage-Id:\r\n <a.1@b>\r\n"), "<a.1@b>");
    EXPECT_EQ(message_id("Message-ID: <first@b>\r\nMessage-ID: <second@b>\r\n"), "<first@b>");
    EXPECT_EQ(message_id("Message-ID: <a@b> <c@d>\r\n"), "");
    EXPECT_EQ(message_id("Message-ID: <a b@c>\r\n"), "");
    EXPECT_EQ(message_id("Message-ID: a@b\r\n"), "");
    EXPECT_EQ(message_id("Message-ID: <" + std::string(300, 'a') + "@b>\r\n"), "");
    EXPECT_EQ(message_id("Subject: none\r\n"), "");
}

}  // namespace
}  // namespace valija::mail
