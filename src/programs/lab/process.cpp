#include "programs/lab/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <utility>

#include "platform/base/text.hpp"
#include "platform/store/file.hpp"

namespace valija::lab {
namespace {

using Steady = std::chrono::steady_clock;

constexpr size_t kMostOutput = 16UL << 20U;
constexpr Duration kPause = std::chrono::milliseconds(50);
constexpr int kCouldNotStart = 127;

volatile sig_atomic_t stop_flag = 0;

void note_stop(int /*signal*/) { stop_flag = 1; }

std::vector<char*> pointers(std::vector<std::string>& arguments) {
    std::vector<char*> all;
    for (std::string& argument : arguments) all.push_back(argument.data());
    all.push_back(nullptr);
    return all;
}

struct Streams {
    int in;
    int out;
    int err;
};

// In the child, between fork and exec: only what a signal handler may call.
[[noreturn]] void become(char* const* arguments, pid_t parent, Streams streams,
                         const std::optional<Identity>& identity) {
    setpgid(0, 0);
    if (identity && (setgroups(0, nullptr) != 0 || setgid(identity->group) != 0 ||
                     setuid(identity->user) != 0)) {
        _exit(kCouldNotStart);
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);  // after setuid(), which clears it
    if (getppid() != parent) _exit(kCouldNotStart);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) signal(number, SIG_DFL);
    if (dup2(streams.in, 0) < 0 || dup2(streams.out, 1) < 0 || dup2(streams.err, 2) < 0) {
        _exit(kCouldNotStart);
    }
    execv(arguments[0], arguments);
    _exit(kCouldNotStart);
}

Result<pid_t> spawn(std::vector<std::string> arguments, Streams streams,
                    const std::optional<Identity>& identity) {
    const std::string name = arguments.at(0);
    arguments[0] = find_program(name);
    if (arguments[0].empty()) return fault(FaultKind::System, "starting " + name, "not found");
    const std::vector<char*> list = pointers(arguments);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid < 0) return system_fault("starting " + name, errno);
    if (pid == 0) become(list.data(), parent, streams, identity);
    return pid;
}

int status_of(int raw) { return WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw); }

class Descriptor {
  public:
    explicit Descriptor(int number = -1) : number_(number) {}

    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }

    ~Descriptor() { close(); }

    void close() {
        if (number_ >= 0) ::close(std::exchange(number_, -1));
    }

    int get() const { return number_; }

    bool is_open() const { return number_ >= 0; }

  private:
    int number_;
};

struct Pipe {
    Descriptor read;
    Descriptor write;
};

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return system_fault("making a pipe", errno);
    return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

// Takes what is there; closes the pipe at its end.
void drain(Descriptor& from, std::string& into) {
    std::array<char, 16384> buffer{};
    const ssize_t count = read(from.get(), buffer.data(), buffer.size());
    if (count > 0 && into.size() < kMostOutput) {
        into.append(buffer.data(), static_cast<size_t>(count));
    } else if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) {
        from.close();
    }
}

void feed(Descriptor& to, std::string_view input, size_t& sent) {
    const ssize_t count = write(to.get(), input.data() + sent, input.size() - sent);
    if (count > 0) sent += static_cast<size_t>(count);
    const bool failed = count < 0 && errno != EINTR && errno != EAGAIN;
    if (failed || sent == input.size()) to.close();
}

struct Ends {
    Pipe in;
    Pipe out;
    Pipe err;
};

Result<Ends> make_ends() {
    auto in = make_pipe();
    auto out = make_pipe();
    auto err = make_pipe();
    for (const auto* one : {&in, &out, &err}) {
        if (!*one) return std::unexpected(one->error());
    }
    fcntl(in->write.get(), F_SETFL, O_NONBLOCK);
    return Ends{std::move(*in), std::move(*out), std::move(*err)};
}

// False: the deadline passed or we were asked to stop before the child closed its output.
bool converse(Ends& ends, const std::string& input, Finished& result, Steady::time_point until) {
    size_t sent = 0;
    if (input.empty()) ends.in.write.close();
    while (ends.out.read.is_open() || ends.err.read.is_open()) {
        if (stop_was_asked() || Steady::now() >= until) return false;
        std::array<pollfd, 3> wanted{pollfd{ends.out.read.get(), POLLIN, 0},
                                     pollfd{ends.err.read.get(), POLLIN, 0},
                                     pollfd{ends.in.write.get(), POLLOUT, 0}};
        poll(wanted.data(), wanted.size(), static_cast<int>(kPause.count()));
        if (wanted[0].revents != 0) drain(ends.out.read, result.out);
        if (wanted[1].revents != 0) drain(ends.err.read, result.err);
        if (wanted[2].revents != 0) feed(ends.in.write, input, sent);
    }
    return true;
}

