// Delivery reports: the shape of RFC 3464 in RFC 6522, who is told, and what peers cannot forge.
#include "transport/report/dsn.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/base/text.hpp"

namespace valija::report {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr Time kNow{std::chrono::seconds(1'788'000'000)};

class Report : public testing::Test {
  protected:
    Report() {
        message_.id = "00000000000000FF";
        message_.sender = mail::parse_address("alice@a.example");
        message_.arrival.time = kNow - std::chrono::hours(1);
        request_ = {.reporting_mta = "mx.contoso.com",
                    .boundary = "=_valija_1",
                    .message_id = "<1.report@mx.contoso.com>",
                    .now = kNow,
                    .message = &message_,
                    .failures = {failure("bob@b.example")},
                    .original_header = "Subject: hello\r\nFrom: alice@a.example\r\n",
                    .will_retry_until = std::nullopt};
    }

    static Failure failure(std::string_view address, std::string notify = "") {
        return {.recipient = {.address = *mail::parse_address(address),
                              .notify = std::move(notify),
                              .original = {}},
                .status = "5.1.1",
                .diagnostic = "smtp; 550 5.1.1 User unknown",
                .remote = "dns; mx.b.example",
                .explanation = "mx.b.example said: 550 5.1.1 User unknown"};
    }

    std::string content() const {
        const auto report = make_report(request_);
        EXPECT_TRUE(report.has_value());
        return report ? report->content : std::string();
    }

    // The body part of this number, from its header on to its boundary.
    std::string part(size_t number) const {
        const std::string text = content();
        const std::string line = "\r\n--" + request_.boundary;
        size_t at = text.find(line);
        for (size_t i = 0; i < number && at != std::string::npos; ++i) at = text.find(line, at + 1);
        if (at == std::string::npos) return {};
        const size_t begin = at + line.size() + 2;
        return text.substr(begin, text.find(line, begin) - begin);
    }

    queue::QueuedMessage message_;
    ReportRequest request_;
};

TEST_F(Report, GoesToTheSenderFromNobodyAndSaysThatAMachineWroteIt) {
    const auto report = make_report(request_);
    ASSERT_TRUE(report.has_value());
    EXPECT_FALSE(report->envelope.sender.has_value());
    ASSERT_EQ(report->envelope.recipients.size(), 1U);
    EXPECT_EQ(report->envelope.recipients[0].address.text(), "alice@a.example");
    EXPECT_EQ(report->arrival.time, kNow);
    EXPECT_FALSE(report->arrival.domain_secured);
    EXPECT_THAT(report->content, HasSubstr("\r\nTo: <alice@a.example>\r\n"));
    EXPECT_THAT(report->content, HasSubstr("\r\nAuto-Submitted: auto-replied\r\n"));
    EXPECT_THAT(report->content, HasSubstr("\r\nMessage-ID: <1.report@mx.contoso.com>\r\n"));
    EXPECT_THAT(report->content, HasSubstr("\r\nDate: " + mail_time(kNow) + "\r\n"));
    EXPECT_THAT(report->content,
                StartsWith("From: Mail Delivery System <MAILER-DAEMON@mx.contoso.com>\r\n"));
}

TEST_F(Report, HasThreePartsInTheOrderOfRfc6522) {
    EXPECT_THAT(content(), HasSubstr("Content-Type: multipart/report; report-type=delivery-status;"
                                     "\r\n\tboundary=\"=_valija_1\"\r\n"));
    EXPECT_THAT(part(0), StartsWith("Content-Type: text/plain; charset=utf-8\r\n"));
    EXPECT_THAT(part(1), StartsWith("Content-Type: message/delivery-status\r\n\r\n"));
    EXPECT_THAT(part(2), StartsWith("Content-Type: text/rfc822-headers\r\n"));
    EXPECT_THAT(content(), testing::EndsWith("\r\n--=_valija_1--\r\n"));
}

TEST_F(Report, TheStatusPartHasThePerMessageFieldsThenAGroupARecipient) {
    request_.failures.push_back(failure("carol@c.example"));
    request_.failures[1].recipient.original = "rfc822;carol@old.example";
    EXPECT_EQ(part(1),
              "Content-Type: message/delivery-status\r\n\r\n"
              "Reporting-MTA: dns; mx.contoso.com\r\n"
              "Arrival-Date: " +
                  mail_time(message_.arrival.time) +
                  "\r\n"
                  "\r\n"
                  "Final-Recipient: rfc822; bob@b.example\r\n"
                  "Action: failed\r\n"
                  "Status: 5.1.1\r\n"
                  "Remote-MTA: dns; mx.b.example\r\n"
                  "Diagnostic-Code: smtp; 550 5.1.1 User unknown\r\n"
                  "Last-Attempt-Date: " +
                  mail_time(kNow) +
                  "\r\n"
                  "\r\n"
                  "Original-Recipient: rfc822;carol@old.example\r\n"
                  "Final-Recipient: rfc822; carol@c.example\r\n"
                  "Action: failed\r\n"
                  "Status: 5.1.1\r\n"
                  "Remote-MTA: dns; mx.b.example\r\n"
                  "Diagnostic-Code: smtp; 550 5.1.1 User unknown\r\n"
                  "Last-Attempt-Date: " +
                  mail_time(kNow) + "\r\n");
}

TEST_F(Report, AFieldWithoutValueIsLeftOut) {
    request_.failures[0].remote.clear();
    request_.failures[0].diagnostic.clear();
    EXPECT_THAT(part(1), Not(HasSubstr("Remote-MTA")));
    EXPECT_THAT(part(1), Not(HasSubstr("Diagnostic-Code")));
}

TEST_F(Report, ADelaySaysUntilWhenItIsTried) {
    request_.action = Action::Delayed;
    request_.will_retry_until = kNow + std::chrono::hours(24);
    request_.failures[0].status = "4.4.1";
    EXPECT_THAT(part(1), HasSubstr("Action: delayed\r\nStatus: 4.4.1\r\n"));
    EXPECT_THAT(part(1), HasSubstr("Will-Retry-Until: " + mail_time(kNow + std::chrono::hours(24)) +
                                   "\r\n"));
    EXPECT_THAT(content(), HasSubstr("Subject: Delivery of your mail is delayed\r\n"));
}

TEST_F(Report, ANullSenderIsNeverTold) {
    message_.sender = std::nullopt;
    EXPECT_FALSE(make_report(request_).has_value());
    request_.action = Action::Delayed;
    EXPECT_FALSE(make_report(request_).has_value());
}

TEST_F(Report, NotifyDecidesWhoIsInIt) {
    request_.failures = {failure("never@b.example", "NEVER"), failure("delay@b.example", "DELAY"),
                         failure("both@b.example", "success, Failure,delay")};
    EXPECT_THAT(content(), HasSubstr("both@b.example"));
    EXPECT_THAT(content(), Not(HasSubstr("never@b.example")));
    EXPECT_THAT(content(), Not(HasSubstr("delay@b.example")));
    request_.action = Action::Delayed;
    EXPECT_THAT(content(), HasSubstr("delay@b.example"));
    request_.failures = {failure("never@b.example", "NEVER")};
    EXPECT_FALSE(make_report(request_).has_value());
}

TEST_F(Report, TheHeaderComesBackAndNoMoreThan64KiBOfIt) {
    EXPECT_THAT(part(2), HasSubstr("Subject: hello\r\nFrom: alice@a.example\r\n"));
    request_.original_header.clear();
    for (int i = 0; i < 3000; ++i) {
        request_.original_header += "X-Filler: " + std::string(60, 'x') + "\r\n";
    }
    EXPECT_LT(part(2).size(), (64U << 10U) + 200);
}

TEST_F(Report, TheHeaderOfTheOriginalCannotEndAPart) {
    request_.original_header =
        "Subject: a\r\n--=_valija_1\r\nContent-Type: text/html\r\n"
        "--=_valija_1--\r\nX-Last: b\r\n";
    size_t boundaries = 0;
    for (const std::string_view line : split(content(), '\n')) {
        boundaries += line.starts_with("--=_valija_1");
    }
    EXPECT_EQ(boundaries, 4U);
    EXPECT_THAT(part(2), HasSubstr("X-Last: b"));
}

TEST_F(Report, TextOfAPeerStaysInItsField) {
    const std::string evil =
        "smtp; 550 no\r\nAction: delivered\r\n\r\n--=_valija_1\r\n\x01\x7f\xff";
    request_.failures[0].diagnostic = evil;
    request_.failures[0].remote = evil;
    request_.failures[0].status = evil;
    request_.failures[0].recipient.original = evil;
    request_.failures[0].explanation = evil;
    const std::string status = part(1);
    EXPECT_THAT(status, Not(HasSubstr("\r\nAction: delivered")));
    EXPECT_THAT(status, HasSubstr("Diagnostic-Code: smtp; 550 no??Action: delivered????"));
    size_t boundaries = 0;
    for (const std::string_view line : split(content(), '\n')) {
        boundaries += line.starts_with("--=_valija_1");
    }
    EXPECT_EQ(boundaries, 4U);
    for (const char c : part(0)) {
        EXPECT_TRUE(c == '\r' || c == '\n' ||
                    (static_cast<unsigned char>(c) >= ' ' && c != '\x7f'));
    }
}

TEST_F(Report, NoLineIsLongerThanMailAllows) {
    request_.failures[0].diagnostic = std::string(5000, 'd');
    request_.failures[0].explanation = std::string(5000, '\xff');
    for (const size_t number : {size_t{0}, size_t{1}}) {
        for (const std::string_view line : split(part(number), '\n')) {
            EXPECT_LE(line.size(), 999U);  // 998 and the CR
        }
    }
}

TEST_F(Report, EveryLineEndIsCrLf) {
    request_.failures[0].explanation = "one\ntwo\nthree";
    const std::string text = content();
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n') {
            ASSERT_TRUE(i > 0 && text[i - 1] == '\r') << i;
        }
        if (text[i] == '\r') {
            ASSERT_TRUE(i + 1 < text.size() && text[i + 1] == '\n') << i;
        }
    }
    EXPECT_THAT(text, HasSubstr("    one\r\n    two\r\n    three\r\n"));
}

TEST_F(Report, EightBitTextIsDeclaredWhereItMayStandAndNowhereElse) {
    request_.failures[0].explanation = "caf\xc3\xa9";
    request_.failures[0].diagnostic = "smtp; 550 caf\xc3\xa9";
    request_.original_header = "Subject: caf\xc3\xa9\r\n";
    EXPECT_TRUE(make_report(request_)->envelope.eight_bit);
    EXPECT_THAT(part(0), HasSubstr("Content-Transfer-Encoding: 8bit\r\n"));
    EXPECT_THAT(part(0), HasSubstr("caf\xc3\xa9"));
    EXPECT_THAT(part(1), HasSubstr("Diagnostic-Code: smtp; 550 caf??\r\n"));  // RFC 3464 2.1.1
    EXPECT_THAT(part(2), HasSubstr("Content-Transfer-Encoding: 8bit\r\n"));
    EXPECT_THAT(part(2), HasSubstr("Subject: caf\xc3\xa9\r\n"));
}

}  // namespace
}  // namespace valija::report
