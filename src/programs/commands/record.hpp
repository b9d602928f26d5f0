// `valija counters --record`: asks the running server again and again and appends what it counts
// to a CSV file (EX-83). Ends with status 0 after `count` rows, and at SIGINT or SIGTERM at once,
// whatever it is waiting for; a row is in the file as a whole or not at all. A file that cannot be
// written, or that is no recording, is refused before the first sample.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "platform/base/time.hpp"
#include "programs/command_table.hpp"

namespace valija::programs {

struct RecordOptions {
    std::string file;
    Duration every;
    std::optional<uint64_t> count;
};

int record_counters(const Invocation& invocation, const RecordOptions& options);

}  // namespace valija::programs
