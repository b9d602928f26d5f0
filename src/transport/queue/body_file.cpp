#include "transport/queue/body_file.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

namespace valija::queue {

Result<BodyFile> BodyFile::create(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (descriptor < 0) {
        return system_fault("creating " + path, errno);
    }
    return BodyFile(descriptor);
}

Result<BodyFile> BodyFile::open(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) {
        return system_fault("opening " + path, errno);
    }
    return BodyFile(descriptor);
}

BodyFile::BodyFile(BodyFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

BodyFile& BodyFile::operator=(BodyFile&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

BodyFile::~BodyFile() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

Result<void> BodyFile::append(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return system_fault("writing a message's body", errno);
        }
        bytes.remove_prefix(static_cast<size_t>(written));
    }
    return {};
}

Result<size_t> BodyFile::read(char* buffer, size_t size) {
    while (true) {
        const ssize_t got = ::read(descriptor_, buffer, size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return system_fault("reading a message's body", errno);
        }
        return static_cast<size_t>(got);
    }
}

Result<void> BodyFile::publish(const std::string& from, const std::string& to) {
    if (::fsync(descriptor_) != 0) {
        return system_fault("syncing a message's body", errno);
    }
    if (::rename(from.c_str(), to.c_str()) != 0) {
        return system_fault("renaming a message's body", errno);
    }
    return {};
}

Result<uint64_t> free_space(const std::string& directory) {
    struct statvfs space{};
    if (::statvfs(directory.c_str(), &space) != 0) {
        return system_fault("asking for free space in " + directory, errno);
    }
    return static_cast<uint64_t>(space.f_bavail) * space.f_frsize;
}

}  // namespace valija::queue
