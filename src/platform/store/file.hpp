// Files: read with a bound, written atomically and durably.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.hpp"

namespace valija::store {

// Also of a pipe that a person names; one where nobody writes is empty, and one whose writer says
// nothing for 10 seconds is a fault: no file can make us wait for ever.
Result<std::string> read_file(const std::string& path, size_t limit);

// Temporary file in the same directory, fsync, rename, fsync of the directory. `mode` as chmod.
Result<void> write_file(const std::string& path, std::string_view content, unsigned mode = 0640);

// Those that are missing are made and synced; a file in the way is a fault at the next use.
Result<void> make_directories(const std::string& path, unsigned mode = 0750);
Result<void> sync_directory(const std::string& path);
Result<void> remove_file(const std::string& path);  // a missing file is no fault

// Plain names (no path) of the files in `path` that end in `suffix`, sorted; hidden ones left out.
Result<std::vector<std::string>> list_files(const std::string& path, std::string_view suffix);

// An exclusive lock on a file, held as long as the object lives; Fault if another process has it.
class LockFile {
  public:
    static Result<LockFile> take(const std::string& path);
    LockFile(LockFile&& other) noexcept;
    LockFile& operator=(LockFile&&) = delete;
    ~LockFile();

  private:
    explicit LockFile(int descriptor) : descriptor_(descriptor) {}

    int descriptor_;
};

}  // namespace valija::store
