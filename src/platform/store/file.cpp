#include "platform/store/file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace valija::store {
namespace {

// A descriptor that closes itself.
class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}

    ~Descriptor() {
        if (number_ >= 0) {
            ::close(number_);
        }
    }

    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    int number() const { return number_; }

    bool is_open() const { return number_ >= 0; }

  private:
    int number_;
};

Result<void> write_all(int descriptor, std::string_view content, const std::string& path) {
    while (!content.empty()) {
        const ssize_t written = ::write(descriptor, content.data(), content.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return system_fault("writing " + path, errno);
        }
        content.remove_prefix(static_cast<size_t>(written));
    }
    return {};
}

Result<void> write_synced(int descriptor, std::string_view content, unsigned mode,
                          const std::string& path) {
    if (auto written = write_all(descriptor, content, path); !written) {
        return written;
    }
    if (::fchmod(descriptor, static_cast<mode_t>(mode)) != 0) {
        return system_fault("setting the mode of " + path, errno);
    }
    if (::fsync(descriptor) != 0) {
        return system_fault("syncing " + path, errno);
    }
    return {};
}

constexpr int kPipePatience = 10'000;  // milliseconds

std::string parent_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) {
        return ".";
    }
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<std::string> read_file(const std::string& path, size_t limit) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.is_open()) {
        return system_fault("opening " + path, errno);
    }
    std::string content;
    std::string chunk(1U << 16U, '\0');
    while (true) {
        const ssize_t got = ::read(file.number(), chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && errno == EAGAIN) {
            pollfd waiting{.fd = file.number(), .events = POLLIN, .revents = 0};
            if (::poll(&waiting, 1, kPipePatience) == 0) {
                return fault(FaultKind::Timeout, "reading " + path, "nothing came for 10 seconds");
            }
            continue;
        }
        if (got < 0) {
            return system_fault("reading " + path, errno);
        }
        if (got == 0) {
            return content;
        }
        if (static_cast<size_t>(got) > limit - content.size()) {
            return fault(FaultKind::Input, "reading " + path,
                         "larger than " + std::to_string(limit) + " bytes");
        }
        content.append(chunk, 0, static_cast<size_t>(got));
    }
}

Result<void> write_file(const std::string& path, std::string_view content, unsigned mode) {
    std::string temporary = path + ".XXXXXX";
    Result<void> written;
    {
        const Descriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
        if (!file.is_open()) {
            return system_fault("creating a file beside " + path, errno);
        }
        written = write_synced(file.number(), content, mode, path);
    }
    if (written && ::rename(temporary.c_str(), path.c_str()) != 0) {
        written = system_fault("renaming to " + path, errno);
    }
    if (!written) {
        ::unlink(temporary.c_str());
        return written;
    }
    return sync_directory(parent_of(path));
}

Result<void> make_directories(const std::string& path, unsigned mode) {
    for (size_t slash = path.find('/', 1); true; slash = path.find('/', slash + 1)) {
        const std::string part = path.substr(0, slash);
        if (::mkdir(part.c_str(), static_cast<mode_t>(mode)) == 0) {
            if (auto synced = sync_directory(parent_of(part)); !synced) {
                return synced;
            }
        } else if (errno != EEXIST) {
            return system_fault("creating the directory " + part, errno);
        }
        if (slash == std::string::npos) {
            return {};
        }
    }
}

Result<void> sync_directory(const std::string& path) {
    const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.is_open() || ::fsync(directory.number()) != 0) {
        return system_fault("syncing the directory " + path, errno);
    }
    return {};
}

Result<void> remove_file(const std::string& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return system_fault("removing " + path, errno);
    }
    return {};
}

Result<std::vector<std::string>> list_files(const std::string& path, std::string_view suffix) {
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr) {
        return system_fault("listing " + path, errno);
    }
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(directory)) {
        const std::string_view name = entry->d_name;
        if (!name.starts_with('.') && name.ends_with(suffix)) {
            names.emplace_back(name);
        }
    }
    ::closedir(directory);
    std::ranges::sort(names);
    return names;
}

Result<LockFile> LockFile::take(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (descriptor < 0) {
        return system_fault("opening " + path, errno);
    }
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        ::close(descriptor);
        return error == EWOULDBLOCK
                   ? fault(FaultKind::System, "locking " + path, "another process has it")
                   : system_fault("locking " + path, error);
    }
    return LockFile(descriptor);
}

LockFile::LockFile(LockFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

LockFile::~LockFile() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

}  // namespace valija::store
