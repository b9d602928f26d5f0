#include "control/service/metrics_server.hpp"

#include <array>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <set>

#include "platform/net/endpoint.hpp"

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace valija::service {
namespace {

using tcp = asio::ip::tcp;
using Stream = boost::beast::tcp_stream;
using Parser = http::request_parser<http::empty_body>;
using Response = http::response<http::string_body>;

constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);
constexpr size_t longest_header = 8UL << 10U;
constexpr size_t most_dropped = 256U << 10U;
constexpr auto breath = std::chrono::milliseconds(100);  // when no descriptor is left
constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";

Response short_answer(http::status status, std::string words) {
    Response response(status, 11);
    response.set(http::field::content_type, "text/plain; charset=utf-8");
    response.body() = std::move(words) + "\n";
    return response;
}

Response answer_to_malformed(const boost::system::error_code& error) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
        return short_answer(http::status::request_header_fields_too_large,
                            "The header of the request is too long.");
    }
    return short_answer(http::status::bad_request, "The request is malformed.");
}

// Whether the client wrote something that deserves an answer: silence and a broken connection do
// not.
bool is_malformed(const boost::system::error_code& error) {
    return error.category() == http::make_error_code(http::error::bad_method).category() &&
           error != http::error::end_of_stream && error != http::error::partial_message;
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

bool asks_for_metrics(const Parser::value_type& request) {
    const auto method = request.method();
    const auto target = request.target();
    return (method == http::verb::get || method == http::verb::head) &&
           path_of({target.data(), target.size()}) == "/metrics";
}

Response refusal_of(const Parser::value_type& request) {
    const auto target = request.target();
    if (path_of({target.data(), target.size()}) != "/metrics") {
        return short_answer(http::status::not_found, "There is only /metrics here.");
    }
    Response response =
        short_answer(http::status::method_not_allowed, "Only GET and HEAD are answered.");
    response.set(http::field::allow, "GET, HEAD");
    return response;
}

}  // namespace

struct MetricsServer::State {
    State(const asio::any_io_executor& executor, net::TaskGroup& group, Text give,
          MetricsLimits bounds)
        : acceptor(executor), tasks(group), text(std::move(give)), limits(bounds) {}

    // A connection with its place among those that are open; lives as long as its task.
    struct Visit {
        Visit(std::shared_ptr<State> host, tcp::socket socket)
            : state(std::move(host)), stream(std::move(socket)) {
            state->open.insert(this);
        }

        ~Visit() { state->open.erase(this); }

        Visit(const Visit&) = delete;
        Visit& operator=(const Visit&) = delete;

        std::shared_ptr<State> state;
        Stream stream;
        boost::beast::flat_buffer buffer{longest_header * 2};
    };

    tcp::acceptor acceptor;
    net::TaskGroup& tasks;
    Text text;
    MetricsLimits limits;
    std::string address;
    std::set<Visit*> open;  // on the loop only
    std::atomic<bool> is_closed{false};

    Result<void> listen(const tcp::endpoint& endpoint);
    void admit(const std::shared_ptr<State>& self, tcp::socket socket);
    static Task<void> accept_all(std::shared_ptr<State> state);
    static Task<void> converse(std::shared_ptr<Visit> visit);
    static Task<bool> answer_one(std::shared_ptr<Visit> visit, bool is_last);
    static Task<bool> send(std::shared_ptr<Visit> visit, Response response, bool is_head);
    static Task<void> part(std::shared_ptr<Visit> visit);
};

// The answer to HEAD has the fields of that to GET, and no body. False: the connection is over.
Task<bool> MetricsServer::State::send(std::shared_ptr<Visit> visit, Response response,
                                      bool is_head) {
    Stream& stream = visit->stream;
    response.prepare_payload();
    stream.expires_after(visit->state->limits.deadline);
    http::response_serializer<http::string_body> serializer(response);
    const auto [error, length] =
        is_head ? co_await http::async_write_header(stream, serializer, as_tuple)
                : co_await http::async_write(stream, serializer, as_tuple);
    co_return !error && response.keep_alive();
}

