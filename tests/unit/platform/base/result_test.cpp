// Faults: their kind, their words, and the end of a broken invariant.
#include "platform/base/result.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace valija {
namespace {

TEST(Fault, SaysWhatWeDidAndWhatTheSystemSaid) {
    const Fault full{FaultKind::System, "writing the envelope", "No space left on device"};
    EXPECT_EQ(full.text(), "writing the envelope: No space left on device");
    EXPECT_EQ((Fault{FaultKind::Stopped, "stopping", ""}).text(), "stopping");
}

TEST(Fault, LackOfSpaceIsAKindOfItsOwn) {
    EXPECT_EQ(system_fault("x", ENOSPC).error().kind, FaultKind::Full);
    EXPECT_EQ(system_fault("x", EDQUOT).error().kind, FaultKind::Full);
    for (const int error : {EIO, EACCES, ENOENT, EMFILE, EROFS}) {
        EXPECT_EQ(system_fault("x", error).error().kind, FaultKind::System) << error;
    }
    EXPECT_EQ(system_fault("opening a", ENOENT).error().text(),
              "opening a: No such file or directory");
}

TEST(Fault, TravelsThroughAResult) {
    const Result<int> result = fault(FaultKind::Timeout, "waiting", "none came");
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().kind, FaultKind::Timeout);
}

TEST(InvariantDeathTest, ABrokenOneStopsTheProcessAndSaysWhere) {
    VALIJA_ENSURE(true, "never seen");
    EXPECT_DEATH(VALIJA_ENSURE(1 + 1 == 3, "sums are right"),
                 "broken invariant at .*result_test.cpp:[0-9]+: sums are right \\(1 \\+ 1 == 3\\)");
}

}  // namespace
}  // namespace valija
