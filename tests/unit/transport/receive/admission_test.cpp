// Limits at the door: sessions in all and of one source.
#include <gtest/gtest.h>

#include "transport/receive/receiver.hpp"

namespace valija::receive {
namespace {

TEST(Admission, OneSourceIsBoundedAndOthersStillComeIn) {
    Admission admission;
    const auto first = admission.enter("192.0.2.1", 10, 1);
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(admission.enter("192.0.2.1", 10, 1), nullptr);
    EXPECT_NE(admission.enter("192.0.2.2", 10, 1), nullptr);
}

TEST(Admission, APlaceIsGivenBackWhenTheSessionEnds) {
    Admission admission;
    admission.enter("192.0.2.1", 1, 1).reset();
    EXPECT_NE(admission.enter("192.0.2.1", 1, 1), nullptr);
}

TEST(Admission, AllSessionsTogetherAreBoundedEvenForExemptSources) {
    Admission admission;
    const auto first = admission.enter("192.0.2.1", 1, 0);
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(admission.enter("192.0.2.2", 1, 0), nullptr);
}

}  // namespace
}  // namespace valija::receive
