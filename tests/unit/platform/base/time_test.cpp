// Time and spans in their written forms.
#include "platform/base/time.hpp"

#include <gtest/gtest.h>

namespace valija {
namespace {

using namespace std::chrono_literals;

TEST(Time, IsWrittenInUtcForRecordsAndForMail) {
    const Time time = from_millis(1'787'956'673'323);
    EXPECT_EQ(iso_time(time), "2026-08-28T22:37:53.323Z");
    EXPECT_EQ(mail_time(time), "Fri, 28 Aug 2026 22:37:53 +0000");
    EXPECT_EQ(to_millis(time), 1'787'956'673'323);
}

TEST(Time, LeapDaysTheEpochAndTimesBeforeIt) {
    EXPECT_EQ(iso_time(Time{}), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(mail_time(Time{}), "Thu, 1 Jan 1970 00:00:00 +0000");
    EXPECT_EQ(iso_time(from_millis(1'709'164'800'000)), "2024-02-29T00:00:00.000Z");
    EXPECT_EQ(iso_time(from_millis(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(Time, IsReadAsRfc3339WritesIt) {
    const Time time = from_millis(1'787'956'673'323);
    EXPECT_EQ(parse_iso_time(iso_time(time)), time);
    EXPECT_EQ(parse_iso_time("2026-08-28t22:37:53.3239z"), time);
    EXPECT_EQ(parse_iso_time("2026-08-29T00:37:53.323+02:00"), time);
    EXPECT_EQ(parse_iso_time("2026-08-28 17:07:53.323-05:30"), time);
    EXPECT_EQ(parse_iso_time("1970-01-01T00:00:00Z"), Time{});
    EXPECT_EQ(parse_iso_time("2024-02-29T23:59:60Z"), parse_iso_time("2024-03-01T00:00:00Z"));
    EXPECT_EQ(iso_time(*parse_iso_time("9999-12-31T23:59:59Z")), "9999-12-31T23:59:59.000Z");
}

TEST(Time, WhatIsNoneIsNotRead) {
    for (const char* text :
         {"", "now", "2026-08-28", "2026-08-28T22:37:53", "2026-02-29T00:00:00Z",
          "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-08-28T24:00:00Z",
          "2026-08-28T22:60:00Z", "2026-08-28T22:37:61Z", "2026-08-28T22:37:53.Z",
          "2026-08-28T22:37:53+24:00", "2026-08-28T22:37:53+0200", "2026-08-28T22:37:53Z ",
          " 2026-08-28T22:37:53Z", "0000-01-01T00:00:00Z", "12026-08-28T22:37:53Z", "1787956673"}) {
        EXPECT_EQ(parse_iso_time(text), std::nullopt) << text;
    }
}

TEST(Duration, EveryUnitAndSeveralParts) {
    EXPECT_EQ(parse_duration("0s"), 0ms);
    EXPECT_EQ(parse_duration("250ms"), 250ms);
    EXPECT_EQ(parse_duration("90s"), 90s);
    EXPECT_EQ(parse_duration("15m"), 15min);
    EXPECT_EQ(parse_duration("4h"), 4h);
    EXPECT_EQ(parse_duration("5d"), 120h);
    EXPECT_EQ(parse_duration("1h30m"), 90min);
    EXPECT_EQ(parse_duration("1m250ms"), 60250ms);
}

TEST(Duration, WhatIsNoneIsNone) {
    for (const char* text :
         {"", "s", "5", "5x", "-5s", "+5s", " 5s", "5 s", "5s ", "1.5h", "5S",
          "99999999999999999999s", "3651d", "3650d1ms", "9223372036854775807ms"}) {
        EXPECT_EQ(parse_duration(text), std::nullopt) << text;
    }
    EXPECT_TRUE(parse_duration("3650d").has_value());
}

TEST(Duration, TheTextOfASpanIsReadBackAsTheSame) {
    for (const Duration span :
         {Duration(0ms), Duration(1ms), Duration(90s), Duration(25h + 3ms), Duration(3650 * 24h)}) {
        EXPECT_EQ(parse_duration(duration_text(span)), span) << duration_text(span);
    }
    EXPECT_EQ(duration_text(90min), "1h30m");
    EXPECT_EQ(duration_text(0ms), "0s");
}

}  // namespace
}  // namespace valija
