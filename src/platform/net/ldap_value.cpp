#include "platform/net/ldap_value.hpp"

#include <cstdint>
#include <optional>

#include "platform/base/text.hpp"

namespace valija::net {
namespace {

std::optional<uint32_t> digit(char c) {
    static constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    auto const at = alphabet.find(c);
    if (at == std::string_view::npos) return {};
    return static_cast<uint32_t>(at);
}

std::optional<std::string> from_base64(std::string_view text) {
    if (text.empty() || text.size() % 4 != 0) return {};
    while (text.ends_with('=') && text.size() % 4 != 1) text.remove_suffix(1);
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3 + 3);
    uint32_t held = 0;
    unsigned bits = 0;
    for (char const c : text) {
        auto const value = digit(c);
        if (!value) return {};
        held = (held << 6U | *value) & 0xFFFFU;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        bytes += static_cast<char>(held >> bits & 0xFFU);
    }
    if (bits >= 6) return {};
    return bytes;
}

}  // namespace

Result<std::string> ldap_value(std::string_view answer) {
    static constexpr auto doing = "reading an LDAP answer";
    for (auto line : split(answer, '\n')) {
        if (line.starts_with("DN:")) continue;
        line = trim(line);
        auto const colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        auto const rest = line.substr(colon + 1);
        if (!rest.starts_with(':')) return std::string(trim(rest));
        auto bytes = from_base64(trim(rest.substr(1)));
        if (!bytes) return fault(FaultKind::Input, doing, "not base64");
        return std::move(*bytes);
    }
    return fault(FaultKind::Input, doing, "no value in it");
}

}  // namespace valija::net
