#include "platform/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace valija {
namespace {

char lower_char(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_continuation(unsigned char byte) { return (byte & 0xC0U) == 0x80U; }

// Length of the well-formed UTF-8 sequence at the start of `text`, 0 if there is none.
size_t utf8_length(std::string_view text) {
    auto const at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    auto const first = at(0);
    size_t const length = first < 0x80   ? 1
                          : first < 0xC2 ? 0
                          : first < 0xE0 ? 2
                          : first < 0xF0 ? 3
                          : first < 0xF5 ? 4
                                         : 0;
    if (length == 0 || length > text.size()) return 0;
    for (size_t i = 1; i < length; ++i)
        if (!is_continuation(at(i))) return 0;
    if (first == 0xE0 && at(1) < 0xA0) return 0;
    if (first == 0xED && at(1) > 0x9F) return 0;
    if (first == 0xF0 && at(1) < 0x90) return 0;
    if (first == 0xF4 && at(1) > 0x8F) return 0;
    // C1 controls and the bidirectional overrides can turn a log line around.
    if (first == 0xC2 && at(1) < 0xA0) return 0;
    if (first == 0xE2 && at(1) == 0x80 && at(2) >= 0xA8 && at(2) <= 0xAE) return 0;
    if (first == 0xE2 && at(1) == 0x81 && at(2) >= 0xA6 && at(2) <= 0xA9) return 0;
    return length;
}

size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 1; i <= a.size(); ++i) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            size_t const above = row[j];
            row[j] =
                std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
            diagonal = above;
        }
    }
    return row.back();
}

}  // namespace

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), lower_char);
    return result;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower_char, lower_char);
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
    return text.size() >= prefix.size() &&
           equal_ignoring_case(text.substr(0, prefix.size()), prefix);
}

std::string_view trim(std::string_view text) {
    auto const blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        auto const at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
    return fmt::format("{}", fmt::join(parts, separator));
}

std::string hex(std::string_view bytes) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (char const c : bytes) {
        auto const byte = static_cast<uint8_t>(c);
        text += digits[byte >> 4U];
        text += digits[byte & 15U];
    }
    return text;
}

std::string escape_peer_text(std::string_view text, size_t limit) {
    std::string result;
    while (!text.empty()) {
        auto const first = static_cast<unsigned char>(text.front());
        auto const length = utf8_length(text);
        bool const printable =
            length > 1 || (length == 1 && first >= 0x20 && first != 0x7F && first != '\\');
        auto const piece =
            printable ? std::string(text.substr(0, length)) : fmt::format("\\x{:02X}", first);
        if (result.size() + piece.size() > limit) return result + "…";
        result += piece;
        text.remove_prefix(printable ? length : 1);
    }
    return result;
}

bool is_host_name(std::string_view text) {
    if (text.empty() || text.size() > 255) return false;
    auto const good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    };
    return std::ranges::all_of(split(text, '.'), [&](std::string_view label) {
        return !label.empty() && label.size() <= 63 && std::ranges::all_of(label, good) &&
               label.front() != '-' && label.back() != '-';
    });
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known) {
    auto const best =
        std::ranges::min_element(known, {}, [&](auto const& k) { return edit_distance(word, k); });
    if (best == known.end()) return std::nullopt;
    auto const distance = edit_distance(word, *best);
    // With every letter changed it is no misspelling: "on" is not "off".
    if (distance > std::max<size_t>(2, word.size() / 3) || distance >= word.size())
        return std::nullopt;
    return *best;
}

}  // namespace valija
