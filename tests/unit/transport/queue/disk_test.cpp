// A disk that is full or fails: the calls of the C library are replaced in this program, and fail
// where a test says so. Nothing that was not safe is promised, and nothing is left behind.
#include <dlfcn.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>

#include "transport/queue/body_file.hpp"
#include "unit/transport/queue/spool_fixture.hpp"

namespace valija::queue {
namespace {

// The rule in force: calls of this name on files whose path ends so fail.
struct Rule {
    std::string call;
    std::string path_end;
    int error = 0;
    int times = 1000;
};

std::mutex rule_mutex;
Rule rule;
std::atomic<int> failed{0};

std::string path_of(int descriptor) {
    char path[4096];
    const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
    const ssize_t length = readlink(link.c_str(), path, sizeof path);
    return length < 0 ? std::string() : std::string(path, static_cast<size_t>(length));
}

bool must_fail(const char* call, int descriptor) {
    std::scoped_lock const lock(rule_mutex);
    const bool fails =
        rule.call == call && rule.times > 0 && path_of(descriptor).ends_with(rule.path_end);
    if (fails) {
        --rule.times;
        ++failed;
        errno = rule.error;
    }
    return fails;
}

template <class Function>
Function* next_of(const char* name) {
    return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace
}  // namespace valija::queue

extern "C" {

int fsync(int descriptor) {
    static auto* const real = valija::queue::next_of<int(int)>("fsync");
    return valija::queue::must_fail("fsync", descriptor) ? -1 : real(descriptor);
}

int fdatasync(int descriptor) {
    static auto* const real = valija::queue::next_of<int(int)>("fdatasync");
    return valija::queue::must_fail("fsync", descriptor) ? -1 : real(descriptor);
}

ssize_t write(int descriptor, const void* bytes, size_t size) {
    static auto* const real = valija::queue::next_of<ssize_t(int, const void*, size_t)>("write");
    return valija::queue::must_fail("write", descriptor) ? -1 : real(descriptor, bytes, size);
}

ssize_t pwrite64(int descriptor, const void* bytes, size_t size, off64_t at) {
    static auto* const real =
        valija::queue::next_of<ssize_t(int, const void*, size_t, off64_t)>("pwrite64");
    return valija::queue::must_fail("write", descriptor) ? -1 : real(descriptor, bytes, size, at);
}

}  // extern "C"

namespace valija::queue {
namespace {

class DiskTest : public SpoolTest {
  protected:
    ~DiskTest() override { heal(); }

    static void fail(const Rule& next) {
        std::scoped_lock const lock(rule_mutex);
        rule = next;
        failed = 0;
    }

    static void heal() { fail({}); }

