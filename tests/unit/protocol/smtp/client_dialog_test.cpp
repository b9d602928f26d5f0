// The client's side: RFC 5321, 2920, 2033. Each recipient gets exactly one outcome.
#include "protocol/smtp/client_dialog.hpp"

#include <gtest/gtest.h>

namespace valija::smtp {
namespace {

using Need = ClientDialog::Need;

Reply made(std::string_view wire) {
    ReplyReader reader;
    for (size_t at = 0; at < wire.size();) {
        const size_t end = wire.find('\n', at);
        reader.hear(wire.substr(at, end - at));
        at = end == std::string_view::npos ? wire.size() : end + 1;
    }
    return reader.take();
}

mail::Envelope to(std::initializer_list<const char*> recipients) {
    mail::Envelope envelope{.sender = mail::parse_address("anna@contoso.com"), .recipients = {}};
    for (const char* text : recipients) {
        envelope.recipients.push_back({.address = *mail::parse_address(text)});
    }
    return envelope;
}

class Client : public testing::Test {
  protected:
    void greet(const char* hello = "250-h\n250-PIPELINING\n250-8BITMIME\n250 SIZE 1000") {
        dialog.hear(made("220 hi"));
        EXPECT_EQ(dialog.output(), "EHLO mail.contoso.com\r\n");
        dialog.hear(made(hello));
    }

    void hear(std::initializer_list<const char*> replies) {
        for (const char* one : replies) {
            ASSERT_EQ(dialog.need(), Need::Reply) << one;
            dialog.hear(made(one));
        }
    }

    std::vector<int> codes() const {
        std::vector<int> all;
        for (const Reply& outcome : dialog.outcomes()) {
            all.push_back(outcome.code);
        }
        return all;
    }

