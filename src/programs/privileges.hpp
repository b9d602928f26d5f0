// A server that was started as root becomes the user `valija`, where that user exists.
//
// Promise: it keeps the right to listen on low ports, and no other. Once, when `home` is not that
// user's yet, what the server writes (spool, state, log, run) is given to it, and what it reads
// (etc, the certificates in keys) is shared with its group; later it is the operator who decides.
// Where there is no such user nothing happens. Fault System, with what to do, where it could not
// reach its files. Called while there is one thread, before anything is parsed.
#pragma once

#include <string>

#include "platform/base/result.hpp"

namespace valija::programs {

Result<void> leave_root(const std::string& home);

}  // namespace valija::programs
