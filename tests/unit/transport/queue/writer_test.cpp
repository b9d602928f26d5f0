// One writer for all: grouping, order, and one bad job among good ones.
#include "transport/queue/writer.hpp"

#include <gtest/gtest.h>

#include <future>

#include "unit/transport/queue/spool_fixture.hpp"

namespace valija::queue {
namespace {

class WriterTest : public testing::Test {
  protected:
    WriterTest() {
        auto records = Records::open(directory_.path("queue.db"), observe::Log(sink_));
        EXPECT_TRUE(records.has_value());
        writer_.emplace(std::move(*records), 100, directory_.path());
    }

    // The writer stands still until the returned promise is kept; what is handed in meanwhile
    // becomes one group.
    std::promise<void> block() {
        std::promise<void> gate;
        std::promise<void> begun;
        std::future<void> open = gate.get_future();
        auto wait = std::make_shared<std::future<void>>(std::move(open));
        writer_->submit({.writes = false,
                         .run =
                             [wait, &begun](Records&) {
                                 begun.set_value();
                                 wait->wait();
                                 return Result<void>();
                             },
                         .finish = [](const Result<void>&) {}});
        begun.get_future().wait();
        return gate;
    }

    static Result<void> insert(Records& records, int64_t id) {
        const mail::Envelope envelope = envelope_to({"b@b.example"});
        const Arrival arrival{.time = kNow, .expires = kNow};
        return records.insert({.id = id,
                               .envelope = &envelope,
                               .arrival = &arrival,
                               .size = 1,
                               .checksum = 0,
                               .bytes = "x"},
                              kNow);
    }

    // How many there are once all that was handed in before is finished.
    uint64_t messages() {
        uint64_t count = 0;
        std::promise<void> finished;
        writer_->submit({.writes = false,
                         .run =
                             [&](Records& records) {
                                 count = records.summary().value().messages;
                                 return Result<void>();
                             },
                         .finish = [&](const Result<void>&) { finished.set_value(); }});
        finished.get_future().wait();
        return count;
    }

    test::TemporaryDirectory directory_;
    std::shared_ptr<test::LinesSink> sink_ = std::make_shared<test::LinesSink>();
    std::optional<Writer> writer_;
};

TEST_F(WriterTest, NothingOfAGroupIsFinishedBeforeAllOfItIsDurable) {
    auto reader = store::Database::open(directory_.path("queue.db"));
    ASSERT_TRUE(reader.has_value());
    std::vector<int64_t> seen;  // what another connection sees when a job is finished
    auto gate = block();
    for (int64_t id = 1; id <= 20; ++id) {
        writer_->submit({.run = [id](Records& records) { return insert(records, id); },
                         .finish =
                             [&](const Result<void>& done) {
                                 ASSERT_TRUE(done.has_value());
                                 auto query = reader->prepare("SELECT count(*) FROM message");
                                 ASSERT_TRUE(query.has_value() && query->step().value());
                                 seen.push_back(query->integer(0));
                             }});
    }
    gate.set_value();
    EXPECT_EQ(messages(), 20U);
    EXPECT_EQ(seen, std::vector<int64_t>(20, 20));
}

TEST_F(WriterTest, OneBadJobDoesNotTakeTheOthersOfItsGroupWithIt) {
    auto gate = block();
    std::vector<bool> outcome;
    for (const int64_t id : {1, 2, 1, 3}) {  // the third has the id of the first
        writer_->submit(
            {.run = [id](Records& records) { return insert(records, id); },
             .finish = [&](const Result<void>& done) { outcome.push_back(done.has_value()); }});
    }
    gate.set_value();
    EXPECT_EQ(messages(), 3U);
    EXPECT_EQ(outcome, (std::vector<bool>{true, true, false, true}));
}

TEST_F(WriterTest, AJobWhosePreparationFailsIsFinishedWithoutBeingRun) {
    auto gate = block();
    std::vector<std::string> events;
    writer_->submit(
        {.prepare = [] { return Result<void>(fault(FaultKind::Full, "preparing")); },
         .run =
             [&](Records&) {
                 events.emplace_back("run");
                 return Result<void>();
             },
         .finish = [&](const Result<void>& done) { events.push_back(done.error().text()); }});
    writer_->submit({.prepare = [] { return Result<void>(); },
                     .run = [](Records& records) { return insert(records, 1); },
                     .finish = [](const Result<void>&) {}});
    gate.set_value();
    EXPECT_EQ(messages(), 1U);
    EXPECT_EQ(events, std::vector<std::string>{"preparing"});
}

TEST_F(WriterTest, WhatIsHandedInBeforeTheEndIsFinished) {
    auto gate = block();
    int finished = 0;
    for (int i = 0; i < 250; ++i) {  // more than one group
        writer_->submit(
            {.run = [i](Records& records) { return insert(records, i + 1); },
             .finish = [&](const Result<void>& done) { finished += done.has_value(); }});
    }
    gate.set_value();
    writer_.reset();
    EXPECT_EQ(finished, 250);
}

}  // namespace
}  // namespace valija::queue
