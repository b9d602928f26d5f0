// The one path by which a program changes the directory: change > validate the whole > keep
// comments > write atomically. The caller then reloads the live server.
//
// Promise: a change that would make the directory invalid writes nothing and gives the problems.
// Comments, order and blanks of what was not changed stay byte for byte.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "directory/settings/directory.hpp"

namespace valija::settings {

struct Change {
    std::string key;                        // dotted
    std::optional<std::string> toml_value;  // as written in TOML; nullopt: remove the key
};

// `file` relative to --home. Creates it where it is missing.
std::expected<Directory, std::vector<Problem>> change_file(const std::string& home,
                                                           const std::string& file,
                                                           const std::vector<Change>& changes);
std::expected<Directory, std::vector<Problem>> remove_file(const std::string& home,
                                                           const std::string& file);

// The text that change_file() would write: to validate more than this storey can see.
std::expected<std::string, std::vector<Problem>> changed_text(const std::string& home,
                                                              const std::string& file,
                                                              const std::vector<Change>& changes);

// Letters, digits, dash, dot, underscore; not more than 64; begins with a letter or digit. For
// names of files that are named in a setting or are named after an object.
bool is_object_name(std::string_view name);

// `words` as typed on a command line ("enforce", "36M", "a.example,b.example"), in TOML, by the
// type of the row. Fault Input: not a value of this type.
Result<std::string> toml_value(const SettingRow& row, std::string_view words);

std::string toml_text(std::string_view text);  // quoted and escaped
std::string toml_list(const std::vector<std::string>& elements);

}  // namespace valija::settings
