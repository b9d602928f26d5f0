#include "protocol/mail/address.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "platform/base/text.hpp"

namespace valija::mail {
namespace {

constexpr size_t kLocalLimit = 64;
constexpr size_t kPathLimit = 256;

bool is_atom_character(char c) {
    constexpr std::string_view special = "!#$%&'*+-/=?^_`{|}~";
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           special.find(c) != std::string_view::npos;
}

// Dots may stand anywhere: some old systems still make such addresses, and they harm nobody.
bool is_dot_string(std::string_view text) {
    return !text.empty() &&
           std::ranges::all_of(text, [](char c) { return c == '.' || is_atom_character(c); });
}

// The length of a quoted string at the front, quotes included; 0 if there is none.
size_t quoted_length(std::string_view text) {
    if (!text.starts_with('"')) {
        return 0;
    }
    for (size_t i = 1; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '"') {
            return i + 1;
        }
        if (c < ' ' || c > '~') {
            return 0;
        }
        if (c == '\\') {
            ++i;
            if (i == text.size() || text[i] < ' ' || text[i] > '~') {
                return 0;
            }
        }
    }
    return 0;
}

bool is_ipv4(std::string_view text) {
    const auto parts = split(text, '.');
    return parts.size() == 4 && std::ranges::all_of(parts, [](std::string_view part) {
               unsigned number = 256;
               const char* end = part.data() + part.size();
               const auto [stop, error] = std::from_chars(part.data(), end, number);
               return error == std::errc() && stop == end && number <= 255;
           });
}

bool is_ipv6(std::string_view text) {
    return text.size() >= 2 && text.size() <= 45 && text.find(':') != std::string_view::npos &&
           std::ranges::all_of(text, [](char c) {
               return c == ':' || c == '.' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
                      (c >= 'A' && c <= 'F');
           });
}

bool is_literal(std::string_view text) {
    if (text.size() < 4 || text.front() != '[' || text.back() != ']') {
        return false;
    }
    std::string_view inner = text.substr(1, text.size() - 2);
    if (starts_with_ignoring_case(inner, "IPv6:")) {
        return is_ipv6(inner.substr(5));
    }
    return is_ipv4(inner);
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
    if (text.size() > kPathLimit) {
        return std::nullopt;
    }
    const size_t quoted = quoted_length(text);
    const size_t at = quoted > 0 ? quoted : text.find('@');
    if (at == std::string_view::npos || at >= text.size() || text[at] != '@') {
        return std::nullopt;
    }
    const std::string_view local = text.substr(0, at);
    const std::string_view domain = text.substr(at + 1);
    const bool local_is_good = local.size() <= kLocalLimit && (quoted > 0 || is_dot_string(local));
    if (!local_is_good || !(is_host_name(domain) || is_literal(domain))) {
        return std::nullopt;
    }
    return Address{.local = std::string(local), .domain = lower(domain)};
}

}  // namespace valija::mail
