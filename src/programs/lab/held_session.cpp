#include "programs/lab/held_session.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <optional>

#include "platform/net/task_group.hpp"
#include "trust/channel/connection.hpp"

namespace valija::lab {
namespace {

namespace asio = boost::asio;

constexpr Duration kDeadline = std::chrono::seconds(20);
constexpr size_t kLongestLine = 2000;
constexpr auto kName = "held.lab.example";

Task<Result<std::string>> read_reply(channel::Connection* connection) {
    while (true) {
        const auto line = co_await connection->read_line(kLongestLine);
        if (!line) co_return std::unexpected(line.error());
        if (line->text.size() < 4 || line->text[3] != '-') co_return std::string(line->text);
    }
}

Task<Result<std::string>> speak(channel::Connection* connection, std::string command) {
    connection->within(kDeadline);
    command += "\r\n";
    const auto written = co_await connection->write(command);
    if (!written) co_return std::unexpected(written.error());
    co_return co_await read_reply(connection);
}

Task<Result<x509::Evidence>> begin(channel::Connection* connection,
                                   std::shared_ptr<const channel::TlsContext> context) {
    connection->within(kDeadline);
    if (auto greeting = co_await read_reply(connection); !greeting) {
        co_return std::unexpected(greeting.error());
    }
    const std::string commands[] = {std::string("EHLO ") + kName, "STARTTLS"};
    for (const std::string& command : commands) {
        const auto reply = co_await speak(connection, command);
        if (!reply) co_return std::unexpected(reply.error());
        if (!reply->starts_with('2')) co_return fault(FaultKind::Network, command, *reply);
    }
    co_return co_await connection->connect_tls(std::move(context), "");
}

template <class T>
Task<void> keep(Task<Result<T>> task, std::optional<Result<T>>* out) {
    out->emplace(co_await std::move(task));
}

}  // namespace

struct HeldSession::Inside {
    asio::io_context loop{1};
    net::TaskGroup tasks{"held", 1, observe::Log(observe::make_null_sink())};
    channel::Connection connection;
    std::optional<x509::Certificate> shown;

    explicit Inside(const Place& server, boost::system::error_code& error)
        : connection(connected(loop, server, error)) {}

    static asio::ip::tcp::socket connected(asio::io_context& loop, const Place& server,
                                           boost::system::error_code& error) {
        asio::ip::tcp::socket socket(loop);
        const auto address = asio::ip::make_address(server.address, error);
        if (!error) socket.connect({address, server.port}, error);
        return socket;
    }

    template <class T>
    Result<T> run(Task<Result<T>> task) {
        std::optional<Result<T>> out;
        tasks.spawn(loop.get_executor(), keep(std::move(task), &out));
        loop.restart();
        while (!out && loop.run_one() > 0) {
        }
        loop.poll();  // the task's own end; the deadline's timer is not waited for
        return out ? std::move(*out) : fault(FaultKind::Stopped, "speaking with a server");
    }
};

HeldSession::HeldSession(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}

HeldSession::HeldSession(HeldSession&& other) noexcept = default;

HeldSession::~HeldSession() = default;

Result<HeldSession> HeldSession::open(const Place& server) {
    const auto context = channel::TlsContext::client({});
    if (!context) return std::unexpected(context.error());
    boost::system::error_code error;
    auto inside = std::make_unique<Inside>(server, error);
    if (error) return fault(FaultKind::Network, "connecting to " + server.text(), error.message());
    const auto evidence = inside->run(begin(&inside->connection, *context));
    if (!evidence) return std::unexpected(evidence.error());
    if (evidence->peer_chain.empty()) return fault(FaultKind::Network, "no certificate was shown");
    inside->shown = evidence->peer_chain.front();
    HeldSession session(std::move(inside));
    if (auto said = session.say(std::string("EHLO ") + kName); !said) {
        return std::unexpected(said.error());
    }
    return session;
}

const x509::Certificate& HeldSession::shown() const { return *inside_->shown; }

Result<std::string> HeldSession::say(const std::string& command) {
    return inside_->run(speak(&inside_->connection, command));
}

}  // namespace valija::lab
