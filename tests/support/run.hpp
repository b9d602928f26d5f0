// Runs coroutines in tests.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>

#include "platform/base/task.hpp"

namespace valija::test {

template <class T>
Task<void> keep(Task<T> task, std::optional<T>* out) {
    out->emplace(co_await std::move(task));
}

inline void rethrow(const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
}

// Starts the task; its value will be in `out` once the context has run it.
template <class T>
void start(boost::asio::io_context& context, Task<T> task, std::optional<T>& out) {
    boost::asio::co_spawn(context, keep(std::move(task), &out), rethrow);
}

inline void start(boost::asio::io_context& context, Task<void> task) {
    boost::asio::co_spawn(context, std::move(task), rethrow);
}

// The task's value; runs the context until it is there.
template <class T>
T run(boost::asio::io_context& context, Task<T> task) {
    std::optional<T> out;
    start(context, std::move(task), out);
    context.restart();
    while (!out && context.run_one() > 0) {
    }
    return std::move(out.value());
}

// Never destroyed: the thread that posted the value may still be within post() when it is here.
inline boost::asio::io_context& lasting_context() {
    static auto* const context = new boost::asio::io_context(1);
    return *context;
}

template <class T>
T run(Task<T> task) {
    return run(lasting_context(), std::move(task));
}

}  // namespace valija::test
