#include "directory/settings/values.hpp"

#include <arpa/inet.h>
#include <idn2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include "platform/base/text.hpp"

namespace valija::settings {
namespace {

constexpr size_t kDigestSize = 32;
constexpr unsigned kHighestPriority = 65535;
constexpr size_t kLongestName = 255;
constexpr size_t kMostAddresses = 20;
constexpr std::string_view kPinPrefix = "sha256/";

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words = split(text, ' ');
    std::erase_if(words, [](std::string_view word) { return word.empty(); });
    return words;
}

int digit_of(std::string_view alphabet, char c) {
    const size_t at = alphabet.find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

std::optional<std::string> hex_digest(std::string_view text) {
    std::string digits;
    for (const char c : text) {
        if (c == ':') continue;
        if (digit_of("0123456789abcdefABCDEF", c) < 0) return std::nullopt;
        digits += c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return digits.size() == 2 * kDigestSize ? std::optional(digits) : std::nullopt;
}

// RFC 4648 4; 32 bytes are 43 characters and one "=".
std::optional<std::string> base64_digest(std::string_view text) {
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (text.size() != 44 || text.back() != '=') return std::nullopt;
    std::string bytes;
    unsigned bits = 0;
    int count = 0;
    for (const char c : text.substr(0, 43)) {
        const int value = digit_of(alphabet, c);
        if (value < 0) return std::nullopt;
        bits = (bits << 6U | static_cast<unsigned>(value)) & 0xFFFFU;
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes += static_cast<char>(bits >> static_cast<unsigned>(count) & 0xFFU);
        }
    }
    const bool rest_is_zero = (bits & ((1U << static_cast<unsigned>(count)) - 1)) == 0;
    return rest_is_zero && bytes.size() == kDigestSize ? std::optional(hex(bytes)) : std::nullopt;
}

std::optional<unsigned> priority_of(std::string_view word) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    const bool whole = error == std::errc() && end == word.data() + word.size();
    return whole && value <= kHighestPriority ? std::optional(value) : std::nullopt;
}

}  // namespace

bool is_ip_address(std::string_view text) {
    if (text.contains('\0')) return false;
    const std::string ended(text);
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    return inet_pton(AF_INET, ended.c_str(), bytes.data()) == 1 ||
           inet_pton(AF_INET6, ended.c_str(), bytes.data()) == 1;
}

bool is_full_name(std::string_view text) {
    return is_host_name(text) && text.contains('.') && !is_ip_address(text);
}

std::optional<std::string> read_pin(std::string_view text) {
    if (!text.starts_with(kPinPrefix)) return hex_digest(text);
    text.remove_prefix(kPinPrefix.size());
    // curl writes sha256//; a digest of 44 characters may begin with a slash of its own.
    constexpr size_t kDigestCharacters = 44;
    if (text.starts_with('/') && text.size() > kDigestCharacters) text.remove_prefix(1);
    return base64_digest(text);
}

std::optional<Route> read_route(std::string_view text) {
    const auto words = words_of(text);
    if (words.empty() || words.size() > 2) return std::nullopt;
    Route route{.host = lower(words[0]), .is_address = is_ip_address(words[0])};
    if (!route.is_address && !is_full_name(route.host)) return std::nullopt;
    if (words.size() == 2) {
        const auto priority = priority_of(words[1]);
        if (!priority) return std::nullopt;
        route.priority = *priority;
    }
    return route;
}

std::optional<KnownMx> read_known_mx(std::string_view text) {
    const auto words = words_of(text);
    if (words.empty() || words.size() > kMostAddresses + 1 || !is_full_name(words[0])) {
        return std::nullopt;
    }
    KnownMx known{.host = lower(words[0]), .addresses = {}};
    for (size_t i = 1; i < words.size(); ++i) {
        if (!is_ip_address(words[i])) return std::nullopt;
        known.addresses.emplace_back(words[i]);
    }
    return known;
}

std::optional<std::string> a_label_of(std::string_view name) {
    const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    if (name.size() > kLongestName || std::ranges::all_of(name, is_ascii) || name.contains('\0')) {
        return std::nullopt;
    }
    char* made = nullptr;
    const std::string ended(name);
    const int code = idn2_to_ascii_8z(ended.c_str(), &made, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    const std::unique_ptr<char, void (*)(void*)> owner(made, idn2_free);
    if (code != IDN2_OK || made == nullptr || !is_full_name(made)) return std::nullopt;
    return std::string(made);
}

}  // namespace valija::settings