// Ends the connection. What the client is still writing is read off for a while: with bytes unread
// the system would send a reset, and the answer could be lost with it.
Task<void> MetricsServer::State::part(std::shared_ptr<Visit> visit) {
    Stream& stream = visit->stream;
    boost::system::error_code ignored;
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream.expires_after(visit->state->limits.deadline);
    std::array<char, 4096> dropped{};
    for (size_t total = 0; total < most_dropped;) {
        const auto [error, length] =
            co_await stream.async_read_some(asio::buffer(dropped), as_tuple);
        if (error) co_return;
        total += length;
    }
}

// One request and its answer. False: the connection is over.
Task<bool> MetricsServer::State::answer_one(std::shared_ptr<Visit> visit, bool is_last) {
    Stream& stream = visit->stream;
    Parser parser;
    parser.header_limit(static_cast<uint32_t>(longest_header));
    parser.body_limit(boost::none);  // none is read, whatever length it claims
    stream.expires_after(visit->state->limits.deadline);
    const auto [error, length] =
        co_await http::async_read_header(stream, visit->buffer, parser, as_tuple);
    if (error && !is_malformed(error)) co_return false;
    if (error) {
        Response response = answer_to_malformed(error);
        response.keep_alive(false);
        co_return co_await send(visit, std::move(response), false);
    }
    // A body is not read: what would come after it could not be told from it.
    const bool has_body = !parser.is_done();
    Response response;
    if (!asks_for_metrics(parser.get())) {
        response = refusal_of(parser.get());
    } else if (has_body) {
        response = short_answer(http::status::payload_too_large, "A request here has no body.");
    } else {
        response.set(http::field::content_type, metrics_type);
        response.body() = co_await visit->state->text();
    }
    response.version(parser.get().version());
    response.keep_alive(parser.get().keep_alive() && !has_body && !is_last);
    const bool is_head = parser.get().method() == http::verb::head;
    co_return co_await send(visit, std::move(response), is_head);
}

Task<void> MetricsServer::State::converse(std::shared_ptr<Visit> visit) {
    const size_t most = visit->state->limits.requests;
    for (size_t answered = 1; !visit->state->is_closed; ++answered) {
        if (!co_await answer_one(visit, answered == most)) break;
    }
    co_await part(visit);
}

void MetricsServer::State::admit(const std::shared_ptr<State>& self, tcp::socket socket) {
    if (open.size() >= limits.connections) return;  // closes it
    auto visit = std::make_shared<Visit>(self, std::move(socket));
    tasks.spawn(acceptor.get_executor(), converse(std::move(visit)));
}

Task<void> MetricsServer::State::accept_all(std::shared_ptr<State> state) {
    while (!state->is_closed) {
        auto [error, socket] = co_await state->acceptor.async_accept(as_tuple);
        if (state->is_closed || error == asio::error::operation_aborted) co_return;
        if (error) {
            co_await net::pause(breath);
            continue;
        }
        state->admit(state, std::move(socket));
    }
}

Result<void> MetricsServer::State::listen(const tcp::endpoint& endpoint) {
    boost::system::error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error) address = net::endpoint_text(acceptor.local_endpoint(error));
    if (error) {
        return fault(FaultKind::System, "serving metrics at " + net::endpoint_text(endpoint),
                     error.message());
    }
    return {};
}

Result<std::unique_ptr<MetricsServer>> MetricsServer::open(const asio::any_io_executor& executor,
                                                           const std::string& address,
                                                           net::TaskGroup& tasks, Text text,
                                                           MetricsLimits limits) {
    const auto endpoint = net::parse_endpoint(address);
    if (!endpoint) return std::unexpected(endpoint.error());
    auto state = std::make_shared<State>(executor, tasks, std::move(text), limits);
    if (auto listening = state->listen(*endpoint); !listening) {
        return std::unexpected(listening.error());
    }
    if (!tasks.spawn(executor, State::accept_all(state))) {
        return fault(FaultKind::Stopped, "serving metrics", "the server is stopping");
    }
    return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(state)));
}

MetricsServer::MetricsServer(std::shared_ptr<State> state) : state_(std::move(state)) {}

const std::string& MetricsServer::address() const { return state_->address; }

// The acceptor and the connections belong to the loop.
void MetricsServer::close() {
    if (state_->is_closed.exchange(true)) return;
    asio::post(state_->acceptor.get_executor(), [state = state_] {
        boost::system::error_code ignored;
        state->acceptor.close(ignored);
        for (State::Visit* visit : state->open) visit->stream.close();
    });
}

MetricsServer::~MetricsServer() { close(); }

}  // namespace valija::service
