// Structured header values as tokens (RFC 5322 3.2): comments and folding seen through. Private to
// this folder.
//
// Promise: bounded nesting; never reads past the value; what is not understood is nullopt, so that
// nothing forged passes for a plain address.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace valija::mail {

// The first token of a value, unquoted: the authserv-id of RFC 8601.
std::string first_token(std::string_view value);

// The domains of all addresses of an address list, lower case, in order. nullopt: not a list.
std::optional<std::vector<std::string>> address_domains(std::string_view value);

}  // namespace valija::mail
