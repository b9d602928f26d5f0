#include "directory/settings/internal/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "directory/settings/edit.hpp"
#include "platform/base/text.hpp"

namespace valija::settings {
namespace {

constexpr std::string_view size_units = "KMGT";

std::optional<uint64_t> parse_number(std::string_view text) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

std::vector<std::string> comma_list(std::string_view text) {
    std::vector<std::string> parts;
    if (trim(text).empty()) return parts;
    for (const std::string_view part : split(text, ',')) parts.emplace_back(trim(part));
    return parts;
}

// A bound of a row: "1" (Number), "64K" (Size), "5m" (Span).
int64_t bound(Kind kind, std::string_view text) {
    if (kind == Kind::Span) {
        const auto span = parse_duration(text);
        VALIJA_ENSURE(span, "a span in settings.def is well-formed");
        return span->count();
    }
    const auto size = parse_size(text);
    VALIJA_ENSURE(size, "a bound in settings.def is a number");
    return static_cast<int64_t>(*size);
}

constexpr std::array<std::pair<std::string_view, Kind>, 8> kinds{{{"Text", Kind::Text},
                                                                  {"TextList", Kind::TextList},
                                                                  {"Bool", Kind::Bool},
                                                                  {"Number", Kind::Number},
                                                                  {"Size", Kind::Size},
                                                                  {"Span", Kind::Span},
                                                                  {"SpanList", Kind::SpanList},
                                                                  {"Word", Kind::Word}}};

}  // namespace

Type type_of(const SettingRow& row) {
    const std::string_view text = row.type;
    const size_t open = text.find('(');
    const auto known =
        std::ranges::find(kinds, text.substr(0, open), &std::pair<std::string_view, Kind>::first);
    VALIJA_ENSURE(known != kinds.end(), "settings.def names a known type");
    Type type{.kind = known->second};
    if (open == std::string_view::npos) return type;
    const std::string_view inner = text.substr(open + 1, text.size() - open - 2);
    if (type.kind == Kind::Word) {
        for (const std::string_view word : split(inner, '|')) type.words.emplace_back(trim(word));
        return type;
    }
    const auto bounds = split(inner, ',');
    VALIJA_ENSURE(bounds.size() == 2, "a range in settings.def has two ends");
    type.low = bound(type.kind, trim(bounds[0]));
    type.high = bound(type.kind, trim(bounds[1]));
    return type;
}

std::optional<uint64_t> parse_size(std::string_view text) {
    unsigned shift = 0;
    if (!text.empty()) {
        const size_t unit = size_units.find(text.back());
        if (unit != std::string_view::npos) {
            shift = 10U * (static_cast<unsigned>(unit) + 1U);
            text.remove_suffix(1);
        }
    }
    const auto number = parse_number(text);
    // The bound keeps every size within a signed 64-bit number, as SQLite and the ranges need.
    if (!number || *number > (uint64_t{1} << 62U) >> shift) return std::nullopt;
    return *number << shift;
}

std::string size_text(uint64_t size) {
    std::string unit;
    for (const char next : size_units) {
        if (size == 0 || size % 1024 != 0) break;
        size /= 1024;
        unit = next;
    }
    return std::to_string(size) + unit;
}

std::string toml_of(const Value& value) {
    struct Writer {
        std::string operator()(const std::string& text) const { return toml_text(text); }

        std::string operator()(const std::vector<std::string>& list) const {
            return toml_list(list);
        }

        std::string operator()(bool truth) const { return truth ? "true" : "false"; }

        std::string operator()(int64_t number) const { return std::to_string(number); }

        std::string operator()(uint64_t size) const { return toml_text(size_text(size)); }

        std::string operator()(Duration span) const { return toml_text(duration_text(span)); }

        std::string operator()(const std::vector<Duration>& spans) const {
            std::vector<std::string> texts;
            for (const Duration span : spans) texts.push_back(duration_text(span));
            return toml_list(texts);
        }
    };

    return std::visit(Writer{}, value);
}

template <>
std::string from_default<std::string>(std::string_view text) {
    return std::string(text);
}

template <>
std::vector<std::string> from_default<std::vector<std::string>>(std::string_view text) {
    return comma_list(text);
}

template <>
bool from_default<bool>(std::string_view text) {
    VALIJA_ENSURE(text == "true" || text == "false", "a Bool in settings.def is true or false");
    return text == "true";
}

template <>
int64_t from_default<int64_t>(std::string_view text) {
    const auto number = parse_number(text);
    VALIJA_ENSURE(number, "a Number in settings.def is one");
    return static_cast<int64_t>(*number);
}

template <>
uint64_t from_default<uint64_t>(std::string_view text) {
    const auto size = parse_size(text);
    VALIJA_ENSURE(size, "a Size in settings.def is one");
    return *size;
}

template <>
Duration from_default<Duration>(std::string_view text) {
    const auto span = parse_duration(text);
    VALIJA_ENSURE(span, "a Span in settings.def is one");
    return *span;
}

template <>
std::vector<Duration> from_default<std::vector<Duration>>(std::string_view text) {
    std::vector<Duration> spans;
    for (const std::string& part : comma_list(text)) spans.push_back(from_default<Duration>(part));
    return spans;
}

Value default_value(const Type& type, std::string_view text) {
    switch (type.kind) {
        case Kind::Text:
        case Kind::Word:
            return std::string(text);
        case Kind::TextList:
            return comma_list(text);
        case Kind::Bool:
            return from_default<bool>(text);
        case Kind::Number:
            return from_default<int64_t>(text);
        case Kind::Size:
            return from_default<uint64_t>(text);
        case Kind::Span:
            return from_default<Duration>(text);
        case Kind::SpanList:
            return from_default<std::vector<Duration>>(text);
    }
    broken_invariant("type.kind", "a type has a known kind", __FILE__, __LINE__);
}

}  // namespace valija::settings
