#include "platform/net/endpoint.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "platform/net/task_group.hpp"
#include "support/run.hpp"

namespace valija::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;
using std::chrono::seconds;

tcp::endpoint loopback(unsigned short port = 0) { return {asio::ip::address_v4::loopback(), port}; }

TEST(Endpoint, IsReadAndWritten) {
    for (auto const* const text : {"192.0.2.1:25", "0.0.0.0:0", "[2001:db8::1]:65535", "[::]:25"}) {
        auto const endpoint = parse_endpoint(text);
        ASSERT_TRUE(endpoint) << text;
        EXPECT_EQ(endpoint_text(*endpoint), text);
    }
    EXPECT_EQ(endpoint_text(*parse_endpoint("[::ffff:192.0.2.1]:25")), "192.0.2.1:25");
}

TEST(Endpoint, MalformedTextIsRefused) {
    for (auto const* const text :
         {"", "192.0.2.1", "192.0.2.1:", ":25", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1:2 5",
          "192.0.2.1:+25", "2001:db8::1:25", "[192.0.2.1]:25", "[]:25", "mail.contoso.com:25",
          "192.0.2:25", "192.0.2.1:99999999999"}) {
        auto const endpoint = parse_endpoint(text);
        ASSERT_FALSE(endpoint) << text;
        EXPECT_EQ(endpoint.error().kind, FaultKind::Input);
    }
}

TEST(Range, CoversItsAddresses) {
    struct Row {
        const char* range;
        const char* address;
        bool covered;
    };

    for (auto const& row : std::initializer_list<Row>{
             {"192.0.2.0/24", "192.0.2.255", true},
             {"192.0.2.0/24", "192.0.3.0", false},
             {"192.0.2.77/24", "192.0.2.1", true},
             {"192.0.2.128/25", "192.0.2.127", false},
             {"10.0.0.0/9", "10.127.0.1", true},
             {"10.0.0.0/9", "10.128.0.1", false},
             {"0.0.0.0/0", "203.0.113.9", true},
             {"0.0.0.0/0", "::1", false},
             {"192.0.2.1", "192.0.2.1", true},
             {"192.0.2.1", "192.0.2.2", false},
             {"192.0.2.0/24", "::ffff:192.0.2.7", true},
             {"::ffff:192.0.2.0/120", "192.0.2.7", true},
             {"::1/128", "::1", true},
             {"::1", "::2", false},
             {"2001:db8::/33", "2001:db8:7fff::1", true},
             {"2001:db8::/33", "2001:db8:8000::1", false},
             {"::/0", "192.0.2.1", false},
         }) {
        auto const range = parse_range(row.range);
        ASSERT_TRUE(range) << row.range;
        EXPECT_EQ(range->covers(asio::ip::make_address(row.address)), row.covered)
            << row.range << " " << row.address;
    }
}

TEST(Range, MalformedTextIsRefused) {
    for (auto const* const text : {"", "192.0.2.0/33", "::1/129", "192.0.2.0/", "192.0.2.0/-1",
                                   "192.0.2/24", "192.0.2.0/24/24", "contoso.com"}) {
        EXPECT_FALSE(parse_range(text)) << text;
    }
}

TEST(Connect, ADeadPortIsANetworkFault) {
    asio::io_context loop(1);
    auto listener = Listener::open(loop.get_executor(), loopback());
    ASSERT_TRUE(listener);
    auto const endpoint = listener->local();
    listener->close();
    auto const socket = test::run(loop, connect(endpoint, "", seconds(10)));
    ASSERT_FALSE(socket);
    EXPECT_EQ(socket.error().kind, FaultKind::Network);
    EXPECT_EQ(socket.error().text(),
              "connecting to " + endpoint_text(endpoint) + ": Connection refused");
}

TEST(Connect, AServerThatDoesNotAnswerIsATimeout) {
    asio::io_context loop(1);
    tcp::acceptor full(loop, tcp::v4());
    full.bind(loopback());
    full.listen(0);
    std::vector<tcp::socket> sockets;
    for (int i = 0; i < 10; ++i) {  // until the queue of the listening socket is full
        auto socket = test::run(loop, connect(full.local_endpoint(), "", milliseconds(50)));
        if (!socket) {
            EXPECT_EQ(socket.error().kind, FaultKind::Timeout);
            return;
        }
        sockets.push_back(std::move(*socket));
    }
    FAIL() << "all connections were taken";
}

