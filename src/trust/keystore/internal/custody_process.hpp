// The child processes of the custody: the guardian, which only forks, and the worker with the keys.
#pragma once

#include "platform/net/frame_link.hpp"
#include "trust/keystore/custody.hpp"

namespace valija::keystore::internal {

struct Channels {
    std::vector<net::FrameLink> ours;
    std::vector<net::FrameLink> theirs;  // the worker's ends
};

Result<Channels> make_channels(size_t count);

// Both never return and call no destructor of the process they were forked from.
[[noreturn]] void run_guardian(net::FrameLink server, const CustodyOptions& options);
[[noreturn]] void run_worker(std::vector<net::FrameLink> channels, const CustodyOptions& options);

}  // namespace valija::keystore::internal
