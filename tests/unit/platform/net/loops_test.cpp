#include "platform/net/loops.hpp"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <csignal>
#include <future>
#include <set>

namespace valija::net {
namespace {

TEST(Loops, EachRunsOnItsOwnThread) {
    Loops loops(3);
    loops.run();
    std::set<std::thread::id> threads;
    for (size_t i = 0; i < loops.size(); ++i) {
        std::promise<std::thread::id> id;
        boost::asio::post(loops.at(i), [&id] { id.set_value(std::this_thread::get_id()); });
        threads.insert(id.get_future().get());
    }
    EXPECT_EQ(threads.size(), 3U);
    EXPECT_FALSE(threads.contains(std::this_thread::get_id()));
}

TEST(Loops, AreTakenInTurn) {
    Loops loops(2);
    auto* const first = &loops.next();
    auto* const second = &loops.next();
    EXPECT_NE(first, second);
    EXPECT_EQ(first, &loops.next());
}

TEST(Loops, ZeroMeansOneForEachCore) {
    EXPECT_EQ(Loops(0).size(), std::max(1U, std::thread::hardware_concurrency()));
}

TEST(Loops, StopAndJoinEndIdleLoopsAndMayBeRepeated) {
    Loops loops(2);
    loops.run();
    loops.stop();
    loops.join();
    loops.stop();
    loops.join();
    EXPECT_TRUE(loops.at(0).stopped());
    EXPECT_TRUE(loops.at(1).stopped());
}

TEST(Loops, APeerThatIsGoneDoesNotKillTheProcess) {
    Loops const loops(1);
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    ::close(ends[0]);
    EXPECT_EQ(::write(ends[1], "x", 1), -1);
    EXPECT_EQ(errno, EPIPE);
    ::close(ends[1]);
}

TEST(LoopsDeathTest, AnEscapingExceptionStopsTheProcess) {
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    EXPECT_DEATH(
        {
            Loops loops(1);
            boost::asio::post(loops.at(0), [] { throw std::runtime_error("out of a handler"); });
            loops.run();
            loops.join();
        },
        "out of a handler");
}

}  // namespace
}  // namespace valija::net
