#include "programs/privileges.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "platform/store/file.hpp"
#include "platform/store/ownership.hpp"

namespace valija::programs {
namespace {

constexpr auto kUser = "valija";

// The directory of the keys is shared, not the keys: they are another user's (custody.hpp).
Result<void> share_certificates(const std::string& keys, gid_t group) {
    auto done = store::share(keys, group);
    for (const std::string_view suffix : {".crt", ".meta", ".req"}) {
        const auto files = store::list_files(keys, suffix);
        if (done && !files) return std::unexpected(files.error());
        for (const std::string& file : done ? *files : std::vector<std::string>()) {
            if (done) done = store::share(keys + "/" + file, group);
        }
    }
    return done;
}

Result<void> hand_over(const std::string& home, const store::Account& account) {
    struct stat found{};
    if (::stat((home + "/spool").c_str(), &found) == 0 && found.st_uid == account.user) return {};
    auto done = store::share(home, account.group);
    if (done) done = store::share_tree(home + "/etc", account.group);
    if (done) done = share_certificates(home + "/keys", account.group);
    for (const char* name : {"log", "run", "state", "spool"}) {  // the last one marks it as done
        if (done) done = store::give_tree(home + "/" + name, account);
    }
    return done;
}

}  // namespace

Result<void> leave_root(const std::string& home) {
    if (::geteuid() != 0) return {};
    const auto account = store::account_of(kUser);
    if (!account) return {};
    auto done = hand_over(home, *account);
    if (done) done = store::become(*account, store::Keeps::LowPorts);
    if (!done) return done;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_fault("leaving root", errno);
    if (::access((home + "/etc").c_str(), R_OK | X_OK) != 0) {
        return fault(
            FaultKind::System,
            fmt::format("the server is the user {} now, who cannot reach {}/etc", kUser, home),
            fmt::format("{}; let that user pass through the directories above it",
                        std::strerror(errno)));
    }
    return {};
}

}  // namespace valija::programs
