#include "platform/net/loops.hpp"

#include <algorithm>
#include <csignal>
#include <exception>

#include "platform/base/result.hpp"

namespace valija::net {
namespace {

void run_loop(boost::asio::io_context& context) {
    try {
        context.run();
    } catch (const std::exception& error) {
        broken_invariant("no exception escapes a handler", error.what(), __FILE__, __LINE__);
    }
}

}  // namespace

void ignore_broken_pipes() {
    static auto const once = std::signal(SIGPIPE, SIG_IGN);
    VALIJA_ENSURE(once != SIG_ERR, "SIGPIPE can be ignored");
}

Loops::Loops(size_t count) {
    ignore_broken_pipes();
    if (count == 0) count = std::max(1U, std::thread::hardware_concurrency());
    for (size_t i = 0; i < count; ++i) {
        contexts_.push_back(std::make_unique<boost::asio::io_context>(1));
        guards_.push_back(boost::asio::make_work_guard(*contexts_.back()));
    }
}

Loops::~Loops() {
    stop();
    join();
    guards_.clear();
}

void Loops::run() {
    VALIJA_ENSURE(threads_.empty(), "loops are run once");
    for (auto& context : contexts_) threads_.emplace_back([&context] { run_loop(*context); });
}

void Loops::stop() {
    for (auto& context : contexts_) context->stop();
}

void Loops::join() {
    for (auto& thread : threads_) {
        if (thread.joinable()) thread.join();
    }
}

boost::asio::io_context& Loops::next() {
    return *contexts_[turn_.fetch_add(1, std::memory_order_relaxed) % contexts_.size()];
}

}  // namespace valija::net
