#include "programs/commands/record.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "control/service/recording.hpp"
#include "platform/base/text.hpp"
#include "programs/commands/commands.hpp"

namespace valija::programs {
namespace {

using Sample = std::optional<std::vector<service::SeriesValue>>;

sigset_t ending_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

// Waiting, for the time or for the server, has nothing to tidy up: the process ends on the spot.
extern "C" void end_at_once(int /*signal*/) { _exit(status::yes); }

void take_signals() {
    struct sigaction action{};
    action.sa_handler = end_at_once;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

// While this lives, a signal waits: a row is written as a whole.
class SignalsLater {
  public:
    SignalsLater() {
        const sigset_t set = ending_signals();
        pthread_sigmask(SIG_BLOCK, &set, &before_);
    }

    ~SignalsLater() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

    SignalsLater(const SignalsLater&) = delete;
    SignalsLater& operator=(const SignalsLater&) = delete;

  private:
    sigset_t before_{};
};

// The recording's file. It is opened for each row, so that log rotation may take it away.
class File {
  public:
    explicit File(std::string path) : path_(std::move(path)) {}

    // Takes up a recording that is there.
    Result<void> open(service::Recording& recording);
    Result<void> append(service::Recording& recording, Time time, const Sample& sample);

  private:
    std::string doing() const { return "writing the recording " + escape_peer_text(path_, 300); }

    std::string path_;
};

class Descriptor {
  public:
    explicit Descriptor(const std::string& path)
        : number_(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640)) {}

    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }

    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    int number() const { return number_; }

  private:
    int number_;
};

Result<void> File::open(service::Recording& recording) {
    const Descriptor descriptor(path_);
    struct stat status{};
    if (descriptor.number() < 0 || fstat(descriptor.number(), &status) != 0) {
        return system_fault(doing(), errno);
    }
    if (!S_ISREG(status.st_mode)) return fault(FaultKind::Input, doing(), "it is no plain file");
    std::ifstream written(path_);
    if (!written) return system_fault(doing(), errno);
    std::string line;
    while (std::getline(written, line)) {
        if (!recording.recall(line)) {
            return fault(FaultKind::Input, doing(),
                         "the file is there, and it is no recording of counters");
        }
        // The last row may have been cut short by a crash.
        if (written.eof() && ::write(descriptor.number(), "\n", 1) != 1) {
            return system_fault(doing(), errno);
        }
    }
    return {};
}

Result<void> File::append(service::Recording& recording, Time time, const Sample& sample) {
    const SignalsLater later;
    const Descriptor descriptor(path_);
    struct stat status{};
    if (descriptor.number() < 0 || fstat(descriptor.number(), &status) != 0) {
        return system_fault(doing(), errno);
    }
    if (status.st_size == 0) recording.forget();
    const std::string text = recording.rows(time, sample);
    for (size_t done = 0; done < text.size();) {
        const ssize_t count = ::write(descriptor.number(), text.data() + done, text.size() - done);
        if (count < 0 && errno != EINTR) return system_fault(doing(), errno);
        if (count > 0) done += static_cast<size_t>(count);
    }
    return {};
}

Result<std::vector<service::SeriesValue>> ask_counters(const Invocation& invocation) {
    const auto answer = service::ask(control_socket(invocation),
                                     {.command = "counters", .arguments = {}, .json = true});
    if (!answer) return std::unexpected(answer.error());
    if (answer->exit_status != status::yes) {
        return fault(FaultKind::System, "asking the server", answer->err);
    }
    return service::series_of(answer->out);
}

// Says once that there are gaps, and once that they are over.
class Gaps {
  public:
    void note(const Invocation& invocation, const Fault* why) {
        if ((why != nullptr) == is_open_) return;
        is_open_ = why != nullptr;
        if (!is_open_) {
            fmt::print(stderr, "valija: the server answers again\n");
        } else if (why->kind == FaultKind::Network) {
            fmt::print(stderr, "valija: no server is running for {}; recording a gap\n",
                       invocation.home);
        } else {
            fmt::print(stderr, "valija: {}; recording a gap\n", why->text());
        }
    }

  private:
    bool is_open_ = false;
};

}  // namespace

int record_counters(const Invocation& invocation, const RecordOptions& options) {
    take_signals();
    File file(options.file);
    service::Recording recording;
    if (const auto opened = file.open(recording); !opened) {
        fmt::print(stderr, "valija: {}\n", opened.error().text());
        return status::no;
    }
    const SystemClock clock;
    Gaps gaps;
    auto due = std::chrono::steady_clock::now();
    for (uint64_t written = 0; !options.count || written < *options.count; ++written) {
        // A sample that took longer than the pause is followed by the next at once, not by several.
        std::this_thread::sleep_until(due);  // a signal ends the process here, too
        due = std::max(due, std::chrono::steady_clock::now() - options.every) + options.every;
        const Time time = clock.now();
        const auto counters = ask_counters(invocation);
        gaps.note(invocation, counters ? nullptr : &counters.error());
        const Sample sample = counters ? Sample(*counters) : std::nullopt;
        if (const auto done = file.append(recording, time, sample); !done) {
            fmt::print(stderr, "valija: {}\n", done.error().text());
            return status::unknown;
        }
    }
    return status::yes;
}

}  // namespace valija::programs
