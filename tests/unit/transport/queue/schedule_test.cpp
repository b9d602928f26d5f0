// When to try again.
#include "transport/queue/schedule.hpp"

#include <gtest/gtest.h>

namespace valija::queue {
namespace {

using std::chrono::minutes;

TEST(Schedule, EachFailureWaitsForItsStepAndLaterOnesForTheLast) {
    const Schedule schedule{.steps = {minutes(1), minutes(5), minutes(60)}};
    const Time now{std::chrono::hours(1)};
    EXPECT_EQ(schedule.next(1, now), now + minutes(1));
    EXPECT_EQ(schedule.next(2, now), now + minutes(5));
    EXPECT_EQ(schedule.next(3, now), now + minutes(60));
    EXPECT_EQ(schedule.next(4, now), now + minutes(60));
    EXPECT_EQ(schedule.next(999'999, now), now + minutes(60));
}

TEST(Schedule, ACountThatMakesNoSenseWaitsForTheFirstStep) {
    const Schedule schedule{.steps = {minutes(1), minutes(5)}};
    EXPECT_EQ(schedule.next(0, Time{}), Time{} + minutes(1));
    EXPECT_EQ(schedule.next(-7, Time{}), Time{} + minutes(1));
}

TEST(Schedule, WithoutStepsItNeverTriesAtOnce) {
    EXPECT_GE(Schedule{.steps = {}}.next(1, Time{}), Time{} + minutes(30));
}

}  // namespace
}  // namespace valija::queue
