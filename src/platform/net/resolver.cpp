#include "platform/net/resolver.hpp"

#include <unbound.h>

#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "platform/base/text.hpp"
#include "platform/net/internal/dns_data.hpp"
#include "platform/net/internal/name_look_ups.hpp"

namespace valija::net {

namespace asio = boost::asio;
using internal::Raw;

namespace {

constexpr int kMostAnchorWords = 100'000;
constexpr auto root_anchor = "/usr/share/dns/root.key";  // Debian: dns-root-data

// Where a waiting task and the resolver's thread meet. The timer belongs to the task's frame: it is
// reached through here, under the lock, only while the frame is alive, so that a task (and even
// its loop) may vanish at any time.
struct Waiter {
    std::mutex mutex;
    asio::steady_timer* timer = nullptr;
    std::vector<Raw> answers;
    size_t open = 0;  // questions without an answer
    bool stopped = false;
    std::vector<unsigned long> queries;  // the resolver's thread only
};

void wake(const std::shared_ptr<Waiter>& waiter) {
    asio::post(waiter->timer->get_executor(), [waiter] {
        std::scoped_lock const lock(waiter->mutex);
        if (waiter->timer != nullptr) waiter->timer->cancel();
    });
}

void stop_waiting(const std::shared_ptr<Waiter>& waiter) {
    std::scoped_lock const lock(waiter->mutex);
    waiter->stopped = true;
    if (waiter->timer != nullptr) wake(waiter);
}

// libunbound with the one thread that talks to it.
class Pump {
  public:
    explicit Pump(ub_ctx* context) : context_(context), descriptor_(loop_, ::ub_fd(context)) {}

    Pump(const Pump&) = delete;
    Pump& operator=(const Pump&) = delete;

    ~Pump() {
        stop();
        descriptor_.release();  // libunbound closes what is its own
        ::ub_ctx_delete(context_);
    }

    void start() {
        listen();
        thread_ = std::thread([this] { loop_.run(); });
    }

    // Ends all that waits. The object stays for the tasks that still hold it.
    void stop() {
        {
            std::scoped_lock const lock(mutex_);
            if (stopping_) return;
            stopping_ = true;
        }
        loop_.stop();
        if (thread_.joinable()) thread_.join();
        over_ = true;
        loop_.restart();
        loop_.poll();  // what was asked last is told too
        for (auto const& [id, query] : queries_) stop_waiting(query.waiter);
        queries_.clear();
    }

    void ask(const std::shared_ptr<Waiter>& waiter, const std::string& name,
             const std::vector<int>& types) {
        std::scoped_lock const lock(mutex_);
        if (stopping_) return stop_waiting(waiter);
        asio::post(loop_, [this, waiter, name, types] {
            if (over_) return stop_waiting(waiter);
            for (size_t i = 0; i < types.size(); ++i) begin(waiter, name, types[i], i);
        });
    }

    void cancel(const std::shared_ptr<Waiter>& waiter) {
        asio::post(loop_, [this, waiter] {
            for (auto const id : waiter->queries) abandon(id);
        });
    }

  private:
    struct Query {
        Pump* pump;
        unsigned long id;
        int library_id = 0;
        std::shared_ptr<Waiter> waiter;
        size_t index;  // of the question among the waiter's
    };

    void listen() {
        descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                               [this](const boost::system::error_code& error) {
                                   if (error) return;
                                   ::ub_process(context_);
                                   listen();
                               });
    }

    void begin(const std::shared_ptr<Waiter>& waiter, const std::string& name, int type,
               size_t index) {
        auto const id = ++last_id_;
        auto& query = queries_.emplace(id, Query{this, id, 0, waiter, index}).first->second;
        auto const error = ::ub_resolve_async(context_, name.c_str(), type, 1, &query, &Pump::done,
                                              &query.library_id);
        if (error == 0) {
            waiter->queries.push_back(id);
            return;
        }
        Raw raw;
        raw.state = Raw::State::Failed;
        raw.cause = ::ub_strerror(error);
        answer(id, std::move(raw));
    }

    void abandon(unsigned long id) {
        auto const found = queries_.find(id);
        if (found == queries_.end()) return;
        ::ub_cancel(context_, found->second.library_id);
        queries_.erase(found);
    }

    // Called within ub_process.
    static void done(void* user, int error, ub_result* result) {
        auto const& query = *static_cast<Query*>(user);
        Raw raw = error != 0 || result == nullptr ? Raw() : read(*result);
        if (raw.state == Raw::State::Silent) {
            raw.state = Raw::State::Failed;
            raw.cause = ::ub_strerror(error);
        }
        ::ub_resolve_free(result);
        query.pump->answer(query.id, std::move(raw));
    }