TEST(Connect, ABadSourceIsAFault) {
    EXPECT_EQ(test::run(connect(loopback(1), "nowhere", seconds(10))).error().kind,
              FaultKind::Input);
    EXPECT_EQ(test::run(connect(loopback(1), "192.0.2.1", seconds(10))).error().kind,
              FaultKind::Network);
}

Task<void> accept_some(Listener* listener, size_t count, std::vector<tcp::socket>* sockets) {
    co_await listener->accept_all([=](tcp::socket socket) {
        sockets->push_back(std::move(socket));
        if (sockets->size() == count) listener->close();
    });
}

TEST(Listener, HandsOverSocketsUntilClosed) {
    asio::io_context loop(1);
    auto listener = Listener::open(loop.get_executor(), loopback());
    ASSERT_TRUE(listener);
    std::vector<tcp::socket> accepted;
    test::start(loop, accept_some(&*listener, 2, &accepted));
    std::optional<Result<tcp::socket>> first;
    std::optional<Result<tcp::socket>> second;
    test::start(loop, connect(listener->local(), "127.0.0.2", seconds(10)), first);
    test::start(loop, connect(listener->local(), "127.0.0.3", seconds(10)), second);
    loop.run();  // ends because the listener does
    ASSERT_TRUE(first->has_value() && second->has_value());
    ASSERT_EQ(accepted.size(), 2U);
    EXPECT_EQ(accepted[0].remote_endpoint().address().to_string(), "127.0.0.2");
    EXPECT_EQ(accepted[1].remote_endpoint().address().to_string(), "127.0.0.3");
}

TEST(Listener, SeveralShareAPort) {
    asio::io_context loop(1);
    auto one = Listener::open(loop.get_executor(), loopback());
    ASSERT_TRUE(one);
    EXPECT_TRUE(Listener::open(loop.get_executor(), one->local()));
}

TEST(Listener, WhetherSomebodyListensIsFoundOutFirst) {
    asio::io_context loop;
    auto one = Listener::open(loop.get_executor(), loopback());
    ASSERT_TRUE(one);
    auto const used = check_unused(one->local());
    ASSERT_FALSE(used);
    EXPECT_THAT(used.error().text(), testing::HasSubstr("listening on 127.0.0.1:"));
    EXPECT_THAT(used.error().text(), testing::HasSubstr("in use"));
    EXPECT_FALSE(check_unused({tcp::v4(), one->local().port()})) << "by one of all addresses";
    auto const place = one->local();
    one->close();
    EXPECT_TRUE(check_unused(place)) << "neither left in use by the question nor by who is gone";
    EXPECT_TRUE(check_unused(place));
}

TEST(Listener, BothFamiliesShareAPort) {
    asio::io_context loop(1);
    auto four = Listener::open(loop.get_executor(), {tcp::v4(), 0});
    ASSERT_TRUE(four);
    auto const six = Listener::open(loop.get_executor(), {tcp::v6(), four->local().port()});
    if (!six) EXPECT_EQ(six.error().cause, "Address family not supported by protocol");
}

TEST(Listener, AnAddressThatIsNotOursIsAFault) {
    asio::io_context loop(1);
    auto const listener =
        Listener::open(loop.get_executor(), {asio::ip::make_address("192.0.2.1"), 0});
    ASSERT_FALSE(listener);
    EXPECT_EQ(listener.error().doing, "listening on 192.0.2.1:0");
}

// Lets a process open no more descriptors than it has, until destroyed.
class NoDescriptors {
  public:
    NoDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        auto none = before_;
        none.rlim_cur = 0;
        ::setrlimit(RLIMIT_NOFILE, &none);
    }

    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;

    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
};

TEST(Listener, OutOfDescriptorsWaitsAndGoesOn) {
    asio::io_context loop(1);
    auto listener = Listener::open(loop.get_executor(), loopback());
    ASSERT_TRUE(listener);
    std::vector<tcp::socket> accepted;
    tcp::socket client(loop, tcp::v4());
    test::start(loop, accept_some(&*listener, 1, &accepted));
    {
        NoDescriptors const none;
        client.connect(listener->local());
        EXPECT_LT(loop.run_for(milliseconds(40)), 10U);  // no busy loop
        EXPECT_TRUE(accepted.empty());
    }
    loop.run();
    EXPECT_EQ(accepted.size(), 1U);
}

}  // namespace
}  // namespace valija::net
