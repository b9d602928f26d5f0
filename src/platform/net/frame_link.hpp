// One end of a socket pair between two processes of this program: frames, and further ends.
//
// Promise: a frame is 4 bytes of length (big endian) and that many bytes; the length is checked
// against the reader's limit before anything is reserved. What comes is as untrusted as the
// network: a frame that is too long, or bytes behind the one frame that was due, are Fault Input;
// the other end gone is Fault Network. After a fault the link is of no use. Strictly one frame each
// way in turn. The descriptors are closed on exec.
// Not here: what is in a frame. Thread: one at a time.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/base/result.hpp"

namespace valija::net {

using SteadyTime = std::chrono::steady_clock::time_point;

class FrameLink {
  public:
    static Result<std::pair<FrameLink, FrameLink>> make_pair();

    FrameLink(FrameLink&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

    FrameLink& operator=(FrameLink&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }

    ~FrameLink();

    Result<void> send(std::string_view frame, SteadyTime deadline);

    // SteadyTime::max(): waits as long as it takes.
    Result<std::string> receive(size_t limit, SteadyTime deadline);

    // Hands ends of other pairs over (253 at most); the caller keeps its own copies to close.
    Result<void> send_links(const std::vector<FrameLink>& links);

    // What the other end handed over, all of one call; nothing if none came by then.
    Result<std::optional<std::vector<FrameLink>>> receive_links(SteadyTime deadline);

    int native() const { return descriptor_; }

  private:
    explicit FrameLink(int descriptor) : descriptor_(descriptor) {}

    int descriptor_;
};

}  // namespace valija::net
