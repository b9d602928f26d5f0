#include "platform/net/task_group.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <condition_variable>
#include <map>
#include <mutex>

#include "platform/base/result.hpp"

namespace valija::net {

namespace asio = boost::asio;

namespace {

// How often cancellation is repeated for tasks that do not end at the first.
constexpr Duration cancel_again = std::chrono::seconds(1);

struct Running {
    asio::any_io_executor executor;
    std::shared_ptr<asio::cancellation_signal> signal;
};

}  // namespace

struct TaskGroup::State {
    State(std::string group, size_t most, observe::Log events)
        : name(std::move(group)), limit(most), log(std::move(events)) {}

    // The place of a task among the running; free again when the task's frame is gone, in
    // whichever way it went.
    class Seat {
      public:
        Seat(std::shared_ptr<State> state, unsigned long id) : state_(std::move(state)), id_(id) {}

        Seat(Seat&&) noexcept = default;
        Seat& operator=(Seat&&) = delete;
        Seat(const Seat&) = delete;
        Seat& operator=(const Seat&) = delete;

        ~Seat() {
            if (!state_) return;
            std::scoped_lock const lock(state_->mutex);
            state_->running.erase(id_);
            if (state_->running.empty()) state_->emptied.notify_all();
        }

        State& state() const { return *state_; }

      private:
        std::shared_ptr<State> state_;
        unsigned long id_;
    };

    static Task<void> attend(Seat seat, Task<void> task);

    void cancel_all() {
        for (auto const& [id, task] : running) {
            asio::post(task.executor,
                       [signal = task.signal] { signal->emit(asio::cancellation_type::terminal); });
        }
    }

    const std::string name;
    const size_t limit;
    const observe::Log log;

    std::mutex mutex;
    std::condition_variable emptied;
    std::map<unsigned long, Running> running;
    unsigned long last_id = 0;
    bool closed = false;
    bool cancelled = false;
};

// Runs the task and reports what escapes from it. The seat is the first parameter: destroyed last.
Task<void> TaskGroup::State::attend(Seat seat, Task<void> task) {
    std::string trouble;
    try {
        co_await std::move(task);
        co_return;
    } catch (const boost::system::system_error& error) {
        if (error.code() == asio::error::operation_aborted) {
            std::scoped_lock const lock(seat.state().mutex);
            if (seat.state().cancelled) co_return;
        }
        trouble = error.what();
    } catch (const std::exception& error) {
        trouble = error.what();
    } catch (...) {
        trouble = "unknown exception";
    }
    seat.state().log.emit(observe::Event::ServerFault,
                          {{"task", seat.state().name}, {"text", trouble}});
}

TaskGroup::TaskGroup(std::string name, size_t limit, observe::Log log)
    : state_(std::make_shared<State>(std::move(name), limit, std::move(log))) {}

TaskGroup::~TaskGroup() { VALIJA_ENSURE(size() == 0, "a task group is drained before it ends"); }

bool TaskGroup::spawn(const asio::any_io_executor& executor, Task<void> task) {
    auto signal = std::make_shared<asio::cancellation_signal>();
    unsigned long id = 0;
    {
        std::scoped_lock const lock(state_->mutex);
        if (state_->closed || state_->running.size() >= state_->limit) return false;
        id = ++state_->last_id;
        state_->running.emplace(id, Running{executor, signal});
    }
    // Started from the executor: so the signal is touched there alone. The handler keeps the signal
    // alive as long as its slot may be used.
    asio::post(executor, [executor, signal,
                          run = State::attend(State::Seat(state_, id), std::move(task))]() mutable {
        asio::co_spawn(
            executor, std::move(run),
            asio::bind_cancellation_slot(signal->slot(), [signal](const std::exception_ptr&) {}));
    });
    return true;
}

size_t TaskGroup::size() const {
    std::scoped_lock const lock(state_->mutex);
    return state_->running.size();
}

void TaskGroup::close() {
    std::scoped_lock const lock(state_->mutex);
    state_->closed = true;
}

void TaskGroup::drain(Duration deadline) {
    std::unique_lock lock(state_->mutex);
    auto const empty = [this] { return state_->running.empty(); };
    if (state_->emptied.wait_for(lock, deadline, empty)) return;
    state_->cancelled = true;
    do {
        state_->cancel_all();
    } while (!state_->emptied.wait_for(lock, cancel_again, empty));
}

Task<bool> pause(Duration duration) {
    asio::steady_timer timer(co_await asio::this_coro::executor, duration);
    auto const [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return !error;
}

}  // namespace valija::net