    // Bogus answers come with the forged records: that is looked at first, and here alone.
    static Raw read(const ub_result& result) {
        Raw raw;
        if (result.bogus != 0) {
            raw.state = Raw::State::Bogus;
            raw.cause = result.why_bogus != nullptr ? result.why_bogus : "bogus";
            return raw;
        }
        if (result.rcode != 0 && result.nxdomain == 0) {
            raw.state = Raw::State::Failed;
            raw.cause = internal::rcode_text(result.rcode);
            return raw;
        }
        raw.state = result.nxdomain != 0 ? Raw::State::NoName : Raw::State::Data;
        raw.secure = result.secure != 0;
        if (result.canonname != nullptr) raw.canonical_name = result.canonname;
        for (size_t i = 0; result.havedata != 0 && result.data[i] != nullptr; ++i) {
            raw.data.emplace_back(result.data[i], static_cast<size_t>(result.len[i]));
        }
        return raw;
    }

    void answer(unsigned long id, Raw raw) {
        auto node = queries_.extract(id);
        auto const& waiter = node.mapped().waiter;
        std::scoped_lock const lock(waiter->mutex);
        waiter->answers[node.mapped().index] = std::move(raw);
        if (--waiter->open == 0 && waiter->timer != nullptr) wake(waiter);
    }

    ub_ctx* context_;
    asio::io_context loop_{1};
    asio::posix::stream_descriptor descriptor_;
    std::unordered_map<unsigned long, Query> queries_;  // own thread; stable addresses
    unsigned long last_id_ = 0;

    std::mutex mutex_;
    bool stopping_ = false;
    bool over_ = false;  // own thread, and after it has ended

    std::thread thread_;
};

// Ties a waiter to the timer in the task's frame, and parts them when the frame ends.
class Bond {
  public:
    Bond(std::shared_ptr<Waiter> waiter, asio::steady_timer& timer) : waiter_(std::move(waiter)) {
        waiter_->timer = &timer;
    }

    Bond(const Bond&) = delete;
    Bond& operator=(const Bond&) = delete;

    ~Bond() {
        std::scoped_lock const lock(waiter_->mutex);
        waiter_->timer = nullptr;
    }

  private:
    std::shared_ptr<Waiter> waiter_;
};

// Asks and waits, until all is answered or the deadline passes: what is not answered then stays
// Silent. Stopped when the task or the resolver ends first.
Task<Result<std::vector<Raw>>> ask(std::shared_ptr<Pump> pump, std::string name,
                                   std::vector<int> types, Duration deadline) {
    auto const waiter = std::make_shared<Waiter>();
    waiter->answers.resize(types.size());
    waiter->open = types.size();
    asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
    Bond const bond(waiter, timer);
    pump->ask(waiter, name, types);
    auto const [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));

    std::unique_lock lock(waiter->mutex);
    if (waiter->open == 0) co_return std::move(waiter->answers);
    bool const stopped = waiter->stopped;
    auto answers = waiter->answers;
    lock.unlock();
    pump->cancel(waiter);
    if (stopped || error) co_return fault(FaultKind::Stopped, "looking up " + name, "stopped");
    co_return answers;
}

std::unexpected<Fault> bad_name(const std::string& name) {
    return fault(FaultKind::Input, "looking up " + escape_peer_text(name, 255), "not a host name");
}

Task<Result<Answer<MxRecord>>> look_up_mx(std::shared_ptr<Pump> pump, std::string domain,
                                          Duration deadline) {
    if (!is_host_name(domain)) co_return bad_name(domain);
    std::vector<int> types{internal::type_mx};
    auto const answers = co_await ask(std::move(pump), domain + ".", std::move(types), deadline);
    if (!answers) co_return std::unexpected(answers.error());
    co_return internal::mx_answer(domain, answers->at(0));
}

Task<Result<Answer<std::string>>> look_up_addresses(std::shared_ptr<Pump> pump, std::string host,
                                                    Duration deadline) {
    if (!is_host_name(host)) co_return bad_name(host);
    std::vector<int> types{internal::type_aaaa, internal::type_a};
    auto const answers = co_await ask(std::move(pump), host + ".", std::move(types), deadline);
    if (!answers) co_return std::unexpected(answers.error());
    co_return internal::address_answer(host, answers->at(0), answers->at(1));
}

class UnboundResolver final : public Resolver {
  public:
    UnboundResolver(std::shared_ptr<Pump> pump, Duration deadline)
        : pump_(std::move(pump)), deadline_(deadline) {}

    UnboundResolver(const UnboundResolver&) = delete;
    UnboundResolver& operator=(const UnboundResolver&) = delete;

