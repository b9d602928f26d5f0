#include "control/service/control.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>

#include "control/service/internal/wire.hpp"

namespace asio = boost::asio;

namespace valija::service {
namespace {

using Protocol = asio::local::stream_protocol;
constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);
constexpr auto deadline = std::chrono::seconds(10);
constexpr size_t longest_request = 64UL << 10U;

// Somebody of another account must not steer this server, whatever the file's mode became.
bool may_ask(Protocol::socket& socket) {
    ucred peer{};
    socklen_t size = sizeof(peer);
    if (getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        return false;
    }
    return peer.uid == 0 || peer.uid == geteuid();
}

bool answers(const std::string& path) {
    asio::io_context context;
    Protocol::socket socket(context);
    boost::system::error_code error;
    socket.connect(Protocol::endpoint(path), error);
    return !error;
}

// A socket file that a killed server left behind is replaced; a living server's is not.
Result<void> make_room(const std::string& path) {
    struct stat status{};
    if (lstat(path.c_str(), &status) != 0) return {};
    const std::string doing = "opening the control socket " + path;
    if (!S_ISSOCK(status.st_mode)) {
        return fault(FaultKind::System, doing, "another file has its name");
    }
    if (answers(path)) return fault(FaultKind::System, doing, "a server is running here already");
    if (unlink(path.c_str()) != 0) return system_fault(doing, errno);
    return {};
}

// The accepted socket with its deadline; lives as long as its task.
struct Link {
    explicit Link(Protocol::socket accepted)
        : socket(std::move(accepted)), timer(socket.get_executor()) {}

    Protocol::socket socket;
    asio::steady_timer timer;
};

// Closes the socket at the deadline: the pending operation then ends.
void watch(const std::shared_ptr<Link>& link) {
    link->timer.expires_after(deadline);
    link->timer.async_wait([weak = std::weak_ptr(link)](boost::system::error_code error) {
        const auto still = weak.lock();
        if (error || !still) return;
        boost::system::error_code ignored;
        still->socket.close(ignored);
    });
}

Task<void> converse(std::shared_ptr<Link> link, ControlServer::Handler handler) {
    watch(link);
    std::string received;
    const auto [failed, length] = co_await asio::async_read_until(
        link->socket, asio::dynamic_buffer(received, longest_request), '\n', as_tuple);
    link->timer.cancel();
    if (failed) co_return;
    const auto request = parse_request(std::string_view(received).substr(0, length));
    Answer answer{.exit_status = 64, .out = {}, .err = "The request is malformed.\n"};
    if (request) answer = co_await handler(*request);
    const std::string line = answer_line(answer);
    watch(link);
    co_await asio::async_write(link->socket, asio::buffer(line), as_tuple);
    link->timer.cancel();
}

}  // namespace

std::string Request::argument(const std::string& name) const {
    const auto found = arguments.find(name);
    return found == arguments.end() ? std::string() : found->second;
}

struct ControlServer::State {
    State(const asio::any_io_executor& executor, net::TaskGroup& group, Handler answering)
        : acceptor(executor), tasks(group), handler(std::move(answering)) {}

    Protocol::acceptor acceptor;
    net::TaskGroup& tasks;
    Handler handler;
    std::string path;
    std::atomic<bool> is_closed{false};

    static Task<void> accept_all(std::shared_ptr<State> state);
};

Task<void> ControlServer::State::accept_all(std::shared_ptr<State> state) {
    while (!state->is_closed) {
        auto [error, socket] = co_await state->acceptor.async_accept(as_tuple);
        if (state->is_closed || error == asio::error::operation_aborted) co_return;
        if (error) {
            // Out of descriptors, most likely: wait rather than spin.
            co_await net::pause(std::chrono::milliseconds(100));
            continue;
        }
        if (!may_ask(socket)) continue;
        auto link = std::make_shared<Link>(std::move(socket));
        state->tasks.spawn(link->socket.get_executor(), converse(link, state->handler));
    }
}

Result<std::unique_ptr<ControlServer>> ControlServer::open(const asio::any_io_executor& executor,
                                                           const std::string& socket_path,
                                                           net::TaskGroup& tasks, Handler handler) {
    const std::string doing = "opening the control socket " + socket_path;
    if (socket_path.size() >= sizeof(sockaddr_un::sun_path)) {
        return fault(FaultKind::Input, doing,
                     fmt::format("the path is too long (at most {} bytes); use a shorter --home",
                                 sizeof(sockaddr_un::sun_path) - 1));
    }
    if (auto room = make_room(socket_path); !room) return std::unexpected(room.error());
    auto state = std::make_shared<State>(executor, tasks, std::move(handler));
    boost::system::error_code error;
    state->acceptor.open(Protocol(), error);
    if (error) return system_fault(doing, error.value());
    // Before bind: Linux gives the file the mode of the socket, so it is never open to others.
    if (fchmod(state->acceptor.native_handle(), 0660) != 0) return system_fault(doing, errno);
    state->acceptor.bind(Protocol::endpoint(socket_path), error);
    if (!error) state->acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) return system_fault(doing, error.value());
    state->path = socket_path;
    if (!tasks.spawn(executor, State::accept_all(state))) {
        unlink(socket_path.c_str());
        return fault(FaultKind::Stopped, doing, "the server is stopping");
    }
    return std::unique_ptr<ControlServer>(new ControlServer(std::move(state)));
}

ControlServer::ControlServer(std::shared_ptr<State> state) : state_(std::move(state)) {}

// From any thread: the acceptor belongs to its loop.
void ControlServer::close() {
    if (state_->is_closed.exchange(true)) return;
    unlink(state_->path.c_str());
    asio::post(state_->acceptor.get_executor(), [state = state_] {
        boost::system::error_code ignored;
        state->acceptor.close(ignored);
    });
}

ControlServer::~ControlServer() { close(); }

}  // namespace valija::service
