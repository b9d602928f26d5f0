// Small things with text. ASCII case rules only: host names and SMTP verbs are ASCII.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace valija {

std::string lower(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);
bool starts_with_ignoring_case(std::string_view text, std::string_view prefix);
std::string_view trim(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);

// Upper-case hexadecimal without separators.
std::string hex(std::string_view bytes);

// The one place where text of a peer becomes printable: control characters, DEL, backslash and
// bytes that are not UTF-8 become \xNN; longer than `limit` bytes is cut, with "…" at the end.
std::string escape_peer_text(std::string_view text, size_t limit = 1000);

// A host name as certificates and DNS write it: ASCII letters, digits, hyphens, underscores (DNS
// uses them), labels of 1 to 63, 255 in all, no empty label, a final dot is not part of it.
bool is_host_name(std::string_view text);

// The nearest of `known` to a misspelt `word`, if near enough to be worth suggesting.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace valija