    ~UnboundResolver() override { pump_->stop(); }

    Task<Result<Answer<MxRecord>>> mx(std::string domain) override {
        return look_up_mx(pump_, std::move(domain), deadline_);
    }

    Task<Result<Answer<std::string>>> addresses(std::string host) override {
        return look_up_addresses(pump_, std::move(host), deadline_);
    }

    Task<Result<Answer<PtrName>>> ptr(std::string address) override {
        return internal::look_up_ptr(asker(), std::move(address), deadline_);
    }

    Task<Result<TlsaAnswer>> tlsa(std::string host, uint16_t port) override {
        return internal::look_up_tlsa(asker(), std::move(host), port, deadline_);
    }

  private:
    internal::Asker asker() const {
        return [pump = pump_](std::string name, std::vector<int> types, Duration deadline) {
            return ask(pump, std::move(name), std::move(types), deadline);
        };
    }

    std::shared_ptr<Pump> pump_;
    Duration deadline_;
};

struct Option {
    const char* name;
    const char* value;
};

// Many look-ups at once; name servers on this host and in private nets are as good as others; a
// server that was down is tried again soon.
constexpr auto options = std::to_array<Option>({
    {"outgoing-range:", "512"},
    {"num-queries-per-thread:", "1024"},
    {"do-not-query-localhost:", "no"},
    {"unblock-lan-zones:", "yes"},
    {"insecure-lan-zones:", "yes"},
    {"infra-host-ttl:", "30"},
    {"infra-keep-probing:", "yes"},
    {"harden-dnssec-stripped:", "no"},
});

int set_up(ub_ctx* context, const ResolverOptions& wanted) {
    int error = ::ub_ctx_async(context, 1);
    for (auto const& option : options) {
        if (error == 0) error = ::ub_ctx_set_option(context, option.name, option.value);
    }
    if (error != 0) return error;
    const bool has_anchor = !wanted.trust_anchor.empty();
    // Who names an anchor promises a resolver that hands signatures through: none is then a
    // forgery.
    if (has_anchor) error = ::ub_ctx_set_option(context, "harden-dnssec-stripped:", "yes");
    if (error == 0 && has_anchor) {
        error = ::ub_ctx_add_ta_file(context, wanted.trust_anchor.c_str());
    }
    if (error != 0) return error;
    if (!wanted.forward.empty()) {
        if (!has_anchor) error = ::ub_ctx_set_option(context, "module-config:", "iterator");
        if (error == 0) error = ::ub_ctx_set_fwd(context, wanted.forward.c_str());
        // Names that libunbound answers by itself, but a laboratory may serve.
        for (auto const* const zone : {"test.", "127.in-addr.arpa."}) {
            if (error == 0) error = ::ub_ctx_zone_remove(context, zone);
        }
        return error;
    }
    // Without the files: as the C library does it.
    error = std::filesystem::exists("/etc/resolv.conf") ? ::ub_ctx_resolvconf(context, nullptr)
                                                        : ::ub_ctx_set_fwd(context, "127.0.0.1");
    if (error == 0 && std::filesystem::exists("/etc/hosts")) {
        error = ::ub_ctx_hosts(context, nullptr);
    }
    if (error == 0 && !has_anchor && std::filesystem::exists(root_anchor)) {
        error = ::ub_ctx_add_ta_file(context, root_anchor);
    }
    return error;
}

}  // namespace

Result<void> check_trust_anchor(const std::string& file) {
    if (file.empty()) return {};
    auto const doing = "reading the DNSSEC trust anchors in " + file;
    std::ifstream stream(file);
    if (!stream) return fault(FaultKind::Input, doing, "no such file, or not readable");
    std::string word;
    for (int words = 0; words < kMostAnchorWords && stream >> word; ++words) {
        if (word == "DS" || word == "DNSKEY") return {};
    }
    return fault(FaultKind::Input, doing, "there is no DS or DNSKEY record in it");
}

Result<std::unique_ptr<Resolver>> make_resolver(const ResolverOptions& options_wanted) {
    auto* const context = ::ub_ctx_create();
    if (context == nullptr) return fault(FaultKind::System, "starting the resolver", "libunbound");
    auto pump = std::make_shared<Pump>(context);
    if (auto checked = check_trust_anchor(options_wanted.trust_anchor); !checked) {
        return std::unexpected(checked.error());
    }
    if (auto const error = set_up(context, options_wanted); error != 0) {
        return fault(FaultKind::System, "starting the resolver " + options_wanted.forward,
                     ::ub_strerror(error));
    }
    pump->start();
    return std::make_unique<UnboundResolver>(std::move(pump), options_wanted.deadline);
}

}  // namespace valija::net
