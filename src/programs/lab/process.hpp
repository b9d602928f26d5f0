// Other programs: found, started, watched, ended. Linux only (parent-death signal, /proc).
//
// Promise: a child is ended by its pid and waited for when its Child goes; it has a process group
// of its own, so that Ctrl-C reaches the lab alone, and it ends too if the lab is killed. Every
// wait has a deadline and ends early when the lab was asked to stop. Thread: the main thread (the
// parent-death signal is bound to it). Failure: Fault.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "platform/base/result.hpp"
#include "platform/base/time.hpp"

namespace valija::lab {

// SIGINT, SIGTERM and SIGHUP set a flag from now on.
void watch_signals();
bool stop_was_asked();

// The full path of a program in PATH or the usual sbin folders, empty if there is none.
std::string find_program(const std::string& name);

// Polls `condition` until it holds. Fault Timeout names `what` was waited for; Stopped if asked to.
Result<void> wait_until(const std::string& what, Duration deadline,
                        const std::function<bool()>& condition);

struct Finished {
    int exit_status = 0;  // 128 + signal where one ended it
    std::string out;
    std::string err;
};

// Runs to the end, with `input` on standard input. Past the deadline it is killed: Fault Timeout.
Result<Finished> run(const std::vector<std::string>& arguments, Duration deadline,
                     const std::string& input = {});

// Whom a program runs as, where that is not the caller. Only root can ask for it.
struct Identity {
    uid_t user;
    gid_t group;
};

// A program that stays. Its standard output and error are appended to `output_file`.
class Child {
  public:
    static Result<Child> start(const std::string& name, const std::vector<std::string>& arguments,
                               const std::string& output_file,
                               std::optional<Identity> identity = {});
    Child(Child&& other) noexcept;
    Child& operator=(Child&&) = delete;
    ~Child();

    pid_t pid() const { return pid_; }

    const std::string& name() const { return name_; }

    bool is_running();
    std::string output() const;  // all it has printed so far, bounded

    // SIGKILL, and waits.
    void kill();

    // SIGTERM, so that several can end at the same time; stop() then waits.
    void ask_to_end();
    void stop(Duration grace);

  private:
    Child(std::string name, pid_t pid, std::string output_file);
    std::string name_;
    pid_t pid_;
    std::string output_file_;
};

// When the process started, in clock ticks since boot (/proc/PID/stat): with the pid it names one
// process for good. Nothing: there is no such process, or it is a zombie.
std::optional<unsigned long long> start_of_process(pid_t pid);

// The processes on whose command line this text stands.
std::vector<pid_t> processes_with(const std::string& text);

// The last `count` lines of a text.
std::string last_lines(const std::string& text, size_t count);

}  // namespace valija::lab
