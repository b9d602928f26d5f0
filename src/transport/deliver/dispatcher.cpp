#include "transport/deliver/dispatcher.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "transport/deliver/batch.hpp"

namespace valija::deliver {
namespace {

// Messages leased for one free session: enough to reuse connections, little enough to be fair.
constexpr size_t kLeasesPerSession = 8;
constexpr Duration kAfterFault = std::chrono::seconds(5);
constexpr Duration kShortest = std::chrono::milliseconds(100);
constexpr Duration kLongest = std::chrono::minutes(5);

}  // namespace

// A batch's place; given back on loop 0 when the batch ends, however it ends.
class Dispatcher::Slot {
  public:
    Slot(std::shared_ptr<Dispatcher> owner, std::string domain)
        : owner_(std::move(owner)), domain_(std::move(domain)) {}

    ~Slot() {
        boost::asio::post(owner_->loops_.at(0),
                          [owner = owner_, domain = domain_] { owner->ended(domain); });
    }

    const Dispatcher& owner() const { return *owner_; }

    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

  private:
    std::shared_ptr<Dispatcher> owner_;
    std::string domain_;
};

Dispatcher::Dispatcher(Parts parts, net::Loops& loops, net::TaskGroup& tasks)
    : parts_(std::move(parts)), loops_(loops), tasks_(tasks), timer_(loops.at(0)) {}

std::shared_ptr<Dispatcher> Dispatcher::start(Parts parts, net::Loops& loops,
                                              net::TaskGroup& tasks) {
    std::shared_ptr<Dispatcher> self(new Dispatcher(std::move(parts), loops, tasks));
    self->parts_.spool.on_work([weak = std::weak_ptr(self)] {
        if (const auto dispatcher = weak.lock()) {
            dispatcher->wake();
        }
    });
    const bool spawned = tasks.spawn(loops.at(0).get_executor(), run(self));
    VALIJA_ENSURE(spawned, "the dispatcher starts before its group closes");
    return self;
}

void Dispatcher::wake() {
    if (!wanted_.exchange(true)) {
        boost::asio::post(loops_.at(0), [self = shared_from_this()] { self->timer_.cancel(); });
    }
}

void Dispatcher::stop() {
    stopping_ = true;
    wake();
}

Task<void> Dispatcher::run(std::shared_ptr<Dispatcher> self) {
    while (!self->stopping_) {
        self->wanted_ = false;
        const bool everything_leased = co_await self->lease_some();
        co_await self->rest(everything_leased);
    }
}

size_t Dispatcher::free_slots() const {
    const auto limit =
        static_cast<size_t>(parts_.world.get()->directory.server.delivery_concurrency);
    return limit > active_ ? limit - active_ : 0;
}

size_t Dispatcher::free_slots(const std::string& domain) const {
    const auto limit =
        static_cast<size_t>(parts_.world.get()->directory.server.delivery_per_domain);
    const auto found = active_by_domain_.find(domain);
    const size_t active = found == active_by_domain_.end() ? 0 : found->second;
    return limit > active ? limit - active : 0;
}

// True: nothing more is due now, but for domains that are at their limit.
Task<bool> Dispatcher::lease_some() {
    const size_t free = free_slots();
    if (free == 0) {
        co_return true;  // the end of a batch wakes us
    }
    std::set<std::string> full;
    for (const auto& [domain, active] : active_by_domain_) {
        if (free_slots(domain) == 0) {
            full.insert(domain);
        }
    }
    const size_t limit = free * kLeasesPerSession;
    auto leases = co_await parts_.spool.lease(
        parts_.clock.now(), limit,
        [full = std::move(full)](const std::string& domain) { return full.contains(domain); });
    if (!leases) {
        parts_.log.emit(observe::Event::ServerFault, {{"text", leases.error().text()}});
        co_await net::pause(kAfterFault);
        co_return true;
    }
    const bool everything = leases->size() < limit;
    start_batches(std::move(*leases));
    co_return everything;
}

// Until something becomes due, or somebody wakes us.
Task<void> Dispatcher::rest(bool everything_leased) {
    if (!everything_leased && free_slots() > 0) {
        co_return;
    }
    Duration wait = kLongest;
    if (free_slots() > 0) {
        const auto due = co_await parts_.spool.next_due();
        if (due && *due) {
            wait = std::clamp(std::chrono::duration_cast<Duration>(**due - parts_.clock.now()),
                              kShortest, kLongest);
        }
    }
    if (wanted_ || stopping_) {
        co_return;
    }
    timer_.expires_after(wait);
    co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
}

void Dispatcher::start_batches(std::vector<queue::Lease> leases) {
    std::map<std::string, std::vector<queue::Lease>> by_domain;
    for (queue::Lease& lease : leases) {
        by_domain[lease.domain].push_back(std::move(lease));
    }
    for (auto& [domain, of_domain] : by_domain) {
        for (const queue::Lease& lease : start_domain(domain, std::move(of_domain))) {
            parts_.spool.release(lease);
        }
    }
}

// Spreads a domain's messages over its free sessions; gives back what found no place.
std::vector<queue::Lease> Dispatcher::start_domain(const std::string& domain,
                                                   std::vector<queue::Lease> leases) {
    while (!leases.empty()) {
        const size_t sessions = std::min(free_slots(), free_slots(domain));
        if (sessions == 0) {
            break;
        }
        const size_t share = (leases.size() + sessions - 1) / sessions;
        const auto from = leases.end() - static_cast<std::ptrdiff_t>(share);
        std::vector<queue::Lease> batch(std::make_move_iterator(from),
                                        std::make_move_iterator(leases.end()));
        leases.erase(from, leases.end());
        if (!spawn(std::move(batch))) {
            break;
        }
    }
    return leases;
}

bool Dispatcher::spawn(std::vector<queue::Lease> leases) {
    const std::string domain = leases.front().domain;
    ++active_;
    ++active_by_domain_[domain];
    auto slot = std::make_shared<Slot>(shared_from_this(), domain);
    auto batch = std::make_shared<Batch>(parts_.spool, domain, std::move(leases));
    return tasks_.spawn(loops_.next().get_executor(), work(std::move(slot), std::move(batch)));
}

// Both are arguments, so that they end well even if the task never runs.
Task<void> Dispatcher::work(std::shared_ptr<Slot> slot, std::shared_ptr<Batch> batch) {
    co_await deliver_batch(&slot->owner().parts_, std::move(batch));
}

void Dispatcher::ended(const std::string& domain) {
    VALIJA_ENSURE(active_ > 0 && active_by_domain_.contains(domain), "a batch ends once");
    --active_;
    if (--active_by_domain_[domain] == 0) {
        active_by_domain_.erase(domain);
    }
    wake();
}

}  // namespace valija::deliver
