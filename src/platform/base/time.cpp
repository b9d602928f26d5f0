#include "platform/base/time.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace valija {
namespace {

struct Unit {
    std::string_view name;
    long long millis;
};

// Longest names first, so that "ms" is not read as "m".
constexpr std::array<Unit, 5> units{
    {{"ms", 1}, {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}}};
constexpr long long longest = 3650LL * 86'400'000;

struct Civil {
    std::chrono::year_month_day date;
    std::chrono::hh_mm_ss<std::chrono::milliseconds> clock;
    std::chrono::weekday weekday;
};

Civil civil(Time time) {
    auto const day = std::chrono::floor<std::chrono::days>(time);
    return {std::chrono::year_month_day(day),
            std::chrono::hh_mm_ss<std::chrono::milliseconds>(time - day),
            std::chrono::weekday(day)};
}

}  // namespace

Time SystemClock::now() const {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::string iso_time(Time time) {
    auto const c = civil(time);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                       static_cast<int>(c.date.year()), static_cast<unsigned>(c.date.month()),
                       static_cast<unsigned>(c.date.day()), c.clock.hours().count(),
                       c.clock.minutes().count(), c.clock.seconds().count(),
                       c.clock.subseconds().count());
}

namespace {

// Takes digits of a fixed number from the front.
std::optional<unsigned> take_digits(std::string_view& text, size_t count) {
    unsigned value = 0;
    for (size_t i = 0; i < count; ++i) {
        if (i >= text.size() || text[i] < '0' || text[i] > '9') return std::nullopt;
        value = value * 10 + static_cast<unsigned>(text[i] - '0');
    }
    text.remove_prefix(count);
    return value;
}

bool take_one_of(std::string_view& text, std::string_view letters) {
    if (text.empty() || !letters.contains(text.front())) return false;
    text.remove_prefix(1);
    return true;
}

// ".5": in milliseconds; nothing written is 0.
std::optional<Duration> take_fraction(std::string_view& text) {
    if (!take_one_of(text, ".")) return Duration{0};
    Duration fraction{0};
    Duration unit{100};
    size_t digits = 0;
    while (const auto digit = take_digits(text, 1)) {
        fraction += unit * *digit;
        unit /= 10;
        ++digits;
    }
    return digits == 0 ? std::nullopt : std::optional(fraction);
}

// "Z" or "+02:00".
std::optional<std::chrono::minutes> take_offset(std::string_view& text) {
    if (take_one_of(text, "Zz")) return std::chrono::minutes{0};
    const bool is_west = text.starts_with('-');
    if (!take_one_of(text, "+-")) return std::nullopt;
    const auto hours = take_digits(text, 2);
    if (!hours || !take_one_of(text, ":")) return std::nullopt;
    const auto minutes = take_digits(text, 2);
    if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    const std::chrono::minutes offset{*hours * 60 + *minutes};
    return is_west ? -offset : offset;
}

}  // namespace

std::optional<Time> parse_iso_time(std::string_view text) {
    const auto year = take_digits(text, 4);
    const auto month = year && take_one_of(text, "-") ? take_digits(text, 2) : std::nullopt;
    const auto day = month && take_one_of(text, "-") ? take_digits(text, 2) : std::nullopt;
    const auto hour = day && take_one_of(text, "Tt ") ? take_digits(text, 2) : std::nullopt;
    const auto minute = hour && take_one_of(text, ":") ? take_digits(text, 2) : std::nullopt;
    const auto second = minute && take_one_of(text, ":") ? take_digits(text, 2) : std::nullopt;
    const auto fraction = second ? take_fraction(text) : std::nullopt;
    const auto offset = fraction ? take_offset(text) : std::nullopt;
    if (!offset || !text.empty() || *year == 0 || *hour > 23 || *minute > 59 || *second > 60) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)),
                                           std::chrono::month(*month), std::chrono::day(*day));
    if (!date.ok()) return std::nullopt;
    return Time(std::chrono::sys_days(date)) + std::chrono::hours(*hour) +
           std::chrono::minutes(*minute) + std::chrono::seconds(*second) + *fraction - *offset;
}

std::string mail_time(Time time) {
    static constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed",
                                                          "Thu", "Fri", "Sat"};
    static constexpr std::array<std::string_view, 12> months{
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    auto const c = civil(time);
    return fmt::format("{}, {} {} {:04} {:02}:{:02}:{:02} +0000", days[c.weekday.c_encoding()],
                       static_cast<unsigned>(c.date.day()),
                       months[static_cast<unsigned>(c.date.month()) - 1],
                       static_cast<int>(c.date.year()), c.clock.hours().count(),
                       c.clock.minutes().count(), c.clock.seconds().count());
}

long long to_millis(Time time) { return time.time_since_epoch().count(); }

Time from_millis(long long millis) { return Time(Duration(millis)); }

std::optional<Duration> parse_duration(std::string_view text) {
    if (text.empty()) return std::nullopt;
    long long total = 0;
    while (!text.empty()) {
        long long number = 0;
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc() || number < 0 || number > longest) return std::nullopt;
        text.remove_prefix(static_cast<size_t>(end - text.data()));
        auto const* unit = units.begin();
        while (unit != units.end() && !text.starts_with(unit->name)) ++unit;
        if (unit == units.end() || number > longest / unit->millis) return std::nullopt;
        text.remove_prefix(unit->name.size());
        total += number * unit->millis;
        if (total > longest) return std::nullopt;
    }
    return Duration(total);
}

std::string duration_text(Duration duration) {
    static constexpr std::array<Unit, 5> largest_first{
        {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
    std::string text;
    auto rest = duration.count();
    for (auto const& unit : largest_first) {
        if (rest >= unit.millis) text += fmt::format("{}{}", rest / unit.millis, unit.name);
        rest %= unit.millis;
    }
    return text.empty() ? "0s" : text;
}

}  // namespace valija
