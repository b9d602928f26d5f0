#include "trust/dane/tlsa_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "platform/base/text.hpp"

namespace valija::dane {
namespace {

constexpr size_t kMostRecords = 100;
constexpr size_t kLongestData = 64UL << 10U;
constexpr unsigned kHighest = 255;

// The next word, taken off the front.
std::string_view next_word(std::string_view& text) {
    text = trim(text);
    const size_t end = text.find_first_of(" \t");
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(word.size());
    return word;
}

std::optional<unsigned> number_from(std::string_view word) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    const bool whole = error == std::errc() && end == word.data() + word.size();
    return whole && !word.empty() && value <= kHighest ? std::optional(value) : std::nullopt;
}

std::optional<unsigned> digit_from(char c) {
    if (c >= '0' && c <= '9') {
        return static_cast<unsigned>(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return static_cast<unsigned>(c - 'a') + 10;
    }
    return c >= 'A' && c <= 'F' ? std::optional(static_cast<unsigned>(c - 'A') + 10) : std::nullopt;
}

std::optional<std::string> bytes_from(std::string_view text) {
    std::string bytes;
    std::optional<unsigned> high;
    for (const char c : text) {
        if (c == ' ' || c == '\t') {
            continue;
        }
        const auto digit = digit_from(c);
        if (!digit) {
            return std::nullopt;
        }
        if (high) {
            bytes += static_cast<char>(*high << 4U | *digit);
            high.reset();
        } else {
            high = digit;
        }
    }
    return high || bytes.empty() || bytes.size() > kLongestData ? std::nullopt
                                                                : std::optional(bytes);
}

std::optional<Tlsa> record_from(std::string_view line) {
    const auto usage = number_from(next_word(line));
    const auto selector = number_from(next_word(line));
    const auto matching = number_from(next_word(line));
    auto data = bytes_from(line);
    if (!usage || !selector || !matching || !data) {
        return std::nullopt;
    }
    return Tlsa{
        .usage = *usage, .selector = *selector, .matching = *matching, .data = std::move(*data)};
}

}  // namespace

Result<std::vector<Tlsa>> read_tlsa_lines(std::string_view text) {
    std::vector<Tlsa> records;
    size_t number = 0;
    for (const std::string_view line : split(text, '\n')) {
        ++number;
        const std::string_view content = trim(line);
        if (content.empty() || content.starts_with('#') || content.starts_with(';')) {
            continue;
        }
        auto record = record_from(content);
        if (!record) {
            return fault(FaultKind::Input, fmt::format("reading TLSA records, line {}", number),
                         "not \"usage selector matching-type hex\", such as 3 1 1 and 64 digits");
        }
        if (records.size() == kMostRecords) {
            return fault(FaultKind::Input, "reading TLSA records",
                         fmt::format("more than {}", kMostRecords));
        }
        records.push_back(std::move(*record));
    }
    return records;
}

}  // namespace valija::dane
