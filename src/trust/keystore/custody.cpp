#include "trust/keystore/custody.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>

#include "platform/store/file.hpp"
#include "trust/keystore/internal/custody_client.hpp"
#include "trust/keystore/internal/custody_process.hpp"

namespace valija::keystore {
namespace {

using internal::CustodyClient;

constexpr auto kBegin = std::chrono::seconds(10);
constexpr auto kStarting = "starting the custody of the keys";

bool has_one_thread() {
    std::error_code error;
    const std::filesystem::directory_iterator all("/proc/self/task", error);
    return error || std::distance(begin(all), end(all)) == 1;
}

}  // namespace

struct Custody::Internal {
    pid_t child = -1;
    std::shared_ptr<CustodyClient> client;

    Internal(pid_t process, std::shared_ptr<CustodyClient> given)
        : child(process), client(std::move(given)) {}

    Internal(const Internal&) = delete;
    Internal& operator=(const Internal&) = delete;

    ~Internal() {
        client->close();
        // What it is busy with (a file on a network that does not answer) must not keep us.
        for (int waited = 0; waited < kFarewell && !has_ended(); waited += kLook) {
            ::poll(nullptr, 0, kLook);
        }
        if (!is_gone) {
            ::kill(child, SIGKILL);
            while (!has_ended()) ::poll(nullptr, 0, kLook);
        }
    }

  private:
    static constexpr int kFarewell = 3000;  // milliseconds
    static constexpr int kLook = 5;
    bool is_gone = false;

    bool has_ended() {
        const pid_t ended = ::waitpid(child, nullptr, WNOHANG);
        is_gone = is_gone || ended == child || (ended < 0 && errno == ECHILD);
        return is_gone;
    }
};

namespace {

Result<std::unique_ptr<Custody::Internal>> start_guardian(const CustodyOptions& options) {
    auto pair = net::FrameLink::make_pair();
    if (!pair) return std::unexpected(pair.error());
    const pid_t child = ::fork();
    if (child < 0) return system_fault(kStarting, errno);
    if (child == 0) internal::run_guardian(std::move(pair->second), options);
    {
        const net::FrameLink closed = std::move(pair->second);
    }
    auto links = pair->first.receive_links(std::chrono::steady_clock::now() + kBegin);
    std::vector<net::FrameLink> channels;
    if (links && *links) channels = std::move(**links);
    auto client = std::make_shared<CustodyClient>(std::move(channels), std::move(pair->first));
    auto made = std::make_unique<Custody::Internal>(child, std::move(client));
    if (!links) return std::unexpected(links.error());
    if (!*links) return fault(FaultKind::Timeout, kStarting, "it does not answer");
    return made;
}

Result<std::unique_ptr<Custody::Internal>> start_worker(const CustodyOptions& options) {
    auto channels = internal::make_channels(options.channels);
    if (!channels) return std::unexpected(channels.error());
    const pid_t child = ::fork();
    if (child < 0) return system_fault(kStarting, errno);
    if (child == 0) internal::run_worker(std::move(channels->theirs), options);
    auto client = std::make_shared<CustodyClient>(std::move(channels->ours), std::nullopt);
    return std::make_unique<Custody::Internal>(child, std::move(client));
}

}  // namespace

Custody::Custody(std::unique_ptr<Internal> internal) : internal_(std::move(internal)) {}

Custody::~Custody() = default;

Result<std::unique_ptr<Custody>> Custody::start(const CustodyOptions& options) {
    VALIJA_ENSURE(has_one_thread(), "custody is forked before there are threads");
    if (auto made = store::make_directories(options.directory, 0750); !made) {
        return std::unexpected(made.error());
    }
    auto started = options.is_for_server ? start_guardian(options) : start_worker(options);
    if (!started) return std::unexpected(started.error());
    auto custody = std::make_unique<Custody>(std::move(*started));
    const auto lives = custody->vault().list();
    if (!lives) return std::unexpected(lives.error());
    return custody;
}

KeyVault& Custody::vault() { return *internal_->client; }

void Custody::on_restart(std::function<void()> told) {
    internal_->client->on_restart(std::move(told));
}

void Custody::on_loss(std::function<void()> told) { internal_->client->on_loss(std::move(told)); }

}  // namespace valija::keystore
