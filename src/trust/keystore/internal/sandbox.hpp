// What the custody's worker gives up before it is asked anything.
#pragma once

#include <string>
#include <vector>

#include "platform/base/result.hpp"

namespace valija::keystore::internal {

// Stays in `directory` (as "."), whatever the path to it allows later. As root, where `user`
// exists: takes the directory and the keys in it over for that user, once, and becomes it.
Result<void> move_into(const std::string& directory, const std::string& user);

// Keeps standard error and `wanted`; standard input and output become /dev/null.
Result<void> close_all_but(std::vector<int> wanted);

// No tracing, no core, no new rights. Reversible by nobody.
Result<void> refuse_inspection();

// From here on, for all threads: files, memory, locks, and the descriptors that are open. Any other
// system call fails with EPERM; one that would open a socket or start a program ends the process.
Result<void> close_sandbox();

}  // namespace valija::keystore::internal