// Waits for the child's end until then; nothing: it still runs.
std::optional<int> reap(pid_t pid, Steady::time_point until) {
    while (true) {
        int raw = 0;
        const pid_t ended = waitpid(pid, &raw, WNOHANG);
        if (ended == pid) return status_of(raw);
        if (ended < 0 && errno != EINTR) return kCouldNotStart;
        if (Steady::now() >= until) return {};
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

void kill_now(pid_t pid) {
    kill(-pid, SIGKILL);  // the group is its own
    reap(pid, Steady::now() + std::chrono::seconds(10));
}

}  // namespace

void watch_signals() {
    struct sigaction action{};
    action.sa_handler = note_stop;
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaction(number, &action, nullptr);
    signal(SIGPIPE, SIG_IGN);
}

bool stop_was_asked() { return stop_flag != 0; }

std::string find_program(const std::string& name) {
    if (name.find('/') != std::string::npos) return access(name.c_str(), X_OK) == 0 ? name : "";
    const char* path = std::getenv("PATH");
    const std::string folders =
        std::string(path == nullptr ? "" : path) + ":/usr/sbin:/usr/local/sbin:/sbin:/usr/bin";
    for (const std::string_view folder : split(folders, ':')) {
        if (folder.empty()) continue;
        const std::string candidate = fmt::format("{}/{}", folder, name);
        if (access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return {};
}

Result<void> wait_until(const std::string& what, Duration deadline,
                        const std::function<bool()>& condition) {
    const auto until = Steady::now() + deadline;
    while (!condition()) {
        if (stop_was_asked()) return fault(FaultKind::Stopped, what, "asked to stop");
        if (Steady::now() >= until) {
            return fault(FaultKind::Timeout, what, "not within " + duration_text(deadline));
        }
        std::this_thread::sleep_for(kPause);
    }
    return {};
}

Result<Finished> run(const std::vector<std::string>& arguments, Duration deadline,
                     const std::string& input) {
    auto ends = make_ends();
    if (!ends) return std::unexpected(ends.error());
    const auto pid =
        spawn(arguments, {ends->in.read.get(), ends->out.write.get(), ends->err.write.get()}, {});
    if (!pid) return std::unexpected(pid.error());
    ends->in.read.close();
    ends->out.write.close();
    ends->err.write.close();
    Finished result;
    const auto until = Steady::now() + deadline;
    const bool is_complete = converse(*ends, input, result, until);
    const auto status = is_complete ? reap(*pid, until) : std::nullopt;
    if (!status) {
        kill_now(*pid);
        return fault(stop_was_asked() ? FaultKind::Stopped : FaultKind::Timeout,
                     "running " + arguments[0], "it did not end in time");
    }
    result.exit_status = *status;
    return result;
}

Result<Child> Child::start(const std::string& name, const std::vector<std::string>& arguments,
                           const std::string& output_file, std::optional<Identity> identity) {
    const Descriptor in(open("/dev/null", O_RDONLY | O_CLOEXEC));
    const Descriptor out(
        open(output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!in.is_open() || !out.is_open()) return system_fault("opening " + output_file, errno);
    const auto pid = spawn(arguments, {in.get(), out.get(), out.get()}, identity);
    if (!pid) return std::unexpected(pid.error());
    return Child(name, *pid, output_file);
}

Child::Child(std::string name, pid_t pid, std::string output_file)
    : name_(std::move(name)), pid_(pid), output_file_(std::move(output_file)) {}

Child::Child(Child&& other) noexcept
    : name_(std::move(other.name_)),
      pid_(std::exchange(other.pid_, -1)),
      output_file_(std::move(other.output_file_)) {}

Child::~Child() { stop(std::chrono::seconds(5)); }

bool Child::is_running() {
    if (pid_ > 0 && reap(pid_, Steady::now())) pid_ = -1;
    return pid_ > 0;
}

std::string Child::output() const {
    auto text = store::read_file(output_file_, kMostOutput);
    return text ? std::move(*text) : std::string();
}

void Child::ask_to_end() {
    if (is_running()) ::kill(pid_, SIGTERM);
}

void Child::kill() {
    if (is_running()) kill_now(pid_);
    pid_ = -1;
}

void Child::stop(Duration grace) {
    if (pid_ <= 0) return;
    ask_to_end();
    if (pid_ > 0 && !reap(pid_, Steady::now() + grace)) kill_now(pid_);
    pid_ = -1;
}

std::optional<unsigned long long> start_of_process(pid_t pid) {
    const auto text = store::read_file(fmt::format("/proc/{}/stat", pid), 65536);
    if (!text) return {};
    // The name in brackets may hold anything; field 3 (state) follows the last bracket.
    const size_t bracket = text->rfind(')');
    if (bracket == std::string::npos || bracket + 2 >= text->size()) return {};
    const auto fields = split(std::string_view(*text).substr(bracket + 2), ' ');
    constexpr size_t kStartTime = 22 - 3;
    if (fields.size() <= kStartTime || fields[0] == "Z") return {};
    unsigned long long ticks = 0;
    const std::string_view field = fields[kStartTime];
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), ticks);
    if (error != std::errc()) return {};
    return ticks;
}

std::vector<pid_t> processes_with(const std::string& text) {
    std::vector<pid_t> found;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        const std::string name = entry.path().filename().string();
        pid_t pid = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (error != std::errc() || end != name.data() + name.size()) continue;
        const auto words = store::read_file(entry.path().string() + "/cmdline", 1U << 20U);
        if (words && words->contains(text)) found.push_back(pid);
    }
    return found;
}

std::string last_lines(const std::string& text, size_t count) {
    auto lines = split(trim(text), '\n');
    const size_t first = lines.size() > count ? lines.size() - count : 0;
    std::string result;
    for (size_t index = first; index < lines.size(); ++index) {
        if (!lines[index].empty()) result += fmt::format("    {}\n", lines[index]);
    }
    return result;
}

}  // namespace valija::lab
