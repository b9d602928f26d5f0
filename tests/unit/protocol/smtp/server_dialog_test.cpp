// The server's side as a table: RFC 5321, 1870, 2920, 3207, 6152; EX-89, EX-91, EX-92.
#include "protocol/smtp/server_dialog.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace valija::smtp {
namespace {

using testing::HasSubstr;

class Server : public testing::Test {
  protected:
    explicit Server(ServerOptions options = {.fqdn = "mail.contoso.com",
                                             .client_address = "192.0.2.1",
                                             .max_size = 1000,
                                             .max_recipients = 2,
                                             .max_errors = 5,
                                             .offer_starttls = true})
        : dialog(std::move(options)) {}

    // The reply to a line; questions are answered with yes.
    std::string say(std::string_view line) {
        ServerStep step = dialog.hear(line);
        if (std::holds_alternative<AskSender>(step) || std::holds_alternative<AskRecipient>(step)) {
            dialog.answer(reply(250, "2.0.0", "yes"));
            return "250 2.0.0 yes";
        }
        if (auto* content = std::get_if<TakeContent>(&step)) {
            return content->reply.text();
        }
        if (auto* tls = std::get_if<StartTls>(&step)) {
            return tls->reply.text();
        }
        if (auto* close = std::get_if<Close>(&step)) {
            closed = true;
            return close->reply.text();
        }
        return std::get<SendReply>(step).reply.text();
    }

    ServerDialog dialog;
    bool closed = false;
};

TEST_F(Server, EhloOffersExactlyWhatIsThere) {
    EXPECT_EQ(say("EHLO client.example"),
              "250 mail.contoso.com Hello [192.0.2.1] SIZE 1000 PIPELINING ENHANCEDSTATUSCODES "
              "STARTTLS 8BITMIME");
}

// EX-89: after the handshake everything is forgotten, and STARTTLS is not offered again.
TEST_F(Server, StartTlsForgetsEverythingAndIsOfferedOnce) {
    say("EHLO client.example");
    EXPECT_EQ(say("STARTTLS"), "220 2.0.0 SMTP server ready");
    dialog.tls_started();
    EXPECT_TRUE(dialog.client_name().empty());
    EXPECT_EQ(say("MAIL FROM:<a@b.example>").substr(0, 3), "503");
    EXPECT_THAT(say("EHLO client.example"), testing::Not(HasSubstr("STARTTLS")));
    EXPECT_EQ(say("STARTTLS").substr(0, 3), "503");
}

TEST_F(Server, StartTlsWithinATransactionIsRefused) {
    say("EHLO c");
    say("MAIL FROM:<a@b.example>");
    EXPECT_EQ(say("STARTTLS").substr(0, 3), "503");
}

TEST_F(Server, CommandsOutOfOrderGet503) {
    EXPECT_EQ(say("MAIL FROM:<a@b.example>"), "503 5.5.1 Send EHLO or HELO first");
    say("EHLO c");
    EXPECT_EQ(say("RCPT TO:<a@b.example>").substr(0, 3), "503");
    EXPECT_EQ(say("DATA").substr(0, 3), "503");
    say("MAIL FROM:<a@b.example>");
    EXPECT_EQ(say("MAIL FROM:<a@b.example>").substr(0, 3), "503");
    EXPECT_EQ(say("DATA").substr(0, 3), "503");
}

TEST_F(Server, AWholeTransactionBuildsItsEnvelopeAndEndsIt) {
    say("EHLO c");
    say("MAIL FROM:<Anna@B.example> SIZE=500 BODY=8BITMIME");
    say("RCPT TO:<bob@contoso.com>");
    EXPECT_EQ(say("DATA"), "354 Start mail input; end with <CRLF>.<CRLF>");
    EXPECT_EQ(dialog.envelope().sender_text(), "Anna@b.example");
    EXPECT_TRUE(dialog.envelope().eight_bit);
    ASSERT_EQ(dialog.envelope().recipients.size(), 1U);
    dialog.content_ended();
    EXPECT_TRUE(dialog.envelope().recipients.empty());
    EXPECT_EQ(say("DATA").substr(0, 3), "503");
}

// Each refused MAIL may have cost the judgement of a whole chain.
TEST_F(Server, RefusalsOfPolicyAreErrorsToo) {
    say("EHLO c");
    for (int i = 0; i < 6; ++i) {
        EXPECT_TRUE(std::holds_alternative<AskSender>(dialog.hear("MAIL FROM:<a@b.example>")));
        dialog.answer(reply(454, "4.7.5", "no"));
    }
    EXPECT_EQ(say("MAIL FROM:<a@b.example>").substr(0, 3), "421");
    EXPECT_TRUE(closed);
}

TEST_F(Server, ASessionThatBringsNoMailEnds) {
    say("EHLO c");
    for (int i = 0; i < 90; ++i) EXPECT_EQ(say("NOOP").substr(0, 3), "250");
    say("MAIL FROM:<a@b.example>");
    say("RCPT TO:<a@b.example>");
    say("DATA");
    dialog.content_ended();
    for (int i = 0; i < 101; ++i) EXPECT_EQ(say("RSET").substr(0, 3), "250");
    EXPECT_EQ(say("NOOP").substr(0, 3), "421");
}

// One reset function on every path: RSET, EHLO, a refused sender.
TEST_F(Server, WhateverEndsATransactionLeavesNothing) {
    say("EHLO c");
    for (const char* end : {"RSET", "EHLO c", "HELO c"}) {
        say("MAIL FROM:<a@b.example>");
        say("RCPT TO:<bob@contoso.com>");
        say(end);
        EXPECT_TRUE(dialog.envelope().recipients.empty()) << end;
        EXPECT_FALSE(dialog.envelope().sender.has_value()) << end;
        EXPECT_EQ(say("DATA").substr(0, 3), "503") << end;
    }
    dialog.hear("MAIL FROM:<a@b.example>");
    dialog.answer(reply(454, "4.7.5", "no"));
    EXPECT_FALSE(dialog.envelope().sender.has_value());
    EXPECT_EQ(say("RCPT TO:<bob@contoso.com>").substr(0, 3), "503");
}

TEST_F(Server, ARefusedRecipientIsNotInTheEnvelope) {
    say("EHLO c");
    say("MAIL FROM:<a@b.example>");
    dialog.hear("RCPT TO:<x@other.example>");
    dialog.answer(reply(550, "5.7.1", "no"));
    EXPECT_EQ(say("DATA").substr(0, 3), "503");
}

TEST_F(Server, BoundsAreKept) {
    say("EHLO c");
    EXPECT_EQ(say("MAIL FROM:<a@b.example> SIZE=1001").substr(0, 9), "552 5.3.4");
    say("MAIL FROM:<a@b.example>");
    say("RCPT TO:<a@contoso.com>");
    say("RCPT TO:<b@contoso.com>");
    EXPECT_EQ(say("RCPT TO:<c@contoso.com>"), "452 4.5.3 Too many recipients");
}

TEST_F(Server, TooManyErrorsEndTheSession) {
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(say("NONSENSE").substr(0, 3), "500");
        EXPECT_FALSE(closed);
    }
    EXPECT_EQ(say("NONSENSE").substr(0, 3), "421");
    EXPECT_TRUE(closed);
}

