#include <boost/asio/ip/tcp.hpp>

#include "trust/channel/internal/connection_state.hpp"

namespace valija::channel::internal {

void Watchdog::within(Duration deadline) {
    deadline_ = std::chrono::steady_clock::now() + deadline;
    if (waiting_) arm();
}

bool Watchdog::begin_wait() {
    if (deadline_ == SteadyTime::max()) return true;
    if (std::chrono::steady_clock::now() >= deadline_) return false;
    waiting_ = true;
    arm();
    return true;
}

bool Watchdog::end_wait() {
    waiting_ = false;
    return !bitten_;
}

void Watchdog::forget_socket() {
    socket_ = nullptr;
    ++armings_;
    timer_.cancel();
}

void Watchdog::arm() {
    if (armed_ && set_for_ <= deadline_) return;
    armed_ = true;
    set_for_ = deadline_;
    timer_.expires_at(deadline_);
    timer_.async_wait([self = shared_from_this(), arming = ++armings_](
                          const boost::system::error_code&) { self->ring(arming); });
}

void Watchdog::ring(unsigned long arming) {
    if (arming != armings_) return;  // set anew, or the connection is gone
    armed_ = false;
    if (!waiting_) return;
    if (std::chrono::steady_clock::now() < deadline_) return arm();
    bitten_ = true;
    boost::system::error_code ignored;
    socket_->close(ignored);
}

}  // namespace valija::channel::internal