    // The queue is as empty as it was, now and after a restart, and takes mail again.
    void expect_nothing_accepted(const QueueId& id) {
        EXPECT_GT(failed, 0) << "the fault was never met";
        heal();
        EXPECT_FALSE(find(id).has_value());
        EXPECT_TRUE(body_files().empty());
        open();
        EXPECT_EQ(summary().messages, 0U);
        EXPECT_TRUE(body_files().empty());
        EXPECT_EQ(read_body(commit("well again")), "well again");
    }
};

TEST_F(DiskTest, BelowTheReserveNothingNewIsTaken) {
    auto options = options_in(directory_.path());
    options.reserve_bytes = UINT64_MAX;
    open(options);
    for (const size_t size : {size_t{10}, size_t{5000}}) {
        const auto done = try_commit(spool_->new_id(), std::string(size, 'x'), {"b@b.example"});
        ASSERT_FALSE(done.has_value());
        EXPECT_EQ(done.error().kind, FaultKind::Full);
    }
    EXPECT_EQ(summary().messages, 0U);
    EXPECT_TRUE(body_files().empty());
}

TEST_F(DiskTest, BelowTheReserveWhatIsQueuedIsStillSettledAndReported) {
    commit("x");
    auto options = options_in(directory_.path());
    options.reserve_bytes = UINT64_MAX;
    open(options);
    const NewMessage report{.envelope = envelope_to({"alice@a.example"}, ""),
                            .arrival = arrival(),
                            .content = "it failed"};
    ASSERT_TRUE(settle(lease_one(), RecipientState::Failed, kNow, report).has_value());
    EXPECT_EQ(read_body(lease_one().id), "it failed");
}

TEST_F(DiskTest, ADiskThatFillsWhileABodyIsReceivedIsFull) {
    fail({.call = "write", .path_end = ".part", .error = ENOSPC});
    {
        Draft draft = spool_->begin();
        const auto appended = draft.append(std::string(5000, 'x'));
        ASSERT_FALSE(appended.has_value());
        EXPECT_EQ(appended.error().kind, FaultKind::Full);
    }
    expect_nothing_accepted(spool_->new_id());
}

TEST_F(DiskTest, ADraftThatMissedBytesIsNeverCommittedAlsoWhenTheDiskIsWellAgain) {
    const QueueId id = spool_->new_id();
    Draft draft = draft_of(std::string(5000, 'x'));
    fail({.call = "write", .path_end = ".part", .error = ENOSPC, .times = 1});
    EXPECT_FALSE(draft.append("lost").has_value());
    EXPECT_FALSE(draft.append("more").has_value());
    const auto done =
        run(spool_->commit(id, std::move(draft), envelope_to({"b@b.example"}), arrival()));
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().kind, FaultKind::Full);
    expect_nothing_accepted(id);
}

TEST_F(DiskTest, ADiskThatIsFullAtTheTransactionIsFull) {
    fail({.call = "write", .path_end = "queue.db-wal", .error = ENOSPC});
    for (const size_t size : {size_t{10}, size_t{5000}}) {
        const auto done = try_commit(spool_->new_id(), std::string(size, 'x'), {"b@b.example"});
        ASSERT_FALSE(done.has_value());
        EXPECT_EQ(done.error().kind, FaultKind::Full) << done.error().text();
    }
    expect_nothing_accepted(spool_->new_id());
}

TEST_F(DiskTest, ABodyWhoseSyncFailedIsDroppedAndNotSyncedAgain) {
    const QueueId id = spool_->new_id();
    fail({.call = "fsync", .path_end = ".part", .error = EIO, .times = 1});
    const auto done = try_commit(id, std::string(5000, 'x'), {"b@b.example"});
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().kind, FaultKind::System);
    expect_nothing_accepted(id);
}

TEST_F(DiskTest, AFailedSyncOfTheDirectoryIsNotAskedASecondTimeForAnyOfTheGroup) {
    boost::asio::io_context context(1);
    // The first job keeps the writer busy until the others wait as one group.
    std::mutex gate;
    std::unique_lock hold(gate);
    std::optional<Result<std::vector<Lease>>> leases;
    commit("x");
    const auto wait = [&](const std::string&) {
        std::scoped_lock const wait_here(gate);
        return true;
    };
    test::start(context, spool_->lease(kNow, 1, wait), leases);
    context.poll();
    std::vector<std::optional<Result<void>>> done(5);
    for (auto& one : done) {
        test::start(context,
                    spool_->commit(spool_->new_id(), draft_of(std::string(5000, 'x')),
                                   envelope_to({"b@b.example"}), arrival()),
                    one);
    }
    context.poll();
    // Of the directory alone: the files themselves are synced well.
    fail({.call = "fsync", .path_end = "/bodies", .error = EIO, .times = 1});
    hold.unlock();
    context.run();
    for (const auto& one : done) {
        ASSERT_TRUE(one.has_value());
        EXPECT_FALSE(one->has_value());
    }
    EXPECT_EQ(failed, 1);
    heal();
    EXPECT_EQ(summary().messages, 1U);
    EXPECT_TRUE(body_files().empty());
}

TEST_F(DiskTest, ATransactionWhoseSyncFailedIsNoPromise) {
    const QueueId id = spool_->new_id();
    fail({.call = "fsync", .path_end = "queue.db-wal", .error = EIO});
    const auto done = try_commit(id, "x", {"b@b.example"});
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().kind, FaultKind::System);
    expect_nothing_accepted(id);
}

TEST_F(DiskTest, AnOutcomeThatCouldNotBeRecordedLeavesTheLeaseHeld) {
    const QueueId id = commit("x");
    const Lease held = lease_one();
    fail({.call = "write", .path_end = "queue.db-wal", .error = ENOSPC});
    const auto done = settle(held, RecipientState::Delivered);
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().kind, FaultKind::Full);
    heal();
    EXPECT_TRUE(lease().empty()) << "it would be delivered a second time";
    ASSERT_TRUE(settle(held, RecipientState::Delivered).has_value());
    EXPECT_FALSE(find(id).has_value());
}

TEST_F(DiskTest, ALeaseThatFailedIsNotHeldByNobody) {
    const QueueId bad = commit("bad");
    commit("good");
    sql("UPDATE message SET size = -1 WHERE id = " + std::to_string(std::stoll(bad, nullptr, 16)));
    fail({.call = "write", .path_end = "queue.db-wal", .error = ENOSPC});
    EXPECT_FALSE(run(spool_->lease(kNow, 10, none_blocked)).has_value());
    EXPECT_GT(failed, 0);
    heal();
    EXPECT_EQ(lease().size(), 1U);
}

}  // namespace
}  // namespace valija::queue
