#include "platform/net/helpers.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <thread>

#include "support/run.hpp"

namespace valija::net {
namespace {

struct Seen {
    std::thread::id working;
    std::thread::id resumed;
};

Task<Seen> look(Helpers* helpers) {
    Seen seen;
    co_await helpers->run([&seen] { seen.working = std::this_thread::get_id(); });
    seen.resumed = std::this_thread::get_id();
    co_return seen;
}

TEST(Helpers, WorkRunsElsewhereAndItsCallerGoesOnOnItsLoop) {
    boost::asio::io_context loop(1);
    Helpers helpers(2);
    const Seen seen = test::run(loop, look(&helpers));
    EXPECT_NE(seen.working, std::this_thread::get_id());
    EXPECT_EQ(seen.resumed, std::this_thread::get_id());
}

TEST(Helpers, MoreCallersThanThreadsAllGetTheirTurn) {
    boost::asio::io_context loop(1);
    Helpers helpers(2);
    std::vector<std::optional<Seen>> all(50);
    for (auto& one : all) test::start(loop, look(&helpers), one);
    loop.run();
    for (const auto& one : all) EXPECT_TRUE(one.has_value());
}

}  // namespace
}  // namespace valija::net
