// The value in what libcurl makes of an LDAP answer: lines "DN: …", "<TAB>attribute: text" and
// "<TAB>attribute:: base64", entries parted by empty lines.
//
// Promise: the bytes of the first value of the first entry, or Fault Input. Pure.
#pragma once

#include <string>
#include <string_view>

#include "platform/base/result.hpp"

namespace valija::net {

Result<std::string> ldap_value(std::string_view answer);

}  // namespace valija::net
