#include "platform/store/ownership.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <functional>

namespace valija::store {
namespace {

namespace fs = std::filesystem;

// Opened without following links; what it is, and -1 where it is none of ours.
class Opened {
  public:
    explicit Opened(const std::string& path)
        : number_(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) {
        if (number_ >= 0 && ::fstat(number_, &facts_) != 0) facts_.st_mode = 0;
    }

    ~Opened() {
        if (number_ >= 0) ::close(number_);
    }

    Opened(const Opened&) = delete;
    Opened& operator=(const Opened&) = delete;

    int number() const { return number_; }

    mode_t mode() const { return facts_.st_mode; }

    bool is_directory() const { return S_ISDIR(facts_.st_mode); }

    bool is_ours() const {
        return is_directory() || (S_ISREG(facts_.st_mode) && facts_.st_nlink == 1);
    }

  private:
    int number_;
    struct stat facts_{};
};

Result<void> changed(const std::string& path, const std::function<int(const Opened&)>& change) {
    const Opened opened(path);
    if (opened.number() < 0) {
        if (errno == ELOOP || errno == ENXIO) return {};  // a link, a socket
        return system_fault("opening " + path, errno);
    }
    if (opened.is_ours() && change(opened) != 0) {
        return system_fault("changing whose " + path + " is", errno);
    }
    return {};
}

Result<void> for_all(const std::string& directory,
                     const std::function<Result<void>(const std::string&)>& act) {
    auto done = act(directory);
    std::error_code error;
    for (fs::recursive_directory_iterator at(directory, error), end; done && !error && at != end;
         at.increment(error)) {
        done = act(at->path().string());
    }
    if (error) return system_fault("looking into " + directory, error.value());
    return done;
}

}  // namespace

std::optional<Account> account_of(const std::string& user) {
    std::array<char, 16384> space{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwnam_r(user.c_str(), &entry, space.data(), space.size(), &found) != 0 ||
        found == nullptr) {
        return std::nullopt;
    }
    return Account{.user = entry.pw_uid, .group = entry.pw_gid};
}

Result<void> give(const std::string& path, const Account& to) {
    return changed(
        path, [&to](const Opened& file) { return ::fchown(file.number(), to.user, to.group); });
}

Result<void> give_tree(const std::string& directory, const Account& to) {
    return for_all(directory, [&to](const std::string& path) { return give(path, to); });
}

Result<void> share(const std::string& directory, gid_t group) {
    return changed(directory, [group](const Opened& file) {
        const mode_t more = file.is_directory() ? S_ISGID | S_IRGRP | S_IXGRP : S_IRGRP;
        const int done = ::fchown(file.number(), static_cast<uid_t>(-1), group);
        return done == 0 ? ::fchmod(file.number(), (file.mode() & 07777) | more) : done;
    });
}

Result<void> share_tree(const std::string& directory, gid_t group) {
    return for_all(directory, [group](const std::string& path) { return share(path, group); });
}

Result<void> become(const Account& account, Keeps keeps) {
    const bool keeps_ports = keeps == Keeps::LowPorts;
    if ((keeps_ports && ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) ||
        ::setgroups(0, nullptr) != 0 ||
        ::setresgid(account.group, account.group, account.group) != 0 ||
        ::setresuid(account.user, account.user, account.user) != 0) {
        return system_fault("becoming another user", errno);
    }
    if (!keeps_ports) return {};
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> wanted{};
    wanted[0].effective = wanted[0].permitted = 1U << CAP_NET_BIND_SERVICE;
    if (::syscall(SYS_capset, &header, wanted.data()) != 0) {
        return system_fault("keeping the right to listen on low ports", errno);
    }
    return {};
}

}  // namespace valija::store
