// Points in time and spans, and their written forms. Time is an argument for everything that
// judges; Clock is the one port through which a task reads it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace valija {

using Duration = std::chrono::milliseconds;
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

class Clock {
  public:
    virtual ~Clock() = default;
    virtual Time now() const = 0;
};

class SystemClock final : public Clock {
  public:
    Time now() const override;
};

// 2026-08-28T22:37:53.323Z
std::string iso_time(Time time);

// RFC 3339: the same, the fraction optional (what is finer than a millisecond is cut), and with an
// offset such as +02:00. Nothing where it is no such time, or one outside the years 1 to 9999.
std::optional<Time> parse_iso_time(std::string_view text);

// Fri, 28 Aug 2026 22:37:53 +0000 (RFC 5322 3.3, always UTC)
std::string mail_time(Time time);

// Seconds since the epoch and back, for records.
long long to_millis(Time time);
Time from_millis(long long millis);

// "0s", "90s", "15m", "4h", "5d", "250ms"; several parts may follow each other: "1h30m".
std::optional<Duration> parse_duration(std::string_view text);
std::string duration_text(Duration duration);

}  // namespace valija
