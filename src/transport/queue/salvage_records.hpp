// A database with damaged pages: what can be read of it, in a new file in its place.
//
// Promise: each message that any readable page or body file names is in the new file: whole, or set
// aside with what is left of it. The damaged file stays beside it. Until the new file is complete
// and synced nothing changes, so that a crash on the way begins anew. A file whose tables cannot be
// found, or of a newer version, is a Fault and is left as it is. Nobody else may have it open.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "platform/base/result.hpp"

namespace valija::queue {

struct Salvaged {
    std::string damaged_file;  // where the damaged one is now
    uint64_t whole = 0;        // messages
    std::vector<int64_t> set_aside;
};

// `files`: the ids of body files.
Result<Salvaged> salvage(const std::string& path, const std::set<int64_t>& files);

}  // namespace valija::queue
