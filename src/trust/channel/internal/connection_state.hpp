// A connection's inside: the socket, TLS on it, the deadline. Operations come in two halves: try_…
// does what can be done at once, and wait() suspends until more can be.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "trust/channel/connection.hpp"
#include "trust/channel/internal/input_buffer.hpp"

namespace valija::channel::internal {

using SteadyTime = std::chrono::steady_clock::time_point;

// One timer that is set only when a wait begins, and left alone while its time is not past the
// deadline: a session that moves its deadline with each command touches no timer. Shared with the
// timer's handler, which may run after the connection is gone.
class Watchdog : public std::enable_shared_from_this<Watchdog> {
  public:
    explicit Watchdog(boost::asio::ip::tcp::socket& socket)
        : socket_(&socket), timer_(socket.get_executor()) {}

    void within(Duration deadline);
    bool begin_wait();  // false: the deadline has passed already
    bool end_wait();    // false: it has passed meanwhile, and the socket is closed
    void forget_socket();

  private:
    void arm();
    void ring(unsigned long arming);

    boost::asio::ip::tcp::socket* socket_;
    boost::asio::steady_timer timer_;
    SteadyTime deadline_ = SteadyTime::max();
    SteadyTime set_for_ = SteadyTime::max();
    unsigned long armings_ = 0;
    bool armed_ = false;
    bool waiting_ = false;
    bool bitten_ = false;
};

// How far an operation got without waiting.
struct Progress {
    enum class Kind { Moved, WantRead, WantWrite, Failed };
    Kind kind = Kind::Moved;
    size_t count = 0;
    Fault fault = {};  // of Failed
};

// What passed over the wire in a client's handshake.
struct Overheard {
    bool requested = false;  // a CertificateRequest came
    bool shown = false;      // a Certificate message with a certificate in it went
};

// Which of our certificates a client shows, and what the server said of whose it takes.
struct OwnChoice {
    std::shared_ptr<const keystore::OwnCertificate> own = {};  // null: nobody asked
    std::string authority = {};  // that the server named and its chain leads to
    bool fits_none = false;      // the server named authorities, and none of ours leads to one
};

struct ConnectionState {
    explicit ConnectionState(boost::asio::ip::tcp::socket given);
    ConnectionState(const ConnectionState&) = delete;
    ConnectionState& operator=(const ConnectionState&) = delete;
    ~ConnectionState();

    Progress try_read();
    Progress try_write(std::string_view bytes);
    Progress try_handshake();

    // Suspends until the socket is ready for what `progress` wants, or fails.
    static Task<Result<void>> wait(ConnectionState* self, Progress progress, const char* doing);

    // Remembers that nothing more can be done.
    std::unexpected<Fault> fail(Fault fault);
    Result<void> usable() const;
    void close();

    boost::asio::ip::tcp::socket socket;
    std::shared_ptr<Watchdog> watchdog;
    boost::asio::ip::tcp::endpoint remote;
    boost::asio::ip::tcp::endpoint local;
    InputBuffer input;
    unsigned reads_at_once = 0;  // since the task last let the others have their turn
    std::optional<Fault> broken;

    std::shared_ptr<const TlsContext> context;
    std::unique_ptr<SSL, void (*)(SSL*)> tls{nullptr, &SSL_free};
    std::string staple;  // of a server: the OCSP answer for a client that asks
    Overheard overheard;
    OwnChoice choice;
    bool established = false;  // the handshake is complete

  private:
    Progress tls_progress(int result, size_t count, const char* doing);
};

}  // namespace valija::channel::internal
