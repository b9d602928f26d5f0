// Event loops: one io_context per core, each on its own thread; a session lives and dies on one.
//
// Promise: run() starts the threads, stop() ends the loops, join() waits. An exception that
// escapes a handler stops the process (broken invariant): tasks catch theirs in TaskGroup.
// Stop only what has been drained: a task still waiting on a stopped loop ends with its loop, in
// the destructor, without being resumed.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace valija::net {

// A peer that closed early must not end the process: OpenSSL writes with write(2), which raises
// SIGPIPE. Called by everything that lets OpenSSL write; the first call decides. Any thread.
void ignore_broken_pipes();

class Loops {
  public:
    explicit Loops(size_t count);  // 0 = number of cores
    ~Loops();                      // stops and joins
    Loops(const Loops&) = delete;
    Loops& operator=(const Loops&) = delete;

    void run();
    void stop();
    void join();

    size_t size() const { return contexts_.size(); }

    boost::asio::io_context& at(size_t index) { return *contexts_.at(index); }

    boost::asio::io_context& next();  // round robin, any thread

  private:
    std::vector<std::unique_ptr<boost::asio::io_context>> contexts_;
    std::vector<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> guards_;
    std::vector<std::thread> threads_;
    std::atomic<size_t> turn_{0};
};

}  // namespace valija::net
