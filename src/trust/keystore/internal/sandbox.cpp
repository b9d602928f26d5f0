#include "trust/keystore/internal/sandbox.hpp"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "platform/store/file.hpp"
#include "platform/store/ownership.hpp"

namespace valija::keystore::internal {
namespace {

// In the current directory. What is done once is seen by its owner: later files are that user's own
// or root's mistake, which root is told of when they cannot be read.
Result<void> take_over(const store::Account& account) {
    struct stat found{};
    if (::stat(".", &found) != 0) return system_fault("looking at the keys' directory", errno);
    if (found.st_uid == account.user) return {};
    for (const std::string_view suffix : {".key", ".pkcs11"}) {
        const auto files = store::list_files(".", suffix);
        if (!files) return std::unexpected(files.error());
        for (const std::string& file : *files) {
            if (auto given = store::give(file, account); !given) return given;
        }
    }
    // Its group is the server's, which reads the certificates there.
    return store::give(".", {.user = account.user, .group = static_cast<gid_t>(-1)});
}

constexpr std::array kAllowed = {
    // the channels
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(poll), SCMP_SYS(ppoll),
    // files
    SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(close), SCMP_SYS(stat), SCMP_SYS(lstat),
    SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(lseek), SCMP_SYS(pread64),
    SCMP_SYS(pwrite64), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
    SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd),
    SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
    SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(fchmod), SCMP_SYS(chmod), SCMP_SYS(umask),
    SCMP_SYS(ftruncate), SCMP_SYS(fcntl), SCMP_SYS(flock), SCMP_SYS(mkdir), SCMP_SYS(rmdir),
    SCMP_SYS(link), SCMP_SYS(linkat),
    // how sanitizers look whether memory may be read
    SCMP_SYS(pipe), SCMP_SYS(pipe2),
    // memory, threads, time, chance
    SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect),
    SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(membarrier), SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(gettid),
    SCMP_SYS(getpid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
    SCMP_SYS(tgkill), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(restart_syscall),
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday),
    SCMP_SYS(time), SCMP_SYS(getrandom), SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(getrusage)};

constexpr std::array kDeadly = {SCMP_SYS(socket),
                                SCMP_SYS(connect),
                                SCMP_SYS(bind),
                                SCMP_SYS(listen),
                                SCMP_SYS(accept),
                                SCMP_SYS(accept4),
                                SCMP_SYS(execve),
                                SCMP_SYS(execveat),
                                SCMP_SYS(fork),
                                SCMP_SYS(vfork),
                                SCMP_SYS(ptrace),
                                SCMP_SYS(process_vm_readv),
                                SCMP_SYS(process_vm_writev)};

struct FreeFilter {
    void operator()(void* filter) const { seccomp_release(filter); }
};

}  // namespace

Result<void> move_into(const std::string& directory, const std::string& user) {
    if (::chdir(directory.c_str()) != 0) return system_fault("going to " + directory, errno);
    if (::geteuid() != 0) return {};
    const auto account = store::account_of(user);
    if (!account) return {};
    auto taken = take_over(*account);
    return taken ? store::become(*account, store::Keeps::Nothing) : taken;
}

Result<void> close_all_but(std::vector<int> wanted) {
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0) return system_fault("opening /dev/null", errno);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(nothing, STDOUT_FILENO);
    std::ranges::sort(wanted);
    unsigned first = STDERR_FILENO + 1;
    for (const int one : wanted) {
        const auto kept = static_cast<unsigned>(one);
        if (kept > first) ::close_range(first, kept - 1, 0);
        first = kept + 1;
    }
    ::close_range(first, ~0U, 0);
    return {};
}

Result<void> refuse_inspection() {
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    if (::setrlimit(RLIMIT_CORE, &none) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return system_fault("giving up rights", errno);
    }
    return {};
}

Result<void> close_sandbox() {
    const std::unique_ptr<void, FreeFilter> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
    int error = filter ? seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;
    for (const int call : kAllowed) {
        if (error == 0) error = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0);
    }
    for (const int call : kDeadly) {
        if (error == 0) error = seccomp_rule_add(filter.get(), SCMP_ACT_KILL_PROCESS, call, 0);
    }
    if (error == 0) error = seccomp_load(filter.get());
    if (error != 0) return system_fault("closing the sandbox of the keys (seccomp)", -error);
    return {};
}

}  // namespace valija::keystore::internal
