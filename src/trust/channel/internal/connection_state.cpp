#include "trust/channel/internal/connection_state.hpp"

#include <openssl/err.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "trust/channel/internal/tls_context.hpp"

namespace valija::channel::internal {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr size_t scratch_bytes = 16UL << 10U;
constexpr auto peer_closed = "the peer closed the connection";
constexpr auto reading = "reading from the peer";
constexpr auto writing = "writing to the peer";

// Bytes are read into the thread's own buffer, so that an idle session holds none.
std::array<char, scratch_bytes>& scratch() {
    thread_local std::array<char, scratch_bytes> buffer;
    return buffer;
}

Progress failed(const char* doing, std::string cause) {
    return {Progress::Kind::Failed, 0, {FaultKind::Network, doing, std::move(cause)}};
}

Progress failed(const char* doing, int error) {
    return failed(doing, system_fault(doing, error).error().cause);
}

// What a call of the plain socket returned.
Progress plain_progress(ssize_t result, Progress::Kind wanted, const char* doing) {
    if (result >= 0) return {Progress::Kind::Moved, static_cast<size_t>(result), {}};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {wanted, 0, {}};
    return failed(doing, errno);
}

}  // namespace

ConnectionState::ConnectionState(tcp::socket given)
    : socket(std::move(given)), watchdog(std::make_shared<Watchdog>(socket)) {
    boost::system::error_code ignored;
    socket.native_non_blocking(true, ignored);
    socket.set_option(tcp::no_delay(true), ignored);
    remote = socket.remote_endpoint(ignored);
    local = socket.local_endpoint(ignored);
}

ConnectionState::~ConnectionState() { close(); }

Progress ConnectionState::tls_progress(int result, size_t count, const char* doing) {
    int const error_number = errno;
    if (result > 0) return {Progress::Kind::Moved, count, {}};
    switch (SSL_get_error(tls.get(), result)) {
        case SSL_ERROR_WANT_READ:
            return {Progress::Kind::WantRead, 0, {}};
        case SSL_ERROR_WANT_WRITE:
            return {Progress::Kind::WantWrite, 0, {}};
        case SSL_ERROR_ZERO_RETURN:
            return failed(doing, peer_closed);
        case SSL_ERROR_SYSCALL:
            return error_number == 0 ? failed(doing, peer_closed) : failed(doing, error_number);
        default:
            break;
    }
    if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        ERR_clear_error();
        return failed(doing, peer_closed);
    }
    return failed(doing, openssl_words());
}

Progress ConnectionState::try_read() {
    auto& buffer = scratch();
    Progress progress;
    if (tls) {
        size_t count = 0;
        ERR_clear_error();
        errno = 0;
        int const result = SSL_read_ex(tls.get(), buffer.data(), buffer.size(), &count);
        progress = tls_progress(result, count, reading);
    } else {
        auto const result = ::recv(socket.native_handle(), buffer.data(), buffer.size(), 0);
        progress = plain_progress(result, Progress::Kind::WantRead, reading);
        if (result == 0) progress = failed(reading, peer_closed);
    }
    input.append({buffer.data(), progress.count});
    return progress;
}

Progress ConnectionState::try_write(std::string_view bytes) {
    if (!tls) {
        auto const result =
            ::send(socket.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        return plain_progress(result, Progress::Kind::WantWrite, writing);
    }
    size_t count = 0;
    ERR_clear_error();
    errno = 0;
    int const result = SSL_write_ex(tls.get(), bytes.data(), bytes.size(), &count);
    return tls_progress(result, count, writing);
}

Progress ConnectionState::try_handshake() {
    ERR_clear_error();
    errno = 0;
    return tls_progress(SSL_do_handshake(tls.get()), 0, "TLS handshake");
}

Task<Result<void>> ConnectionState::wait(ConnectionState* self, Progress progress,
                                         const char* doing) {
    bool const read = progress.kind == Progress::Kind::WantRead;
    if (read) self->input.release();
    if (!self->watchdog->begin_wait()) {
        co_return self->fail({FaultKind::Timeout, doing, "timed out"});
    }
    auto const [error] =
        co_await self->socket.async_wait(read ? tcp::socket::wait_read : tcp::socket::wait_write,
                                         asio::as_tuple(asio::use_awaitable));
    if (!self->watchdog->end_wait()) {
        co_return self->fail({FaultKind::Timeout, doing, "timed out"});
    }
    if (error == asio::error::operation_aborted) {
        co_return self->fail({FaultKind::Stopped, doing, "stopped"});
    }
    if (error) co_return self->fail({FaultKind::Network, doing, error.message()});
    co_return Result<void>();
}

std::unexpected<Fault> ConnectionState::fail(Fault fault) {
    broken = fault;
    return std::unexpected(std::move(fault));
}

Result<void> ConnectionState::usable() const {
    if (broken) return std::unexpected(*broken);
    if (!socket.is_open()) return fault(FaultKind::Stopped, "using a connection", "it is closed");
    return {};
}

void ConnectionState::close() {
    if (established && !broken && socket.is_open()) {
        ERR_clear_error();
        SSL_shutdown(tls.get());
        ERR_clear_error();
    }
    watchdog->forget_socket();
    boost::system::error_code ignored;
    socket.close(ignored);
    tls.reset();
}

}  // namespace valija::channel::internal
