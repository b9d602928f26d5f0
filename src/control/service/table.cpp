#include "control/service/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace valija::service {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// What a terminal shows, near enough: code points.
size_t width(std::string_view text) {
    return text.size() - static_cast<size_t>(std::ranges::count_if(text, is_continuation));
}

}  // namespace

Table& Table::align_right(size_t column) {
    right_.push_back(column);
    return *this;
}

std::string Table::text() const {
    std::vector<size_t> widths(rows_.front().size());
    for (const auto& row : rows_) {
        for (size_t i = 0; i < widths.size() && i < row.size(); ++i) {
            widths[i] = std::max(widths[i], width(row[i]));
        }
    }
    std::string all;
    for (const auto& row : rows_) {
        std::string line;
        for (size_t i = 0; i < widths.size() && i < row.size(); ++i) {
            const std::string blanks(widths[i] - width(row[i]), ' ');
            const bool is_right = std::ranges::find(right_, i) != right_.end();
            line += (i == 0 ? "" : "  ") + (is_right ? blanks + row[i] : row[i] + blanks);
        }
        while (line.ends_with(' ')) line.pop_back();
        all += line + "\n";
    }
    return all;
}

std::string short_time(Duration duration) {
    struct Unit {
        std::string_view name;
        int64_t seconds;
    };

    static constexpr std::array<Unit, 4> units{{{"d", 86'400}, {"h", 3'600}, {"m", 60}, {"s", 1}}};
    int64_t rest = std::max<int64_t>(0, std::chrono::floor<std::chrono::seconds>(duration).count());
    std::string text;
    int parts = 0;
    for (const Unit& unit : units) {
        if (rest >= unit.seconds && parts < 2) {
            text += fmt::format("{}{}", rest / unit.seconds, unit.name);
            ++parts;
        } else if (parts > 0) {
            ++parts;  // a gap ends the text: 3d, not 3d5s
        }
        rest %= unit.seconds;
    }
    return text.empty() ? "0s" : text;
}

std::string short_size(uint64_t bytes) {
    if (bytes < 1024) return std::to_string(bytes);
    double size = static_cast<double>(bytes);
    std::string_view const units = "KMGT";
    size_t unit = 0;
    size /= 1024;
    // What would be printed as 1024.0 is 1.0 of the next unit.
    while (size >= 1023.95 && unit + 1 < units.size()) {
        size /= 1024;
        ++unit;
    }
    return fmt::format("{:.1f}{}", size, units[unit]);
}

std::string counted(uint64_t count, std::string_view one, std::string_view many) {
    return fmt::format("{} {}", count, count == 1 ? one : many);
}

}  // namespace valija::service
