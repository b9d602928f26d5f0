// One change to a TOML text: only the bytes of the key or value concerned change.
#pragma once

#include <string>

#include "directory/settings/edit.hpp"

namespace valija::settings {

// Fault Input: the text is malformed, or the key is written in a way that only a person should
// change (inside { … } on one line).
Result<std::string> apply_change(const std::string& text, const Change& change);

}  // namespace valija::settings
