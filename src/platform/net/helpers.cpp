#include "platform/net/helpers.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace valija::net {

namespace asio = boost::asio;

Task<void> Helpers::run(std::function<void()> work) {
    auto elsewhere = [this, &work](auto caller) {
        const auto loop = asio::get_associated_executor(caller);
        asio::post(threads_, [&work, loop, is_busy = asio::make_work_guard(loop),
                              caller = std::move(caller)]() mutable {
            work();
            // All that refers to the loop goes there with the caller: it may end right after.
            asio::post(loop, [is_busy = std::move(is_busy), caller = std::move(caller)]() mutable {
                is_busy.reset();
                std::move(caller)();
            });
        });
    };
    co_await asio::async_initiate<decltype(asio::use_awaitable), void()>(elsewhere,
                                                                         asio::use_awaitable);
}

}  // namespace valija::net
