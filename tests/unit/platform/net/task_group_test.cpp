#include "platform/net/task_group.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <future>
#include <mutex>

#include "platform/net/loops.hpp"

namespace valija::net {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Lines final : public observe::Sink {
  public:
    void write(observe::Level, std::string_view line) override {
        std::scoped_lock const lock(mutex_);
        lines_.emplace_back(line);
    }

    std::vector<std::string> get() const {
        std::scoped_lock const lock(mutex_);
        return lines_;
    }

  private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
};

class TaskGroupTest : public testing::Test {
  protected:
    TaskGroupTest() { loops.run(); }

    std::shared_ptr<Lines> lines = std::make_shared<Lines>();
    Loops loops{2};
    TaskGroup group{"test", 3, observe::Log(lines)};
};

Task<void> wait_long() { co_await pause(hours(1)); }

Task<void> wait_and_note(std::promise<bool>* result) {
    result->set_value(co_await pause(hours(1)));
}

Task<void> note(std::promise<void>* done) {
    done->set_value();
    co_return;
}

Task<void> fail() {
    co_await pause(milliseconds(0));
    throw std::runtime_error("the ink is dry");
}

Task<void> wait_stubbornly(std::atomic<int>* waits) {
    while (true) {
        ++*waits;
        co_await pause(hours(1));
    }
}

struct Freed {
    explicit Freed(std::atomic<int>* count) : count_(count) {}

    Freed(const Freed&) = delete;
    Freed& operator=(const Freed&) = delete;

    ~Freed() { ++*count_; }

  private:
    std::atomic<int>* count_;
};

Task<void> hold(std::shared_ptr<Freed> held) {
    co_await pause(hours(1));
    held.reset();
}

TEST_F(TaskGroupTest, RunsATaskOnTheExecutorGiven) {
    std::promise<void> done;
    EXPECT_TRUE(group.spawn(loops.at(1).get_executor(), note(&done)));
    done.get_future().get();
    group.drain(seconds(10));
    EXPECT_EQ(group.size(), 0U);
    EXPECT_THAT(lines->get(), testing::IsEmpty());
}

TEST_F(TaskGroupTest, ATaskBeyondTheLimitIsDestroyedUnrun) {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(group.spawn(loops.next().get_executor(), wait_long()));
    std::atomic<int> freed = 0;
    EXPECT_FALSE(group.spawn(loops.next().get_executor(), hold(std::make_shared<Freed>(&freed))));
    EXPECT_EQ(freed, 1);
    EXPECT_EQ(group.size(), 3U);
    group.drain(milliseconds(0));
}

TEST_F(TaskGroupTest, TakesNothingOnceClosed) {
    group.close();
    EXPECT_FALSE(group.spawn(loops.at(0).get_executor(), wait_long()));
}

TEST_F(TaskGroupTest, ATaskThatThrowsIsReportedAndEndsAlone) {
    std::promise<void> done;
    EXPECT_TRUE(group.spawn(loops.at(0).get_executor(), fail()));
    EXPECT_TRUE(group.spawn(loops.at(0).get_executor(), note(&done)));
    done.get_future().get();
    group.drain(seconds(10));
    EXPECT_THAT(lines->get(),
                testing::ElementsAre(testing::AllOf(testing::HasSubstr("server.fault"),
                                                    testing::HasSubstr("task=test"),
                                                    testing::HasSubstr("the ink is dry"))));
}

TEST_F(TaskGroupTest, DrainCancelsWhatDoesNotEndAndThatIsNoFault) {
    std::promise<bool> waited;
    std::atomic<int> freed = 0;
    group.spawn(loops.at(0).get_executor(), wait_and_note(&waited));
    group.spawn(loops.at(1).get_executor(), hold(std::make_shared<Freed>(&freed)));
    group.drain(milliseconds(1));
    EXPECT_FALSE(waited.get_future().get());
    EXPECT_EQ(freed, 1);
    EXPECT_EQ(group.size(), 0U);
    EXPECT_THAT(lines->get(), testing::IsEmpty());
}

TEST_F(TaskGroupTest, ATaskThatWaitsAgainAfterCancellationIsStillEnded) {
    std::atomic<int> waits = 0;
    group.spawn(loops.at(0).get_executor(), wait_stubbornly(&waits));
    group.drain(milliseconds(1));
    EXPECT_EQ(waits, 2) << "the wait that was cancelled, and the one that could not begin";
    EXPECT_THAT(lines->get(), testing::IsEmpty());
}

TEST_F(TaskGroupTest, ManyTasksComeAndGoOnAllLoops) {
    int taken = 0;
    for (int i = 0; i < 2000; ++i) {
        std::promise<void> done;
        auto executor = loops.next().get_executor();
        while (!group.spawn(executor, note(&done))) std::this_thread::yield();
        done.get_future().get();
        ++taken;
    }
    group.drain(seconds(10));
    EXPECT_EQ(taken, 2000);
    EXPECT_EQ(group.size(), 0U);
}

TEST(TaskGroup, TasksOfADestroyedLoopLeaveTheirPlaces) {
    TaskGroup group("test", 3, observe::Log(observe::make_null_sink()));
    std::atomic<int> freed = 0;
    {
        boost::asio::io_context loop(1);
        group.spawn(loop.get_executor(), hold(std::make_shared<Freed>(&freed)));
        loop.poll();
        group.spawn(loop.get_executor(), hold(std::make_shared<Freed>(&freed)));
        EXPECT_EQ(group.size(), 2U);
    }
    EXPECT_EQ(group.size(), 0U);
    EXPECT_EQ(freed, 2);
}

TEST(TaskGroupDeathTest, EndingBeforeItsTasksIsABrokenInvariant) {
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    EXPECT_DEATH(
        {
            boost::asio::io_context loop(1);
            TaskGroup group("test", 1, observe::Log(observe::make_null_sink()));
            group.spawn(loop.get_executor(), wait_long());
        },
        "drained");
}

}  // namespace
}  // namespace valija::net
