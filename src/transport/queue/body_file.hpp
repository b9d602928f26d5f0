// Bodies too large for the database: one file each in `bodies/`, written once.
//
// `<id>.part` while it is received, `<id>` once it is synced; what belongs to no record is removed
// when the spool opens. Thread: one at a time; publish() and remove() on the writer's.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "platform/base/result.hpp"

namespace valija::queue {

class BodyFile {
  public:
    static Result<BodyFile> create(const std::string& path);
    static Result<BodyFile> open(const std::string& path);
    BodyFile(BodyFile&& other) noexcept;
    BodyFile& operator=(BodyFile&& other) noexcept;
    ~BodyFile();

    Result<void> append(std::string_view bytes);
    Result<size_t> read(char* buffer, size_t size);  // 0 at the end

    // Syncs the content and gives it its final name. The directory is the caller's to sync.
    Result<void> publish(const std::string& from, const std::string& to);

  private:
    explicit BodyFile(int descriptor) : descriptor_(descriptor) {}

    int descriptor_;
};

// Free bytes for us on the file system of this directory.
Result<uint64_t> free_space(const std::string& directory);

}  // namespace valija::queue
