// One connection: a socket, TLS on it once it has begun, one input buffer, one deadline.
//
// Promise: bytes arrive through the one input buffer; a TLS handshake begins only if it is empty
// (else Fault Input: plaintext behind STARTTLS, CVE-2011-0411), in both directions. Every wait is
// under the deadline set by within(): when it passes, the socket is closed and the wait ends with
// Fault Timeout. No session tickets, no resumption, no renegotiation, no 0-RTT; TLS 1.2 or newer.
// The handshake completes whatever the peer's certificate: judging is identity's work; a client
// certificate is requested and never demanded (EX-76).
// OpenSSL runs on the descriptor itself; no 17 KiB buffers an idle session.
// The client's certificate in TLS 1.3: a server that wants none of it says so after the client's
// handshake has succeeded; the next read_line() tells (Fault Network with OpenSSL's words).
// Thread: the loop of the socket. One operation at a time. After a Fault only close() makes sense:
// all further operations end with the same Fault.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.hpp"
#include "platform/base/task.hpp"
#include "platform/base/time.hpp"
#include "platform/net/helpers.hpp"
#include "trust/keystore/keystore.hpp"
#include "trust/x509/evidence.hpp"

namespace valija::channel {

namespace internal {
struct ConnectionState;
}

// What a server or client needs for its handshakes; made once for each certificate, shared by all
// sessions, any thread.
class TlsContext {
  public:
    // `helpers`: where handshakes run whose signature would hold the loop up (KeyHandle::is_quick);
    // null: on the loop, all of them. They must outlive the sessions.
    static Result<std::shared_ptr<const TlsContext>> server(
        std::shared_ptr<const keystore::OwnCertificate> own, net::Helpers* helpers = nullptr);
    // Of several the first is shown whose chain leads to an authority that the server names; else,
    // and where it names none, the first. None: nothing to show.
    static Result<std::shared_ptr<const TlsContext>> client(
        std::vector<std::shared_ptr<const keystore::OwnCertificate>> owns,
        net::Helpers* helpers = nullptr);
    ~TlsContext();

    // What a server shows, leaf first; of a client the first of what it may show.
    const std::vector<x509::Certificate>& own_chain() const;

    struct Internal;
    explicit TlsContext(std::unique_ptr<Internal> internal);

    const Internal& internal() const { return *internal_; }

  private:
    std::unique_ptr<Internal> internal_;
};

class Connection {
  public:
    explicit Connection(boost::asio::ip::tcp::socket socket);
    ~Connection();
    Connection(Connection&&) noexcept;

    // All waits from here must be over by then; a later call replaces it. The timer is armed
    // lazily: calling this for each command costs next to nothing.
    void within(Duration deadline);

    // A line without its CRLF; valid until the next read. A line of more than `limit` bytes is
    // skipped to its end and yields `too_long`. A bare LF or bare CR within a line makes `bare`.
    struct Line {
        std::string_view text;
        bool too_long = false;
        bool bare = false;
    };

    Task<Result<Line>> read_line(size_t limit);

    // Whether a whole line is in the buffer already: replies are held back until it is not.
    bool has_line() const;

    // Buffered bytes, reading more if there are none; consume() says how many were used.
    Task<Result<std::string_view>> peek();
    void consume(size_t count);

    Task<Result<void>> write(std::string_view bytes);  // the caller keeps `bytes` alive

    // `staple`: the OCSP answer about our certificate, for a client that asks for one (RFC 6066 8);
    // empty: none.
    Task<Result<x509::Evidence>> accept_tls(std::shared_ptr<const TlsContext> context,
                                            std::string staple = {});
    // `server_name` is sent as SNI unless it is an address or empty.
    Task<Result<x509::Evidence>> connect_tls(std::shared_ptr<const TlsContext> context,
                                             std::string server_name);

    bool is_tls() const;
    boost::asio::ip::tcp::endpoint remote() const;
    boost::asio::ip::tcp::endpoint local() const;

    // Sends close_notify if possible without waiting, and closes. The destructor does the same.
    void close();

  private:
    std::unique_ptr<internal::ConnectionState>
        state_;  // operations keep to this: a Connection may move meanwhile
};

}  // namespace valija::channel
