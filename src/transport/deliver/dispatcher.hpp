// Takes what is due from the queue and starts deliveries, within the bounds of the settings.
//
// Promise: at most `delivery.concurrency` batches at once and `delivery.per_domain` for one domain;
// nothing due waits longer than it must: a commit, the end of a batch and the next due time each
// wake the dispatcher. Thread: its state lives on loop 0; wake() from any thread.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "platform/net/loops.hpp"
#include "platform/net/task_group.hpp"
#include "transport/deliver/parts.hpp"

namespace valija::deliver {

class Batch;

class Dispatcher : public std::enable_shared_from_this<Dispatcher> {
  public:
    static std::shared_ptr<Dispatcher> start(Parts parts, net::Loops& loops, net::TaskGroup& tasks);

    void wake();

    // No new batches; those that run go on (the task group ends them).
    void stop();

  private:
    class Slot;

    Dispatcher(Parts parts, net::Loops& loops, net::TaskGroup& tasks);
    static Task<void> run(std::shared_ptr<Dispatcher> self);
    static Task<void> work(std::shared_ptr<Slot> slot, std::shared_ptr<Batch> batch);
    Task<bool> lease_some();
    Task<void> rest(bool everything_leased);
    void start_batches(std::vector<queue::Lease> leases);
    std::vector<queue::Lease> start_domain(const std::string& domain,
                                           std::vector<queue::Lease> leases);
    bool spawn(std::vector<queue::Lease> leases);
    void ended(const std::string& domain);
    size_t free_slots() const;
    size_t free_slots(const std::string& domain) const;

    Parts parts_;
    net::Loops& loops_;
    net::TaskGroup& tasks_;
    boost::asio::steady_timer timer_;
    std::atomic<bool> wanted_{false};
    std::atomic<bool> stopping_{false};
    size_t active_ = 0;
    std::map<std::string, size_t> active_by_domain_;
};

}  // namespace valija::deliver