TEST_F(Server, SyntaxErrorsAreNamed) {
    say("EHLO c");
    const std::pair<const char*, const char*> cases[] = {
        {"MAIL FROM:a@b.example", "501"},
        {"MAIL FROM:<a@b.example>x", "501"},
        {"MAIL FROM:<a@b.example", "501"},
        {"MAIL FROM:<not an address>", "501"},
        {"MAIL FROM:<a@b.example> SIZE=x", "501"},
        {"MAIL FROM:<a@b.example> BODY=x", "501"},
        {"MAIL FROM:<a@b.example> XTRA=1", "555"},
        {"MAIL", "501"},
        {"QUIT now", "501"},
        {"VRFY", "501"},
    };
    for (const auto& [line, code] : cases) {
        ServerDialog fresh({.fqdn = "f", .client_address = "1"});
        fresh.hear("EHLO c");
        const ServerStep step = fresh.hear(line);
        ASSERT_TRUE(std::holds_alternative<SendReply>(step)) << line;
        EXPECT_EQ(std::get<SendReply>(step).reply.wire().substr(0, 3), code) << line;
    }
}

TEST_F(Server, ControlCharactersNeverGetIn) {
    EXPECT_EQ(say(std::string_view("EHLO c\0d", 8)).substr(0, 3), "500");
    EXPECT_EQ(say("EHLO c\x1b[2J").substr(0, 3), "500");
    EXPECT_EQ(say("EHLO <script>").substr(0, 3), "501");
    EXPECT_EQ(say("EHLO " + std::string(300, 'a')).substr(0, 3), "501");
}

TEST_F(Server, PostmasterAndNullSenderAndSourceRoutes) {
    say("EHLO c");
    say("MAIL FROM:<>");
    EXPECT_FALSE(dialog.envelope().sender.has_value());
    EXPECT_EQ(say("RCPT TO:<Postmaster>").substr(0, 3), "250");
    EXPECT_EQ(say("RCPT TO:<@relay.example:bob@contoso.com>").substr(0, 3), "250");
    EXPECT_EQ(dialog.envelope().recipients[1].address.text(), "bob@contoso.com");
}

TEST_F(Server, HelpNamesEveryVerbOfTheTable) {
    EXPECT_EQ(say("HELP"),
              "214 2.0.0 Commands: EHLO HELO STARTTLS MAIL RCPT DATA RSET NOOP QUIT HELP VRFY");
    EXPECT_EQ(say("VRFY bob").substr(0, 3), "252");
    EXPECT_EQ(say("NOOP anything").substr(0, 3), "250");
    EXPECT_EQ(say("quit").substr(0, 3), "221");
    EXPECT_TRUE(closed);
}

TEST_F(Server, WithoutCertificateStartTlsIsNeitherOfferedNorTaken) {
    ServerDialog plain({.fqdn = "f", .client_address = "1"});
    EXPECT_THAT(std::get<SendReply>(plain.hear("EHLO c")).reply.text(),
                testing::Not(HasSubstr("STARTTLS")));
    EXPECT_EQ(std::get<SendReply>(plain.hear("STARTTLS")).reply.code, 502);
}

}  // namespace
}  // namespace valija::smtp
