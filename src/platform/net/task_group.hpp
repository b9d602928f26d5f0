// The owner of running tasks: the only place that calls co_spawn.
//
// Promise: every task is counted and bounded; one that ends by exception is reported as
// server.fault and ends alone. close(): no more tasks. drain(): waits until all have ended, after
// the deadline emits terminal cancellation and waits again, however long it takes. The destructor
// ensures emptiness. A cancelled task is left by an exception at its next co_await that waits; that
// is no fault. Drain before the loops are stopped: what cannot run cannot end.
// Thread: spawn() from any thread (the task runs on the executor given); the others from any.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <memory>
#include <string>

#include "platform/base/task.hpp"
#include "platform/base/time.hpp"
#include "platform/observe/log.hpp"

namespace valija::net {

class TaskGroup {
  public:
    TaskGroup(std::string name, size_t limit, observe::Log log);
    ~TaskGroup();
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    // False, and the task is destroyed unrun, when closed or at the limit.
    bool spawn(const boost::asio::any_io_executor& executor, Task<void> task);

    size_t size() const;
    void close();

    // Blocks the calling thread (never a loop's).
    void drain(Duration deadline);

  private:
    struct State;
    std::shared_ptr<State> state_;
};

// Suspends for a while; returns early (false) when cancelled.
Task<bool> pause(Duration duration);

}  // namespace valija::net
