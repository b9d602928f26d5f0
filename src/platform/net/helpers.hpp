// A few threads beside the loops, for what would hold a loop up.
//
// Promise: run() suspends its caller, runs `work` on one of the threads, and resumes the caller on
// its own loop. Nobody else runs on the caller's behalf meanwhile; a cancellation waits until the
// work is done, so the work must end by itself. Not here: deadlines.
// The destructor waits for the threads. Drain the tasks first (task_group.hpp), and destroy this
// before the loops: a thread may be within its last post to one. Thread: any.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <functional>

#include "platform/base/task.hpp"

namespace valija::net {

class Helpers {
  public:
    explicit Helpers(size_t threads) : threads_(threads) {}

    ~Helpers() { threads_.join(); }

    Helpers(const Helpers&) = delete;
    Helpers& operator=(const Helpers&) = delete;

    Task<void> run(std::function<void()> work);

  private:
    boost::asio::thread_pool threads_;
};

}  // namespace valija::net
