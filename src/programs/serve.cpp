#include "programs/serve.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdio>
#include <mutex>
#include <thread>
#include <utility>

#include "control/service/metrics_server.hpp"
#include "control/service/service.hpp"
#include "platform/base/snapshot.hpp"
#include "platform/net/fetcher.hpp"
#include "platform/store/file.hpp"
#include "programs/own_watch.hpp"
#include "programs/privileges.hpp"
#include "transport/deliver/dispatcher.hpp"
#include "transport/receive/receiver.hpp"
#include "trust/keystore/custody.hpp"

namespace valija::programs {
namespace {

using observe::Event;
using partners::World;
using WorldPointer = std::shared_ptr<const World>;

constexpr int kBadConfiguration = 78;  // EX_CONFIG
constexpr int kSystemRefused = 71;     // EX_OSERR

// What runs is given this long to finish at the end of the program.
constexpr Duration kReceiveGrace = std::chrono::seconds(3);
constexpr Duration kDeliverGrace = std::chrono::seconds(10);

constexpr Duration kOwnWatch = std::chrono::seconds(20);

std::string problems_text(const std::vector<settings::Problem>& problems) {
    std::string text;
    for (const settings::Problem& problem : problems) {
        text += problem.where() + "\n";
    }
    return text;
}

// As many signatures at a time as there may be loops, and as many again for what runs beside them.
size_t custody_channels() {
    return std::clamp<size_t>(2UL * std::thread::hardware_concurrency(), 4, 64);
}

// SIGPIPE is ignored; the others are waited for by the main thread alone.
sigset_t block_signals() {
    signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    return set;
}

observe::Level level_of(const std::string& word) {
    if (word == "debug") {
        return observe::Level::Debug;
    }
    if (word == "warning") {
        return observe::Level::Warning;
    }
    return word == "error" ? observe::Level::Error : observe::Level::Info;
}

observe::Log open_log(const std::string& home, const settings::Server& server) {
    std::string path = server.log_file.empty() ? home + "/log/valija.log" : server.log_file;
    if (path == "-") {
        path.clear();
    } else if (!path.starts_with('/')) {
        path = home + "/" + path;
    }
    return observe::Log(observe::make_sink(path, level_of(server.log_level)));
}

Result<void> make_home(const std::string& home) {
    Result<void> made;
    for (const char* name : {"log", "run", "spool", "state", "state/crl"}) {
        if (made) made = store::make_directories(home + "/" + name);
    }
    return made;
}

// The running server: every part, in the order in which they depend on each other.
class Server {
  public:
    Server(std::string home, WorldPointer world, keystore::Custody& custody)
        : home_(std::move(home)),
          log_(open_log(home_, world->directory.server)),
          world_(std::move(world)),
          custody_(custody),
          receive_rows_(observe::ProtocolSide::Receive, rows_options(), log_),
          send_rows_(observe::ProtocolSide::Send, rows_options(), log_),
          loops_(static_cast<size_t>(world_.get()->directory.server.loops)),
          receiving_("receive", kMostTasks, log_),
          delivering_("deliver", kMostTasks, log_),
          controlling_("control", kMostTasks, log_),
          own_watch_(log_),
          own_timer_(loops_.at(0)) {}

    Result<void> start();
    void stop();
    service::Answer reload();

    const observe::Log& log() const { return log_; }

    bool has_lost_custody() const { return has_lost_custody_; }

  private:
    static constexpr size_t kHelpers = 4;         // for signatures that take long
    static constexpr size_t kMostTasks = 200000;  // the settings bound sessions far below

    observe::ProtocolLogOptions rows_options() const;
    Result<void> open_stores();
    Result<void> open_control();
    Result<void> open_metrics();
    void run_loops();
    std::string load_credentials();
    std::vector<revocation::Keeper::Named> named_lists(const World& world) const;
    std::string put_in_force(const WorldPointer& world);
    std::function<void(const identity::WantedList&)> wanter();
    deliver::Parts delivery_parts();
    void look_at_own(OwnWatch::Lists lists);
    void watch_own();
    std::function<identity::OwnStatus(const std::vector<x509::Certificate>&)> own_status();
    std::function<std::string(const std::vector<x509::Certificate>&)> own_staple();

