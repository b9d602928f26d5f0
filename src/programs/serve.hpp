// `valija serve`: puts the parts together and runs until SIGTERM or SIGINT; SIGHUP reloads.
// Prints one line `valija: ready` on standard error once mail is taken.
// Exit status: 0 after an orderly end, 78 for a bad configuration, 71 where the system refused.
#pragma once

#include <string>

namespace valija::programs {

int serve(const std::string& home);

}  // namespace valija::programs
