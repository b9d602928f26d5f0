// The one path by which a program changes the directory: change > validate the whole > keep
// comments > write atomically. The caller then reloads the live server.
//
// Promise: a change that would make the directory invalid writes nothing and gives the problems.
// Comments, order and blanks of what was not changed stay byte for byte.
#pragma once

#include <string>
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

std::string toml_text(std::string_view text);                       // quoted and escaped
std::string toml_list(const std::vector<std::string>& elements);

}  // namespace valija::settings
