// A value that is replaced as a whole while others read it.
#include "platform/base/snapshot.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

namespace valija {
namespace {

TEST(Snapshot, IsNothingUntilItIsSet) {
    Snapshot<int> snapshot;
    EXPECT_EQ(snapshot.get(), nullptr);
    snapshot.set(std::make_shared<const int>(7));
    EXPECT_EQ(*snapshot.get(), 7);
}

TEST(Snapshot, AReaderKeepsWhatItTook) {
    Snapshot<std::string> snapshot(std::make_shared<const std::string>("old"));
    const auto taken = snapshot.get();
    const std::weak_ptr<const std::string> old = taken;
    snapshot.set(std::make_shared<const std::string>("new"));
    EXPECT_EQ(*taken, "old");
    EXPECT_EQ(*snapshot.get(), "new");
    EXPECT_FALSE(old.expired());
}

TEST(Snapshot, TheOldValueGoesWithItsLastReader) {
    Snapshot<int> snapshot(std::make_shared<const int>(1));
    const std::weak_ptr<const int> old = snapshot.get();
    snapshot.set(std::make_shared<const int>(2));
    EXPECT_TRUE(old.expired());
}

TEST(Snapshot, ReadersOfOtherThreadsSeeWholeValuesOnly) {
    using Pair = std::array<int, 2>;
    Snapshot<Pair> snapshot(std::make_shared<const Pair>(Pair{0, 0}));
    std::atomic<bool> stop{false};
    std::atomic<int> torn{0};
    std::thread reader([&] {
        while (!stop) {
            const auto value = snapshot.get();
            torn += (*value)[0] != (*value)[1];
        }
    });
    for (int i = 1; i <= 10000; ++i) snapshot.set(std::make_shared<const Pair>(Pair{i, i}));
    stop = true;
    reader.join();
    EXPECT_EQ(torn, 0);
    EXPECT_EQ((*snapshot.get())[0], 10000);
}

}  // namespace
}  // namespace valija
