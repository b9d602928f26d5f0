// CI-11: a change at a partner is told once a day.
#include "transport/deliver/told_changes.hpp"

#include <gtest/gtest.h>

namespace valija::deliver {
namespace {

using namespace std::chrono_literals;

TEST(ToldChanges, CI11AChangeIsNewsOnceADay) {
    const Time now = Time(1'760'000'000'000ms);
    ToldChanges told;
    EXPECT_TRUE(told.is_news("w: mx2 is new", now));
    EXPECT_FALSE(told.is_news("w: mx2 is new", now + 23h));
    EXPECT_TRUE(told.is_news("w: mx3 is new", now + 23h));
    EXPECT_TRUE(told.is_news("w: mx2 is new", now + 25h));
}

TEST(ToldChanges, AClockThatGoesBackHidesNothing) {
    const Time now = Time(1'760'000'000'000ms);
    ToldChanges told;
    EXPECT_TRUE(told.is_news("change", now));
    EXPECT_TRUE(told.is_news("change", now - 1h));
}

TEST(ToldChanges, ItIsBounded) {
    const Time now = Time(1'760'000'000'000ms);
    ToldChanges told;
    for (int i = 0; i < 5000; ++i) {
        EXPECT_TRUE(told.is_news(std::to_string(i), now));
    }
    EXPECT_FALSE(told.is_news("4999", now));
}

}  // namespace
}  // namespace valija::deliver
