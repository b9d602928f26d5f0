#include "platform/net/endpoint.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <optional>

#include "platform/net/task_group.hpp"

namespace valija::net {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr Duration breath = std::chrono::milliseconds(100);  // when no descriptor is left

template <class Number>
std::optional<Number> parse_number(std::string_view text, Number most) {
    Number number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
    if (number > most) return {};
    return number;
}

std::optional<asio::ip::address> parse_address(std::string_view text) {
    boost::system::error_code error;
    auto address = asio::ip::make_address(std::string(text), error);
    if (error) return {};
    return address;
}

// ::ffff:192.0.2.1 is 192.0.2.1.
asio::ip::address plain(const asio::ip::address& address) {
    if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

template <class Bytes>
bool same_prefix(const Bytes& a, const Bytes& b, unsigned bits) {
    size_t const whole = bits / 8;
    if (!std::equal(a.begin(), a.begin() + static_cast<ptrdiff_t>(whole), b.begin())) return false;
    unsigned const rest = bits % 8;
    return rest == 0 || (a[whole] >> (8 - rest)) == (b[whole] >> (8 - rest));
}

// A socket being connected and its deadline; shared with the timer's handler, which may run late.
struct Attempt {
    explicit Attempt(const asio::any_io_executor& executor) : socket(executor), timer(executor) {}

    tcp::socket socket;
    asio::steady_timer timer;
    bool done = false;
    bool timed_out = false;
};

Result<void> prepare(tcp::socket& socket, const tcp::endpoint& endpoint,
                     const std::string& source) {
    boost::system::error_code error;
    socket.open(endpoint.protocol(), error);
    if (error) return fault(FaultKind::System, "opening a socket", error.message());
    if (source.empty()) return {};
    auto const address = parse_address(source);
    if (!address) return fault(FaultKind::Input, "reading the source address", source);
    socket.bind({*address, 0}, error);
    if (error) return fault(FaultKind::Network, "binding " + source, error.message());
    return {};
}

void watch(const std::shared_ptr<Attempt>& attempt, Duration deadline) {
    attempt->timer.expires_after(deadline);
    attempt->timer.async_wait([attempt](const boost::system::error_code& error) {
        if (error || attempt->done) return;
        attempt->timed_out = true;
        boost::system::error_code ignored;
        attempt->socket.close(ignored);
    });
}

Task<void> accept_on(std::shared_ptr<tcp::acceptor> acceptor,
                     std::function<void(tcp::socket)> handle) {
    while (acceptor->is_open()) {
        auto [error, socket] = co_await acceptor->async_accept(asio::as_tuple(asio::use_awaitable));
        if (!error) {
            handle(std::move(socket));
        } else if (acceptor->is_open() && error != asio::error::connection_aborted) {
            co_await pause(breath);
        }
    }
}

}  // namespace

Result<tcp::endpoint> parse_endpoint(std::string_view text) {
    auto const bad = [text] {
        return fault(FaultKind::Input, "reading an address with port", std::string(text));
    };
    auto const colon = text.rfind(':');
    if (colon == std::string_view::npos) return bad();
    auto host = text.substr(0, colon);
    bool const brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (brackets) host = host.substr(1, host.size() - 2);
    auto const address = parse_address(host);
    auto const port = parse_number<unsigned>(text.substr(colon + 1), 65535);
    if (!address || !port || address->is_v6() != brackets) return bad();
    return tcp::endpoint(*address, static_cast<unsigned short>(*port));
}

std::string endpoint_text(const tcp::endpoint& endpoint) {
    auto const address = plain(endpoint.address());
    return fmt::format(fmt::runtime(address.is_v6() ? "[{}]:{}" : "{}:{}"), address.to_string(),
                       endpoint.port());
}

bool Range::covers(const asio::ip::address& candidate) const {
    auto const other = plain(candidate);
    if (address.is_v4() != other.is_v4()) return false;
    return address.is_v4()
               ? same_prefix(address.to_v4().to_bytes(), other.to_v4().to_bytes(), prefix)
               : same_prefix(address.to_v6().to_bytes(), other.to_v6().to_bytes(), prefix);
}

Result<Range> parse_range(std::string_view text) {
    auto const slash = text.find('/');
    auto const address = parse_address(text.substr(0, slash));
    std::optional<unsigned> prefix;
    if (address) {
        unsigned const most = address->is_v4() ? 32 : 128;
        prefix =
            slash == std::string_view::npos ? most : parse_number(text.substr(slash + 1), most);
    }
    if (!prefix) return fault(FaultKind::Input, "reading an address range", std::string(text));
    auto const seen = plain(*address);
    if (seen.is_v4() == address->is_v4()) return Range{seen, *prefix};
    if (*prefix >= 96) return Range{seen, *prefix - 96};
    return Range{*address, *prefix};
}

Task<Result<tcp::socket>> connect(tcp::endpoint endpoint, std::string source, Duration deadline) {
    auto const doing = "connecting to " + endpoint_text(endpoint);
    auto const attempt = std::make_shared<Attempt>(co_await asio::this_coro::executor);
    auto const prepared = prepare(attempt->socket, endpoint, source);
    if (!prepared) co_return std::unexpected(prepared.error());
    watch(attempt, deadline);
    auto const [error] =
        co_await attempt->socket.async_connect(endpoint, asio::as_tuple(asio::use_awaitable));
    attempt->done = true;
    attempt->timer.cancel();
    if (attempt->timed_out) co_return fault(FaultKind::Timeout, doing, "timed out");
    if (error == asio::error::operation_aborted) co_return fault(FaultKind::Stopped, doing);
    if (error) co_return fault(FaultKind::Network, doing, error.message());
    co_return std::move(attempt->socket);
}

Listener::Listener(tcp::acceptor acceptor)
    : acceptor_(std::make_shared<tcp::acceptor>(std::move(acceptor))) {}

namespace {

enum class Port { Sole, Shared };

Result<tcp::acceptor> bound(const asio::any_io_executor& executor, const tcp::endpoint& endpoint,
                            Port port) {
    auto const doing = "listening on " + endpoint_text(endpoint);
    boost::system::error_code error;
    tcp::acceptor acceptor(executor);
    acceptor.open(endpoint.protocol(), error);
    if (error) return fault(FaultKind::System, doing, error.message());
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    int const on = 1;
    if (port == Port::Shared &&
        ::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
        return system_fault(doing, errno);
    }
    // 0.0.0.0 and [::] can both be listened on: each takes its own family only.
    if (endpoint.protocol() == tcp::v6()) {
        acceptor.set_option(asio::ip::v6_only(true), error);
    }
    acceptor.bind(endpoint, error);
    if (error) return fault(FaultKind::System, doing, error.message());
    return acceptor;
}

}  // namespace

Result<void> check_unused(const tcp::endpoint& endpoint) {
    asio::io_context loop;
    auto const acceptor = bound(loop.get_executor(), endpoint, Port::Sole);
    return acceptor ? Result<void>() : std::unexpected(acceptor.error());
}

Result<Listener> Listener::open(const asio::any_io_executor& executor,
                                const tcp::endpoint& endpoint) {
    auto acceptor = bound(executor, endpoint, Port::Shared);
    if (!acceptor) return std::unexpected(acceptor.error());
    boost::system::error_code error;
    acceptor->listen(asio::socket_base::max_listen_connections, error);
    if (error) {
        return fault(FaultKind::System, "listening on " + endpoint_text(endpoint), error.message());
    }
    return Listener(std::move(*acceptor));
}

Task<void> Listener::accept_all(std::function<void(tcp::socket)> handle) {
    return accept_on(acceptor_, std::move(handle));
}

void Listener::close() {
    boost::system::error_code ignored;
    acceptor_->close(ignored);
}

tcp::endpoint Listener::local() const {
    boost::system::error_code ignored;
    return acceptor_->local_endpoint(ignored);
}

}  // namespace valija::net
