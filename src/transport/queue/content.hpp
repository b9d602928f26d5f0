// What a Draft and a Body are inside. For the files of this folder only.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "platform/store/file.hpp"
#include "transport/queue/body_file.hpp"
#include "transport/queue/spool.hpp"
#include "transport/queue/spool_records.hpp"

namespace valija::queue {

inline constexpr const char* kDamagedContent =
    "its content does not have the size or checksum it was stored with";

struct Draft::State {
    std::string directory;  // of body files
    std::string part;       // path of the file, once there is one
    size_t memory_bound = 0;
    std::string memory;
    std::optional<BodyFile> file;
    uint64_t size = 0;
    Checksum checksum;
    std::optional<Fault> failure;  // bytes are missing: never to be committed

    ~State() { discard(); }

    Result<void> spill();
    Result<void> take(std::string_view bytes);

    void discard() {
        file.reset();
        if (!part.empty()) {
            static_cast<void>(store::remove_file(part));
            part.clear();
        }
    }
};

struct Body::State {
    uint64_t size = 0;
    int64_t expected = 0;
    std::optional<std::string> bytes;
    std::optional<BodyFile> file;
    std::string chunk;
    uint64_t given = 0;
    Checksum checksum;
    std::function<void()> set_aside;  // the message, called once when the content is damaged

    Result<std::string_view> read_chunk();
};

}  // namespace valija::queue
