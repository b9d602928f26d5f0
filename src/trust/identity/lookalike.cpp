#include "trust/identity/lookalike.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "platform/base/text.hpp"
#include "trust/identity/names.hpp"

namespace valija::identity {
namespace {

constexpr size_t kLongestName = 255;
constexpr size_t kLongestLabel = 63;
constexpr size_t kShortestTypo = 5;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The parameters of RFC 3492 5.
constexpr uint32_t kBase = 36;
constexpr uint32_t kLow = 1;
constexpr uint32_t kHigh = 26;
constexpr uint32_t kSkew = 38;
constexpr uint32_t kDamp = 700;
constexpr uint32_t kFirstBias = 72;
constexpr uint32_t kFirstPoint = 128;
constexpr uint32_t kLastPoint = 0x10FFFF;

std::optional<uint32_t> digit_of(char c) {
    if (c >= 'a' && c <= 'z') {
        return static_cast<uint32_t>(c - 'a');
    }
    if (is_digit(c)) {
        return static_cast<uint32_t>(c - '0') + 26;
    }
    return std::nullopt;
}

uint32_t adapted(uint32_t delta, uint32_t points, bool first) {
    delta = first ? delta / kDamp : delta / 2;
    delta += delta / points;
    uint32_t k = 0;
    while (delta > (kBase - kLow) * kHigh / 2) {
        delta /= kBase - kLow;
        k += kBase;
    }
    return k + ((kBase - kLow + 1) * delta / (delta + kSkew));
}

// One variable-length number from the front of `rest`, added to `from`.
std::optional<uint32_t> advanced(std::string_view& rest, uint32_t from, uint32_t bias) {
    uint64_t sum = from;
    uint64_t weight = 1;
    for (uint32_t k = kBase;; k += kBase) {
        const auto digit = rest.empty() ? std::nullopt : digit_of(rest.front());
        if (!digit) {
            return std::nullopt;
        }
        rest.remove_prefix(1);
        sum += *digit * weight;
        const uint32_t threshold = k <= bias ? kLow : std::min(k - bias, kHigh);
        if (sum > UINT32_MAX || weight > UINT32_MAX) {
            return std::nullopt;
        }
        if (*digit < threshold) {
            return static_cast<uint32_t>(sum);
        }
        weight *= kBase - threshold;
    }
}

struct Resemblance {
    char32_t letter;
    std::string_view latin;
};

// Letters that are drawn like Latin ones in usual fonts, lower case.
constexpr auto kResemblances = std::to_array<Resemblance>({
    {U'\u0430', "a"}, {U'\u0435', "e"}, {U'\u043E', "o"}, {U'\u0440', "p"},  {U'\u0441', "c"},
    {U'\u0443', "y"}, {U'\u0445', "x"}, {U'\u0456', "l"}, {U'\u0458', "j"},  {U'\u0455', "s"},
    {U'\u0501', "d"}, {U'\u051B', "q"}, {U'\u051D', "w"}, {U'\u04BB', "h"},  {U'\u043C', "m"},
    {U'\u0442', "t"}, {U'\u043A', "k"}, {U'\u043D', "h"}, {U'\u0432', "b"},  {U'\u0433', "r"},
    {U'\u04CF', "l"}, {U'\u03BF', "o"}, {U'\u03B1', "a"}, {U'\u03BD', "v"},  {U'\u03B9', "l"},
    {U'\u03BA', "k"}, {U'\u03C1', "p"}, {U'\u03C4', "t"}, {U'\u03C5', "u"},  {U'\u03C9', "w"},
    {U'\u03B7', "n"}, {U'\u0131', "l"}, {U'\u0261', "g"}, {U'\u0251', "a"},  {U'\u0142', "l"},
    {U'\u0111', "d"}, {U'\u00F8', "o"}, {U'\u00DF', "b"}, {U'\u00E6', "ae"}, {U'\u0153', "oe"},
    {U'\u0585', "o"}, {U'\u0570', "h"}, {U'\u057D', "u"}, {U'\u0578', "n"},
});

// Accented Latin letters, by ranges of the same base (U+00E0…U+00FF, U+0100…U+017F in part).
constexpr std::string_view kLatin1 = "aaaaaaaceeeelllldnooooo/ouuuuypy";

void append_latin(std::string& text, char32_t point) {
    const auto* const found = std::ranges::find(kResemblances, point, &Resemblance::letter);
    if (found != kResemblances.end()) {
        text += found->latin;
    } else if (point >= 0xE0 && point <= 0xFF) {
        text += kLatin1[point - 0xE0];
    } else if (point >= 0x100 && point <= 0x105) {
        text += 'a';
    } else if (point >= 0x106 && point <= 0x10D) {
        text += 'c';
    } else if (point >= 0x112 && point <= 0x11B) {
        text += 'e';
    } else if (point >= 0x128 && point <= 0x130) {
        text += 'l';
    } else if (point >= 0x143 && point <= 0x148) {
        text += 'n';
    } else if (point >= 0x14C && point <= 0x151) {
        text += 'o';
    } else if (point >= 0x15A && point <= 0x161) {
        text += 's';
    } else if (point >= 0x168 && point <= 0x173) {
        text += 'u';
    } else if (point >= 0x179 && point <= 0x17E) {
        text += 'z';
    } else if (point < kFirstPoint) {
        text += static_cast<char>(point);
    } else {
        text += '?';
    }
}

char plain(char c) {
    switch (c) {
        case '0':
            return 'o';
        case '1':
        case 'i':
            return 'l';
        case '5':
            return 's';
        default:
            return c;
    }
}

// What the eye sees of a label: "pаypa1" and "paypal" give the same.
std::string skeleton(std::string_view label) {
    std::string text;
    if (label.starts_with("xn--")) {
        for (const char32_t point : decode_punycode(label.substr(4))) {
            append_latin(text, point);
        }
    } else {
        text = label;
    }
    std::string seen;
    for (size_t i = 0; i < text.size(); ++i) {
        const std::string_view pair = std::string_view(text).substr(i, 2);
        if (pair == "rn" || pair == "vv") {
            seen += pair == "rn" ? 'm' : 'w';
            ++i;
        } else if (text[i] != '-' && text[i] != '_') {
            seen += plain(text[i]);
        }
    }
    return seen;
}

// One letter left out, added, exchanged or two neighbours swapped; no digit for a digit.
bool is_typo(std::string_view a, std::string_view b) {
    if (a.size() > b.size()) {
        std::swap(a, b);
    }
    if (a.size() < kShortestTypo || b.size() > a.size() + 1) {
        return false;
    }
    const auto at = static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
    if (a.size() < b.size()) {
        return a.substr(at) == b.substr(at + 1) && !is_digit(b[at]);
    }
    if (at == a.size()) {
        return false;
    }
    if (a.substr(at + 1) == b.substr(at + 1)) {
        return !is_digit(a[at]) || !is_digit(b[at]);
    }
    return at + 1 < a.size() && a[at] == b[at + 1] && a[at + 1] == b[at] &&
           a.substr(at + 2) == b.substr(at + 2);
}

bool resembles(std::string_view a, std::string_view b) {
    const auto left = split(a, '.');
    const auto right = split(b, '.');
    if (left.size() != right.size() || a == b) {
        return false;
    }
    size_t typos = 0;
    for (size_t i = 0; i < left.size(); ++i) {
        if (left[i] == right[i] || skeleton(left[i]) == skeleton(right[i])) {
            continue;
        }
        if (!is_typo(left[i], right[i])) {
            return false;
        }
        ++typos;
    }
    return typos <= 1;
}

}  // namespace

std::u32string decode_punycode(std::string_view encoded) {
    if (encoded.size() > kLongestLabel) {
        return {};
    }
    const size_t dash = encoded.rfind('-');
    std::u32string points;
    if (dash != std::string_view::npos) {
        for (const char c : encoded.substr(0, dash)) {
            points += static_cast<char32_t>(static_cast<unsigned char>(c));
        }
        encoded.remove_prefix(dash + 1);
    }
    uint32_t point = kFirstPoint;
    uint32_t index = 0;
    uint32_t bias = kFirstBias;
    while (!encoded.empty()) {
        const auto next = advanced(encoded, index, bias);
        if (!next) {
            return {};
        }
        const auto size = static_cast<uint32_t>(points.size()) + 1;
        bias = adapted(*next - index, size, index == 0);
        if (*next / size > kLastPoint - point) {
            return {};
        }
        point += *next / size;
        index = *next % size;
        points.insert(index, 1, static_cast<char32_t>(point));
        ++index;
    }
    return points;
}

bool looks_like(std::string_view reference, std::string_view name) {
    if (reference.size() > kLongestName || name.size() > kLongestName) {
        return false;
    }
    const std::string wanted = lower(reference);
    const std::string given = lower(without_wildcard(name));
    const std::string_view parent = parent_of(given);
    if (given == wanted || parent == wanted || given.ends_with("." + wanted)) {
        return false;
    }
    return resembles(wanted, given) || (!is_wildcard(name) && resembles(wanted, parent));
}

}  // namespace valija::identity
