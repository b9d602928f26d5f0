// What a directory may mean, but hardly means: told by `config check`, `check` and the commands
// that write a partner's file. Never a reason to refuse it.
//
// Promise: pure, any thread; a row of settings that is not there costs nothing.
#pragma once

#include <string>
#include <vector>

#include "directory/settings/directory.hpp"
#include "platform/base/phrase.hpp"

namespace valija::settings {

struct Caution {
    std::string file;     // relative to --home
    std::string partner;  // whose file it is; empty: nobody's
    Text text;
    Text fix;
};

std::vector<Caution> cautions(const Directory& directory);

}  // namespace valija::settings
