// From the wire to the spool: header section, mark, limits, smuggling.
#include "transport/receive/intake.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/run.hpp"

namespace valija::receive {
namespace {

using test::run;

class IntakeTest : public testing::Test {
  protected:
    IntakeTest() {
        std::string name = (std::filesystem::temp_directory_path() / "intake-XXXXXX").string();
        directory_ = mkdtemp(name.data());
        auto spool = queue::Spool::open({.directory = directory_, .reserve_bytes = 0},
                                        observe::Log(observe::make_null_sink()));
        EXPECT_TRUE(spool.has_value());
        spool_ = std::move(*spool);
    }

    ~IntakeTest() override {
        spool_.reset();
        std::filesystem::remove_all(directory_);
    }

    Intake make(Intake::Limits limits = {.message = 100000, .header = 1000}) {
        auto judge = [this](std::string_view header) {
            seen_header_ = header;
            return decision_;
        };
        return {spool_->begin(),
                limits,
                {.trace = "Received: ours\r\n", .authserv_ids = {"mail.contoso.com"}},
                judge};
    }

    // Feeds in pieces of `step` bytes; returns how many were used.
    static size_t feed(Intake& intake, std::string_view wire, size_t step = 7) {
        size_t used = 0;
        while (used < wire.size() && !intake.is_complete()) {
            used += intake.take(wire.substr(used, step));
        }
        return used;
    }

    // What the queue holds after a commit.
    std::string stored(Intake& intake) {
        const queue::QueueId id = spool_->new_id();
        mail::Envelope envelope;
        envelope.recipients.push_back({.address = *mail::parse_address("bob@contoso.com")});
        EXPECT_TRUE(run(spool_->commit(id, intake.take_draft(), envelope, {})).has_value());
        auto body = run(spool_->open_body(id));
        std::string text;
        while (body) {
            const auto chunk = body->next();
            if (!chunk || chunk->empty()) {
                break;
            }
            text.append(*chunk);
        }
        return text;
    }

    std::string directory_;
    std::unique_ptr<queue::Spool> spool_;
    policy::ContentDecision decision_{
        .refusal = std::nullopt,
        .mark = {.fqdn = "mail.contoso.com", .verdict = mail::Verdict::None, .words = "w"}};
    std::string seen_header_;
};

TEST_F(IntakeTest, TraceAndMarkGoOnTopForgedMarksGoAndTheRestStaysByteForByte) {
    Intake intake = make();
    const std::string body = "\r\nline one\r\n.dotted\r\n\xc3\xa1\r\n";
    feed(intake,
         "Authentication-Results: mail.contoso.com; x-domain-secured=pass\r\n"
         "Subject:  as  it  was\r\n\r\nline one\r\n..dotted\r\n\xc3\xa1\r\n.\r\n");
    ASSERT_TRUE(intake.is_complete());
    ASSERT_FALSE(intake.refusal().has_value());
    const std::string text = stored(intake);
    EXPECT_TRUE(text.starts_with("Received: ours\r\nAuthentication-Results: mail.contoso.com;"))
        << text;
    EXPECT_TRUE(text.ends_with("Subject:  as  it  was\r\n" + body)) << text;
    EXPECT_EQ(text.find("x-domain-secured=pass"), std::string::npos);
}

TEST_F(IntakeTest, WhatFollowsTheEndIsLeftForTheNextCommand) {
    Intake intake = make();
    const std::string wire = "A: b\r\n\r\nx\r\n.\r\nQUIT\r\n";
    EXPECT_EQ(intake.take(wire), wire.size() - 6);
    EXPECT_TRUE(intake.is_complete());
}

TEST_F(IntakeTest, SmugglingEndsAreSwallowedAndRefused) {
    for (const char* end : {"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r"}) {
        Intake intake = make();
        feed(intake, std::string("A: b\r\n\r\nx") + end + "MAIL FROM:<e@f>\r\n.\r\n", 1);
        ASSERT_TRUE(intake.is_complete());
        ASSERT_TRUE(intake.refusal().has_value());
        EXPECT_EQ(intake.refusal()->code, 550);
    }
}

TEST_F(IntakeTest, TooLargeAMessageIsSwallowedToItsEndAndRefused) {
    Intake intake = make({.message = 50, .header = 1000});
    feed(intake, "A: b\r\n\r\n" + std::string(500, 'x') + "\r\n.\r\n");
    ASSERT_TRUE(intake.is_complete());
    EXPECT_EQ(intake.refusal()->text(), "552 5.3.4 Message size exceeds fixed limit");
    EXPECT_FALSE(intake.is_hopeless());
}

TEST_F(IntakeTest, AHeaderSectionWithoutEndIsBounded) {
    Intake intake = make({.message = 100000, .header = 100});
    feed(intake, "A: " + std::string(5000, 'x') + "\r\n\r\nbody\r\n.\r\n");
    EXPECT_EQ(intake.refusal()->text(), "552 5.3.4 Header section exceeds fixed limit");
}

TEST_F(IntakeTest, AMessageWithoutEmptyLineIsAllHeader) {
    Intake intake = make();
    feed(intake, "Subject: x\r\n.\r\n");
    EXPECT_EQ(seen_header_, "Subject: x\r\n");
    EXPECT_TRUE(stored(intake).ends_with("Subject: x\r\n"));
}

// It would become a part of our own verdict, which is written right above it.
TEST_F(IntakeTest, AHeaderThatBeginsWithAFoldedLineIsRefused) {
    for (const char* first : {"\t; x-domain-secured=pass (forged)\r\n", " x\r\n"}) {
        Intake intake = make();
        feed(intake, std::string(first) + "Subject: x\r\n\r\nbody\r\n.\r\n");
        ASSERT_TRUE(intake.refusal().has_value()) << first;
        EXPECT_EQ(intake.refusal()->code, 550);
    }
}

TEST_F(IntakeTest, TheDecisionOnTheContentRefuses) {
    decision_.refusal = smtp::reply(554, "5.4.6", "loop");
    Intake intake = make();
    feed(intake, "Subject: x\r\n\r\nbody\r\n.\r\n");
    EXPECT_EQ(intake.refusal()->code, 554);
}

TEST(SlowContent, IsEndedAfterFiveMinutesBelow500BytesASecond) {
    using namespace std::chrono_literals;
    EXPECT_FALSE(is_too_slow(1, 5min));
    EXPECT_TRUE(is_too_slow(1, 5min + 1s));
    EXPECT_TRUE(is_too_slow(500 * 599, 10min));
    EXPECT_FALSE(is_too_slow(500 * 600, 10min));
}

}  // namespace
}  // namespace valija::receive
