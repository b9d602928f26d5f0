#include "trust/channel/connection.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "trust/channel/internal/connection_state.hpp"
#include "trust/channel/internal/handshake.hpp"

namespace valija::channel {

using boost::asio::ip::tcp;
using internal::Progress;

namespace {

using State = internal::ConnectionState;

// A peer that is faster than we are must not keep the loop for itself.
constexpr unsigned kReadsInATurn = 16;

Task<void> let_others_go(State* state) {
    if (++state->reads_at_once < kReadsInATurn) co_return;
    state->reads_at_once = 0;
    co_await boost::asio::post(state->socket.get_executor(), boost::asio::use_awaitable);
}

// Reads what there is, waiting for it if there is nothing.
Task<Result<void>> fill(State* state) {
    co_await let_others_go(state);
    while (true) {
        auto progress = state->try_read();
        if (progress.kind == Progress::Kind::Moved) co_return Result<void>();
        if (progress.kind == Progress::Kind::Failed)
            co_return state->fail(std::move(progress.fault));
        auto const waited =
            co_await State::wait(state, std::move(progress), "reading from the peer");
        if (!waited) co_return waited;
    }
}

Task<Result<Connection::Line>> read_line_on(State* state, size_t limit) {
    if (auto const usable = state->usable(); !usable) co_return std::unexpected(usable.error());
    while (true) {
        if (auto const line = state->input.next_line(limit)) {
            co_return Connection::Line{line->text, line->too_long, line->bare};
        }
        auto const filled = co_await fill(state);
        if (!filled) co_return std::unexpected(filled.error());
    }
}

Task<Result<std::string_view>> peek_on(State* state) {
    if (auto const usable = state->usable(); !usable) co_return std::unexpected(usable.error());
    if (state->input.view().empty()) {
        auto const filled = co_await fill(state);
        if (!filled) co_return std::unexpected(filled.error());
    }
    co_return state->input.view();
}

Task<Result<void>> write_on(State* state, std::string_view bytes) {
    if (auto const usable = state->usable(); !usable) co_return usable;
    while (!bytes.empty()) {
        auto progress = state->try_write(bytes);
        if (progress.kind == Progress::Kind::Failed)
            co_return state->fail(std::move(progress.fault));
        if (progress.kind == Progress::Kind::Moved) {
            bytes.remove_prefix(progress.count);
            continue;
        }
        auto const waited = co_await State::wait(state, std::move(progress), "writing to the peer");
        if (!waited) co_return waited;
    }
    co_return Result<void>();
}

}  // namespace

Connection::Connection(tcp::socket socket) : state_(std::make_unique<State>(std::move(socket))) {}

Connection::~Connection() = default;

Connection::Connection(Connection&&) noexcept = default;

void Connection::within(Duration deadline) { state_->watchdog->within(deadline); }

Task<Result<Connection::Line>> Connection::read_line(size_t limit) {
    return read_line_on(state_.get(), limit);
}

bool Connection::has_line() const { return state_->input.has_line(); }

Task<Result<std::string_view>> Connection::peek() { return peek_on(state_.get()); }

void Connection::consume(size_t count) { state_->input.consume(count); }

Task<Result<void>> Connection::write(std::string_view bytes) {
    return write_on(state_.get(), bytes);
}

Task<Result<x509::Evidence>> Connection::accept_tls(std::shared_ptr<const TlsContext> context,
                                                    std::string staple) {
    state_->staple = std::move(staple);
    return internal::start_tls(state_.get(), std::move(context), TlsContext::Internal::Role::Server,
                               {});
}

Task<Result<x509::Evidence>> Connection::connect_tls(std::shared_ptr<const TlsContext> context,
                                                     std::string server_name) {
    return internal::start_tls(state_.get(), std::move(context), TlsContext::Internal::Role::Client,
                               std::move(server_name));
}

bool Connection::is_tls() const { return state_->established; }

tcp::endpoint Connection::remote() const { return state_->remote; }

tcp::endpoint Connection::local() const { return state_->local; }

void Connection::close() { state_->close(); }

}  // namespace valija::channel
