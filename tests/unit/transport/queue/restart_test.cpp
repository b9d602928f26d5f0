// What a restart finds: everything that was promised, and nothing that was left over.
#include <cstdlib>

#include "transport/queue/spool_records.hpp"
#include "unit/transport/queue/spool_fixture.hpp"

namespace valija::queue {
namespace {

TEST_F(SpoolTest, AMessageWhoseIdWasGivenSurvivesRestart) {
    const std::string large(5000, 'x');
    const QueueId one = commit("in the table");
    const QueueId two = commit(large);
    open();
    EXPECT_EQ(read_body(one), "in the table");
    EXPECT_EQ(read_body(two), large);
    EXPECT_EQ(summary().messages, 2U);
}

TEST_F(SpoolTest, ARestartReleasesEveryLease) {
    const QueueId id = commit("x", {"b@b.example", "c@c.example"});
    ASSERT_EQ(lease().size(), 2U);
    open();
    const auto again = lease();
    ASSERT_EQ(again.size(), 2U);
    EXPECT_EQ(again[0].id, id);
}

TEST_F(SpoolTest, WhatWasSettledStaysSettledOverARestart) {
    commit("x", {"b@b.example", "c@c.example"});
    const auto leases = lease();
    ASSERT_TRUE(settle(leases.at(0), RecipientState::Delivered).has_value());
    open();
    const auto again = lease();
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].domain, leases.at(1).domain);
}

TEST_F(SpoolTest, WhatWasHandedInIsFinishedBeforeTheSpoolCloses) {
    boost::asio::io_context context(1);
    std::vector<std::optional<Result<void>>> done(50);
    for (auto& one : done) {
        test::start(context,
                    spool_->commit(spool_->new_id(), draft_of("x"), envelope_to({"b@b.example"}),
                                   arrival()),
                    one);
    }
    context.poll();  // all are with the writer now
    open();
    context.run();
    for (const auto& one : done) EXPECT_TRUE(one.has_value() && one->has_value());
    EXPECT_EQ(summary().messages, done.size());
}

TEST_F(SpoolTest, PartsAndFilesWithoutRecordAreRemovedAtOpen) {
    const QueueId id = commit(std::string(5000, 'x'));
    directory_.write("bodies/0-1.part", "half");
    directory_.write("bodies/0000000000000001", "of a commit that was never finished");
    directory_.write("bodies/notes.txt", "nobody's");
    open();
    EXPECT_EQ(body_files(), std::set<std::string>{id});
    EXPECT_EQ(read_body(id), std::string(5000, 'x'));
}

TEST_F(SpoolTest, IdsGoOnAboveThoseInTheTableAlsoWhenTheClockWentBack) {
    const QueueId id = commit("x");
    sql("UPDATE message SET id = " + std::to_string(*id_number(id) + (int64_t{1} << 50U)));
    open();
    EXPECT_GT(spool_->new_id(), id_text(*id_number(id) + (int64_t{1} << 50U)));
}

TEST_F(SpoolTest, ASecondOpenerIsRefusedAndHarmsNothing) {
    const QueueId id = commit(std::string(5000, 'x'));
    const auto second = Spool::open(options_in(directory_.path()), observe::Log(sink_));
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().kind, FaultKind::System);
    EXPECT_NE(second.error().text().find("another process has it"), std::string::npos);
    EXPECT_EQ(read_body(id), std::string(5000, 'x'));
}

TEST_F(SpoolTest, AQueueOfANewerProgramIsNotTouched) {
    spool_.reset();
    sql("PRAGMA user_version = 99");
    const auto opened = Spool::open(options_in(directory_.path()), observe::Log(sink_));
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().kind, FaultKind::Input);
}

}  // namespace
}  // namespace valija::queue
