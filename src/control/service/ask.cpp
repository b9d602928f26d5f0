#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <optional>

#include "control/service/internal/wire.hpp"

namespace asio = boost::asio;

namespace valija::service {
namespace {

using Protocol = asio::local::stream_protocol;
constexpr auto deadline = std::chrono::seconds(30);
constexpr size_t largest_answer = 64UL << 20U;

bool means_no_server(const boost::system::error_code& error) {
    return error == boost::system::errc::no_such_file_or_directory ||
           error == boost::system::errc::connection_refused ||
           error == boost::system::errc::not_a_directory;
}

// A unix socket's connect and small writes wait only for a server that has stopped to accept.
Result<void> connect(Protocol::socket& socket, const std::string& path) {
    boost::system::error_code error;
    socket.open(Protocol(), error);
    const timeval patience{.tv_sec = deadline.count(), .tv_usec = 0};
    if (!error) {
        setsockopt(socket.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        socket.connect(Protocol::endpoint(path), error);
    }
    if (!error) return {};
    return fault(means_no_server(error) ? FaultKind::Network : FaultKind::System,
                 "asking the server at " + path, error.message());
}

Result<std::string> read_line(asio::io_context& context, Protocol::socket& socket,
                              std::chrono::seconds patience) {
    std::string received;
    std::optional<boost::system::error_code> ended;
    asio::async_read_until(socket, asio::dynamic_buffer(received, largest_answer), '\n',
                           [&](boost::system::error_code error, size_t) { ended = error; });
    context.run_for(patience);
    if (!ended) {
        boost::system::error_code ignored;
        socket.close(ignored);
        context.restart();
        context.run();  // lets the handler end before its variables do
        return fault(FaultKind::Timeout, "waiting for the server's answer",
                     fmt::format("none came within {} seconds", patience.count()));
    }
    if (*ended) {
        return fault(FaultKind::System, "waiting for the server's answer",
                     *ended == asio::error::eof
                         ? "the server closed the connection; only the account it runs as, and "
                           "root, may ask"
                         : ended->message());
    }
    return received;
}

}  // namespace

Result<Answer> ask(const std::string& socket_path, const Request& request,
                   std::chrono::seconds patience) {
    if (socket_path.size() >= sizeof(sockaddr_un::sun_path)) {
        return fault(FaultKind::Network, "asking the server at " + socket_path,
                     "the path is too long for a socket");
    }
    asio::io_context context;
    Protocol::socket socket(context);
    if (auto connected = connect(socket, socket_path); !connected) {
        return std::unexpected(connected.error());
    }
    boost::system::error_code error;
    asio::write(socket, asio::buffer(request_line(request)), error);
    if (error) return fault(FaultKind::System, "asking the server", error.message());
    const auto line = read_line(context, socket, patience);
    if (!line) return std::unexpected(line.error());
    return parse_answer(*line);
}

}  // namespace valija::service