    ClientDialog dialog{{.client_name = "mail.contoso.com"}};
};

TEST_F(Client, PipelinesWhereTheServerOffersIt) {
    greet();
    ASSERT_EQ(dialog.need(), Need::Decide);
    mail::Envelope envelope = to({"a@b.example", "c@b.example"});
    envelope.eight_bit = true;
    dialog.begin(envelope, 321);
    EXPECT_EQ(dialog.output(),
              "MAIL FROM:<anna@contoso.com> SIZE=321 BODY=8BITMIME\r\nRCPT TO:<a@b.example>\r\n"
              "RCPT TO:<c@b.example>\r\n");
    hear({"250 ok", "250 ok", "550 5.1.1 no such user"});
    EXPECT_EQ(dialog.output(), "DATA\r\n");
    hear({"354 go"});
    ASSERT_EQ(dialog.need(), Need::Content);
    dialog.content_sent();
    hear({"250 2.0.0 queued"});
    ASSERT_EQ(dialog.need(), Need::Outcome);
    EXPECT_EQ(codes(), (std::vector<int>{250, 550}));
}

TEST_F(Client, OneCommandAtATimeWhereItDoesNot) {
    greet("250 h");
    dialog.begin(to({"a@b.example", "c@b.example"}), 10);
    EXPECT_EQ(dialog.output(), "MAIL FROM:<anna@contoso.com>\r\n");
    hear({"250 ok"});
    EXPECT_EQ(dialog.output(), "RCPT TO:<a@b.example>\r\n");
    hear({"450 later"});
    EXPECT_EQ(dialog.output(), "RCPT TO:<c@b.example>\r\n");
    hear({"250 ok"});
    EXPECT_EQ(dialog.output(), "DATA\r\n");
    hear({"354 go"});
    dialog.content_sent();
    hear({"250 ok"});
    EXPECT_EQ(codes(), (std::vector<int>{450, 250}));
}

TEST_F(Client, NobodyAcceptedNeverSaysData) {
    greet();
    dialog.begin(to({"a@b.example"}), 10);
    dialog.output();
    hear({"250 ok", "550 no"});
    EXPECT_EQ(dialog.output(), "RSET\r\n");
    hear({"250 ok"});
    ASSERT_EQ(dialog.need(), Need::Outcome);
    EXPECT_EQ(codes(), std::vector<int>{550});
}

TEST_F(Client, ARefusedSenderIsTheOutcomeOfAllRecipients) {
    greet();
    dialog.begin(to({"a@b.example", "c@b.example"}), 10);
    hear({"454 4.7.5 Certificate validation failure", "503 no", "503 no", "250 reset"});
    EXPECT_EQ(codes(), (std::vector<int>{454, 454}));
}

// A yes to DATA that is no 354 must never count as delivered.
TEST_F(Client, APositiveReplyToDataIsNoDelivery) {
    greet();
    dialog.begin(to({"a@b.example"}), 10);
    hear({"250 ok", "250 ok", "250 thanks"});
    EXPECT_EQ(dialog.need(), Need::Ended);
    ASSERT_TRUE(dialog.failure().has_value());
}

TEST_F(Client, A421EndsTheSessionWhereverItComes) {
    greet();
    dialog.begin(to({"a@b.example"}), 10);
    hear({"250 ok", "421 4.3.2 going down"});
    EXPECT_EQ(dialog.need(), Need::Ended);
    EXPECT_EQ(dialog.failure()->code, 421);
    EXPECT_EQ(dialog.phase(), Phase::Recipient);
}

TEST_F(Client, SeveralMessagesGoOverOneSession) {
    greet();
    for (int i = 0; i < 2; ++i) {
        dialog.begin(to({"a@b.example"}), 10);
        hear({"250 ok", "250 ok"});
        EXPECT_TRUE(dialog.output().ends_with("DATA\r\n"));
        hear({"354 go"});
        dialog.content_sent();
        hear({"250 ok"});
        ASSERT_EQ(dialog.need(), Need::Outcome);
    }
    dialog.quit();
    EXPECT_EQ(dialog.output(), "QUIT\r\n");
    hear({"221 bye"});
    EXPECT_EQ(dialog.need(), Need::Ended);
}

// RFC 3207 4.2: what was learned in clear is forgotten.
TEST_F(Client, TlsForgetsWhatTheServerSaidBefore) {
    greet("250-h\n250-PIPELINING\n250 STARTTLS");
    EXPECT_TRUE(dialog.capabilities().starttls);
    dialog.start_tls();
    EXPECT_EQ(dialog.output(), "STARTTLS\r\n");
    hear({"220 go"});
    ASSERT_EQ(dialog.need(), Need::Handshake);
    dialog.tls_started();
    EXPECT_FALSE(dialog.capabilities().pipelining);
    EXPECT_EQ(dialog.output(), "EHLO mail.contoso.com\r\n");
}

TEST_F(Client, AServerWithoutEhloGetsHelo) {
    dialog.hear(made("220 hi"));
    dialog.output();
    dialog.hear(made("502 what"));
    EXPECT_EQ(dialog.output(), "HELO mail.contoso.com\r\n");
    dialog.hear(made("250 hi"));
    EXPECT_EQ(dialog.need(), Need::Decide);
}

TEST(LmtpClient, EachAcceptedRecipientHasItsOwnReply) {
    ClientDialog dialog({.client_name = "mail.contoso.com", .lmtp = true});
    dialog.hear(made("220 hi"));
    EXPECT_EQ(dialog.output(), "LHLO mail.contoso.com\r\n");
    dialog.hear(made("250-h\n250 PIPELINING"));
    dialog.begin(to({"a@b.example", "b@b.example", "c@b.example"}), 10);
    for (const char* one : {"250 ok", "250 ok", "550 no", "250 ok", "354 go"}) {
        dialog.hear(made(one));
    }
    dialog.content_sent();
    dialog.hear(made("452 full"));
    ASSERT_EQ(dialog.need(), Need::Reply);
    dialog.hear(made("250 ok"));
    ASSERT_EQ(dialog.need(), Need::Outcome);
    EXPECT_EQ(dialog.outcomes()[0].code, 452);
    EXPECT_EQ(dialog.outcomes()[1].code, 550);
    EXPECT_EQ(dialog.outcomes()[2].code, 250);
}

// What the mailbox server took over stays taken over, whatever becomes of the session afterwards.
TEST(LmtpClient, AFinalReplyStaysWhereTheSessionBreaks) {
    ClientDialog dialog({.client_name = "mail.contoso.com", .lmtp = true});
    dialog.hear(made("220 hi"));
    dialog.hear(made("250-h\n250 PIPELINING"));
    dialog.begin(to({"a@b.example", "b@b.example", "c@b.example"}), 10);
    EXPECT_FALSE(dialog.is_final(0));
    for (const char* one : {"250 ok", "250 ok", "550 no", "250 ok", "354 go"}) {
        dialog.hear(made(one));
    }
    dialog.content_sent();
    EXPECT_FALSE(dialog.is_final(0));
    EXPECT_TRUE(dialog.is_final(1));
    dialog.hear(made("250 taken"));
    dialog.hear(made("421 going down"));
    EXPECT_EQ(dialog.need(), Need::Ended);
    EXPECT_TRUE(dialog.is_final(0));
    EXPECT_EQ(dialog.outcomes()[0].text(), "250 taken");
    EXPECT_FALSE(dialog.is_final(2));
}

}  // namespace
}  // namespace valija::smtp