    std::string home_;
    SystemClock clock_;
    observe::Log log_;
    observe::Counters counters_;
    Snapshot<World> world_;
    Snapshot<std::vector<x509::Certificate>> authorities_;  // explain::known_authorities of it
    keystore::Custody& custody_;
    Snapshot<channel::Credentials> credentials_;
    observe::ProtocolLog receive_rows_;
    observe::ProtocolLog send_rows_;
    net::Fetcher fetcher_;
    std::unique_ptr<revocation::Keeper> keeper_;
    std::unique_ptr<net::Resolver> resolver_;
    std::unique_ptr<queue::Spool> spool_;
    net::Loops loops_;
    net::Helpers helpers_{kHelpers};  // goes before the loops
    net::TaskGroup receiving_;
    net::TaskGroup delivering_;
    net::TaskGroup controlling_;
    std::unique_ptr<receive::Receiver> receiver_;
    OwnWatch own_watch_;
    boost::asio::steady_timer own_timer_;
    std::shared_ptr<deliver::ToldChanges> told_ = std::make_shared<deliver::ToldChanges>();
    std::shared_ptr<deliver::Dispatcher> dispatcher_;
    std::unique_ptr<service::Service> service_;
    std::unique_ptr<service::ControlServer> control_;
    std::unique_ptr<service::MetricsServer> metrics_;
    std::mutex reloading_;
    bool is_running_ = false;
    std::atomic<bool> has_lost_custody_ = false;
};

void Server::run_loops() {
    if (!std::exchange(is_running_, true)) {
        loops_.run();
    }
}

observe::ProtocolLogOptions Server::rows_options() const {
    const auto world = world_.get();
    const settings::Server& server = world->directory.server;
    return {.directory = home_ + "/log",
            .file_size = server.protocol_log_file_size,
            .folder_size = server.protocol_log_folder_size,
            .age = server.protocol_log_age};
}

std::function<void(const identity::WantedList&)> Server::wanter() {
    return [this](const identity::WantedList& list) {
        if (list.about) {
            keeper_->want_answer(list.url, *list.about, list.issuer);
        } else {
            keeper_->want(list.url, list.issuer);
        }
    };
}

std::function<identity::OwnStatus(const std::vector<x509::Certificate>&)> Server::own_status() {
    return [this](const std::vector<x509::Certificate>& chain) {
        return explain::own_status(chain, *authorities_.get(), *keeper_->book(), clock_.now());
    };
}

std::function<std::string(const std::vector<x509::Certificate>&)> Server::own_staple() {
    return [this](const std::vector<x509::Certificate>& chain) {
        return explain::own_staple(chain, *authorities_.get(), *keeper_->book(), clock_.now());
    };
}

void Server::look_at_own(OwnWatch::Lists lists) {
    own_watch_.look(*world_.get(), *credentials_.get(), *keeper_->book(), clock_.now(), lists);
}

// Lists come and end while we run. The timer is touched on its loop only.
void Server::watch_own() {
    own_timer_.expires_after(kOwnWatch);
    own_timer_.async_wait([this](boost::system::error_code ended) {
        if (!ended) {
            look_at_own(OwnWatch::Lists::HadTheirTime);
            watch_own();
        }
    });
}

deliver::Parts Server::delivery_parts() {
    return {world_,     credentials_, *spool_,
            *resolver_, clock_,       counters_,
            log_,       send_rows_,   [this] { return keeper_->book(); },
            wanter(),   own_status(), told_};
}

Result<void> Server::open_stores() {
    const settings::Server& server = world_.get()->directory.server;
    auto fetch = [this](revocation::FetchRequest request,
                        std::function<void(Result<std::string>)> done) {
        fetcher_.fetch(std::move(request.url), std::move(request.body), std::move(done));
    };
    auto keeper = revocation::Keeper::start({.directory = home_ + "/state/crl",
                                             .shortest = server.crl_shortest,
                                             .longest = server.crl_longest},
                                            fetch, clock_, log_);
    if (!keeper) {
        return std::unexpected(keeper.error());
    }
    keeper_ = std::move(*keeper);
    auto resolver = net::make_resolver({.forward = server.dns_forward,
                                        .trust_anchor = server.dns_trust_anchor,
                                        .deadline = server.dns_deadline});
    if (!resolver) {
        return std::unexpected(resolver.error());
    }
    resolver_ = std::move(*resolver);
    auto spool = queue::Spool::open({.directory = home_ + "/spool",
                                     .memory_bound = server.queue_memory_bound,
                                     .reserve_bytes = server.queue_reserve},
                                    log_);
    if (!spool) {
        return std::unexpected(spool.error());
    }
    spool_ = std::move(*spool);
    return {};
}

// Gives what is wrong with our certificates, a line each.
std::string Server::load_credentials() {
    const auto before = credentials_.get();
    keystore::KeyStore keys = keystore::KeyStore::load(home_ + "/keys", custody_.vault(),
                                                       before ? &before->store() : nullptr);
    std::string problems;
    for (const keystore::KeyStore::Problem& problem : keys.problems()) {
        log_.emit(Event::CertificateMissing, {{"file", problem.file}, {"text", problem.text}});
        problems += fmt::format("keys/{}: {}\n", problem.file, problem.text);
    }
    const auto credentials =
        std::make_shared<const channel::Credentials>(std::move(keys), &helpers_);
    credentials_.set(credentials);
    look_at_own(OwnWatch::Lists::MayBeComing);
    return problems;
}

// The lists of our own certificates and those of the partners' files.
std::vector<revocation::Keeper::Named> Server::named_lists(const World& world) const {
    std::vector<revocation::Keeper::Named> all;
    const auto authorities = authorities_.get();
    const auto credentials = credentials_.get();
    for (const auto& own : credentials->store().certificates()) {
        for (const identity::WantedList& list : explain::own_lists(own->chain, *authorities)) {
            all.push_back({.url = list.url, .issuer = list.issuer, .about = list.about});
        }
    }
    for (const auto& partner : world.partners) {
        for (const std::string& url : partner->crl) {
            for (const x509::Certificate& anchor : partner->rule.anchors.certificates()) {
                all.push_back({.url = url, .issuer = anchor});
            }
        }
    }
    return all;
}

// Counters exist at 0 from the start, and lists are wanted before the first session needs them.
std::string Server::put_in_force(const WorldPointer& world) {
    authorities_.set(
        std::make_shared<const std::vector<x509::Certificate>>(explain::known_authorities(*world)));
    world_.set(world);
    const settings::Server& server = world->directory.server;
    fetcher_.set_proxy({.url = server.proxy_url, .bypass = server.proxy_bypass});
    std::string problems = load_credentials();
    keeper_->name(named_lists(*world));
    for (const auto& partner : world->partners) {
        for (const settings::Receive& row : world->directory.receive) {
            counters_.declare(partner->name, row.name);
        }
        for (const settings::Send& row : world->directory.send) {
            counters_.declare(partner->name, row.name);
        }
    }
    return problems;
}

Result<void> Server::open_control() {
    service_ = std::make_unique<service::Service>(service::ServiceParts{
        .spool = *spool_,
        .counters = counters_,
        .keeper = *keeper_,
        .clock = clock_,
        .own_readings = [this] { return own_watch_.readings(credentials_.get()->store()); },
        .check = {.deliver = delivery_parts(), .keeper = *keeper_, .home = home_},
        .reload = [this] { return reload(); }});
    auto control = service::ControlServer::open(
        loops_.at(0).get_executor(), home_ + "/run/control.sock", controlling_,
        [this](service::Request request) { return service_->handle(std::move(request)); });
    if (!control) {
        return std::unexpected(control.error());
    }
    control_ = std::move(*control);
    return {};
}

Result<void> Server::open_metrics() {
    const auto world = world_.get();
    const std::string& address = world->directory.server.metrics_listen;
    if (address.empty()) {
        return {};
    }
    auto metrics = service::MetricsServer::open(loops_.at(0).get_executor(), address, controlling_,
                                                [this] { return service_->metrics(); });
    if (!metrics) {
        return std::unexpected(metrics.error());
    }
    metrics_ = std::move(*metrics);
    log_.emit(Event::MetricsListening, {{"listen", metrics_->address()}});
    return {};
}

Result<void> Server::start() {
    if (auto made = open_stores(); !made) {
        return made;
    }
    put_in_force(world_.get());
    custody_.on_restart([this] { log_.emit(Event::CustodyRestarted); });
    custody_.on_loss([this] {
        log_.emit(Event::CustodyLost);
        has_lost_custody_ = true;
        ::kill(::getpid(), SIGTERM);
    });
    const auto book = [this] { return keeper_->book(); };
    dispatcher_ = deliver::Dispatcher::start(delivery_parts(), loops_, delivering_);
    receiver_ = std::make_unique<receive::Receiver>(
        receive::Parts{world_, credentials_, *spool_, *resolver_, clock_, counters_, log_,
                       receive_rows_, book, wanter(), own_staple()},
        loops_, receiving_);
    if (auto opened = receiver_->open(); !opened) {
        return opened;
    }
    if (auto opened = open_control(); !opened) {
        return opened;
    }
    if (auto opened = open_metrics(); !opened) {
        return opened;
    }
    watch_own();
    run_loops();
    for (const auto& endpoint : receiver_->addresses()) {
        log_.emit(Event::ServerStarted, {{"listen", net::endpoint_text(endpoint)}});
    }
    return {};
}

// Doors first, then what runs, then the ground under it. Also after a start that failed half-way.
void Server::stop() {
    log_.emit(Event::ServerStopping);
    run_loops();  // what a start that failed half-way has spawned must run to end
    if (control_) {
        control_->close();
    }
    if (metrics_) {
        metrics_->close();
    }
    if (receiver_) {
        receiver_->close();
    }
    if (dispatcher_) {
        dispatcher_->stop();
    }
    boost::asio::post(loops_.at(0), [this] { own_timer_.cancel(); });
    receiving_.close();
    receiving_.drain(kReceiveGrace);
    delivering_.close();
    delivering_.drain(kDeliverGrace);
    controlling_.close();
    controlling_.drain(kReceiveGrace);
    loops_.stop();
    loops_.join();
    custody_.on_restart({});
    custody_.on_loss({});
}

service::Answer Server::reload() {
    std::scoped_lock const lock(reloading_);
    auto world = partners::load_world(home_);
    if (!world) {
        const std::string text = problems_text(world.error());
        log_.emit(Event::ConfigurationRefused, {{"text", text}});
        return {.exit_status = kBadConfiguration,
                .out = {},
                .err = text + "The new configuration was refused; the old one stays in force.\n"};
    }
    const std::string problems = put_in_force(*world);
    dispatcher_->wake();
    log_.emit(Event::ConfigurationReloaded,
              {{"partners", std::to_string((*world)->partners.size())}});
    return {.exit_status = 0, .out = "The new configuration is in force.\n", .err = problems};
}

void wait_for_the_end(Server& server, const sigset_t& signals) {
    int received = 0;
    while (sigwait(&signals, &received) == 0 && received == SIGHUP) {
        server.reload();
    }
}

// What load() says, printed.
int refuse_configuration(const std::vector<settings::Problem>& problems) {
    fmt::print(stderr, "{}", problems_text(problems));
    return kBadConfiguration;
}

int refuse_start(const Fault& fault) {
    fmt::print(stderr, "valija: {}\n", fault.text());
    return kSystemRefused;
}

}  // namespace

int serve(const std::string& home) {
    // A home that is not there is not made.
    if (::access((home + "/etc/valija.toml").c_str(), F_OK) != 0) {
        if (const auto world = partners::load_world(home); !world) {
            return refuse_configuration(world.error());
        }
    }
    const auto custody = keystore::Custody::start(
        {.directory = home + "/keys", .channels = custody_channels(), .is_for_server = true});
    if (!custody) {
        return refuse_start(custody.error());
    }
    auto ready = make_home(home);
    if (ready) ready = leave_root(home);
    if (!ready) return refuse_start(ready.error());
    const sigset_t signals = block_signals();
    auto world = partners::load_world(home);
    if (!world) return refuse_configuration(world.error());
    Server server(home, *world, **custody);
    const auto started = server.start();
    if (started) {
        fmt::print(stderr, "valija: ready\n");
        wait_for_the_end(server, signals);
    } else {
        server.log().emit(Event::ServerFault, {{"text", started.error().text()}});
        fmt::print(stderr, "valija: {}\n", started.error().text());
    }
    server.stop();
    return started && !server.has_lost_custody() ? 0 : kSystemRefused;
}

}  // namespace valija::programs
