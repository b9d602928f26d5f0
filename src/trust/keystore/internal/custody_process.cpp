#include "trust/keystore/internal/custody_process.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {  // glibc 2.36 forgets to say so
#include <sys/pidfd.h>
}

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <latch>
#include <thread>

#include "trust/keystore/internal/custody_desk.hpp"
#include "trust/keystore/internal/sandbox.hpp"
#include "trust/keystore/internal/token_vault.hpp"
#include "trust/x509/native.hpp"

namespace valija::keystore::internal {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int kDone = 0;
constexpr int kBeginAnew = 75;    // EX_TEMPFAIL: there are tokens to be opened
constexpr int kCannotBegin = 78;  // EX_CONFIG: trying again would not help
constexpr auto kSendLimit = seconds(30);
constexpr auto kLongLife = seconds(60);  // after which a crash counts as the first
constexpr milliseconds kFirstPause(100);
constexpr milliseconds kLongestPause(5000);
constexpr milliseconds kFarewell(1000);  // for the worker to see that its server is gone

// The terminal's and the service manager's signals are for the server: it closes the channels when
// it is done.
void leave_signals_to_the_server() {
    for (const int one : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2}) {
        ::signal(one, SIG_IGN);
    }
}

std::vector<int> descriptors_of(const std::vector<net::FrameLink>& channels) {
    std::vector<int> all;
    for (const net::FrameLink& one : channels) all.push_back(one.native());
    return all;
}

Result<void> give_up_rights(const std::vector<net::FrameLink>& channels,
                            const CustodyOptions& options) {
    leave_signals_to_the_server();
    ::prctl(PR_SET_NAME, "valija-keys", 0, 0, 0);
    auto done = close_all_but(descriptors_of(channels));
    if (done) done = move_into(options.directory, options.user);
    return done ? refuse_inspection() : done;
}

// The other end gives all of its channels up at once, so that the end of one is the end of all.
[[noreturn]] void serve_channel(net::FrameLink& channel, CustodyDesk& desk) {
    while (true) {
        auto message = channel.receive(kLargestMessage, net::SteadyTime::max());
        if (!message) ::_exit(kDone);
        const std::string answer = desk.answer(*message, steady_clock::now());
        OPENSSL_cleanse(message->data(), message->size());
        if (!channel.send(answer, steady_clock::now() + kSendLimit)) ::_exit(kDone);
    }
}

[[noreturn]] void refuse(const Fault& why) {
    fmt::print(stderr, "valija: the custody of the keys cannot begin: {}\n", why.text());
    std::fflush(stderr);
    ::_exit(kCannotBegin);
}

// One life of a worker, as its guardian sees it.
struct Life {
    pid_t process;
    int descriptor;  // readable once it has ended
    steady_clock::time_point began;
};

Result<Life> begin_life(net::FrameLink& server, const CustodyOptions& options) {
    auto channels = make_channels(options.channels);
    if (!channels) return std::unexpected(channels.error());
    const pid_t process = ::fork();
    if (process < 0) return system_fault("starting the custody of the keys", errno);
    if (process == 0) run_worker(std::move(channels->theirs), options);
    const int descriptor = ::pidfd_open(process, 0);
    if (descriptor < 0) return system_fault("watching the custody of the keys", errno);
    if (auto sent = server.send_links(channels->ours); !sent) return std::unexpected(sent.error());
    return Life{.process = process, .descriptor = descriptor, .began = steady_clock::now()};
}

// Whether the server is still there after the time; `ended` (or -1) cuts it short.
bool waits(const net::FrameLink& server, int ended, int timeout) {
    std::array<pollfd, 2> watched = {pollfd{server.native(), POLLIN, 0}, pollfd{ended, POLLIN, 0}};
    int ready = -1;
    do {
        ready = ::poll(watched.data(), watched.size(), timeout);
    } while (ready < 0 && errno == EINTR);
    return watched[0].revents == 0;  // the server never writes
}

// Its status as waitpid(2) gives it.
int end_of(const Life& life) {
    int status = 0;
    while (::waitpid(life.process, &status, 0) < 0 && errno == EINTR) {
    }
    ::close(life.descriptor);
    return status;
}

[[noreturn]] void end_with(const Life& life) {
    pollfd watched{.fd = life.descriptor, .events = POLLIN, .revents = 0};
    if (::poll(&watched, 1, static_cast<int>(kFarewell.count())) != 1) {
        ::kill(life.process, SIGKILL);
    }
    end_of(life);
    ::_exit(kDone);
}

}  // namespace

Result<Channels> make_channels(size_t count) {
    Channels channels;
    for (size_t i = 0; i < count; ++i) {
        auto pair = net::FrameLink::make_pair();
        if (!pair) return std::unexpected(pair.error());
        channels.ours.push_back(std::move(pair->first));
        channels.theirs.push_back(std::move(pair->second));
    }
    return channels;
}

void run_worker(std::vector<net::FrameLink> channels, const CustodyOptions& options) {
    if (auto given_up = give_up_rights(channels, options); !given_up) refuse(given_up.error());
    const auto vault = make_token_vault(".", options.token, [] { ::_exit(kBeginAnew); });
    CustodyDesk desk(*vault, options.is_for_server ? CustodyDesk::Duties::OnlySigning
                                                   : CustodyDesk::Duties::All);
    std::latch closed(1);
    std::vector<std::jthread> threads;
    for (net::FrameLink& channel : channels) {
        threads.emplace_back([&channel, &desk, &closed] {
            closed.wait();
            serve_channel(channel, desk);
        });
    }
    if (auto sealed = close_sandbox(); !sealed) refuse(sealed.error());
    closed.count_down();
    threads.clear();  // joins: they end the process
    ::_exit(kDone);
}

void run_guardian(net::FrameLink server, const CustodyOptions& options) {
    leave_signals_to_the_server();
    ::prctl(PR_SET_NAME, "valija-guard", 0, 0, 0);
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (auto closed = close_all_but({server.native()}); !closed) refuse(closed.error());
    milliseconds pause(0);
    bool has_lived = false;
    while (true) {
        const auto life = begin_life(server, options);
        if (!life && !has_lived) refuse(life.error());
        if (!life) {  // short of processes or descriptors for a moment: not for ever
            pause = std::clamp(2 * pause, kFirstPause, kLongestPause);
            if (!waits(server, -1, static_cast<int>(pause.count()))) ::_exit(kDone);
            continue;
        }
        has_lived = true;
        if (!waits(server, life->descriptor, -1)) end_with(*life);
        const int status = end_of(*life);
        const int said = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
        if (said == kCannotBegin) ::_exit(kCannotBegin);
        if (said == kBeginAnew) continue;
        if (steady_clock::now() - life->began > kLongLife) pause = milliseconds(0);
        if (!waits(server, -1, static_cast<int>(pause.count()))) ::_exit(kDone);
        pause = std::clamp(2 * pause, kFirstPause, kLongestPause);
    }
}

}  // namespace valija::keystore::internal
