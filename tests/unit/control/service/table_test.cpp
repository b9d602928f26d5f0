// Tables and small texts as people read them.
#include "control/service/table.hpp"

#include <gtest/gtest.h>

namespace valija::service {
namespace {

using namespace std::chrono_literals;

TEST(Table, ColumnsAreAsWideAsTheirWidestCellAndNothingStandsBehindTheLast) {
    Table table({"ID", "STATE", "WHAT"});
    table.add({"1", "deferred", "x"});
    table.add({"12345", "ok", ""});
    EXPECT_EQ(table.text(),
              "ID     STATE     WHAT\n"
              "1      deferred  x\n"
              "12345  ok\n");
}

TEST(Table, FiguresStandAtTheRight) {
    Table table({"VALUE", "WHAT"});
    table.align_right(0);
    table.add({"7", "a"});
    table.add({"1234567", "b"});
    EXPECT_EQ(table.text(),
              "  VALUE  WHAT\n"
              "      7  a\n"
              "1234567  b\n");
}

TEST(Table, WidthCountsCharactersAndNotBytes) {
    Table table({"A", "B"});
    table.add({"caf\xc3\xa9", "x"});
    table.add({"cafe", "y"});
    EXPECT_EQ(table.text(), "A     B\ncaf\xc3\xa9  x\ncafe  y\n");
}

TEST(Table, ARowMayBeShorterOrLongerThanTheHead) {
    Table table({"A", "B"});
    EXPECT_TRUE(table.is_empty());
    table.add({"1"});
    table.add({"1", "2", "3"});
    EXPECT_FALSE(table.is_empty());
    EXPECT_EQ(table.text(), "A  B\n1\n1  2\n");
}

TEST(ShortTime, HasTheTwoLargestUnits) {
    EXPECT_EQ(short_time(0ms), "0s");
    EXPECT_EQ(short_time(999ms), "0s");
    EXPECT_EQ(short_time(42s), "42s");
    EXPECT_EQ(short_time(5min), "5m");
    EXPECT_EQ(short_time(2h + 10min + 5s), "2h10m");
    EXPECT_EQ(short_time(76h), "3d4h");
    EXPECT_EQ(short_time(72h + 5s), "3d");
    EXPECT_EQ(short_time(-5s), "0s");
    EXPECT_EQ(short_time(Duration::max()).find('-'), std::string::npos);
}

TEST(ShortSize, IsInTheLargestUnitThatFits) {
    EXPECT_EQ(short_size(0), "0");
    EXPECT_EQ(short_size(1023), "1023");
    EXPECT_EQ(short_size(1024), "1.0K");
    EXPECT_EQ(short_size(4300), "4.2K");
    EXPECT_EQ(short_size(36U << 20U), "36.0M");
    EXPECT_EQ(short_size((1U << 20U) - 1), "1.0M");
    EXPECT_EQ(short_size((1U << 20U) - 100), "1023.9K");
    EXPECT_EQ(short_size(uint64_t{5} << 30U), "5.0G");
    EXPECT_EQ(short_size(uint64_t{5} << 50U), "5120.0T");
}

TEST(Counted, OneIsOne) {
    EXPECT_EQ(counted(0, "message", "messages"), "0 messages");
    EXPECT_EQ(counted(1, "message", "messages"), "1 message");
    EXPECT_EQ(counted(2, "message", "messages"), "2 messages");
}

}  // namespace
}  // namespace valija::service
