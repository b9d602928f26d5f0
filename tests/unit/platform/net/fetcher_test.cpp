#include "platform/net/fetcher.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <future>
#include <mutex>
#include <thread>

#include "platform/net/endpoint.hpp"

namespace valija::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr size_t limit = 64UL << 20U;

// Serves a few fixed pages on a thread of its own, one connection after the other.
class Pages {
  public:
    Pages() : acceptor_(loop_, {asio::ip::address_v4::loopback(), 0}) {
        accept();
        thread_ = std::thread([this] { loop_.run(); });
    }

    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;

    ~Pages() {
        loop_.stop();
        thread_.join();
    }

    std::string url(const std::string& path) const {
        return fmt::format("http://{}{}", endpoint_text(acceptor_.local_endpoint()), path);
    }

    // As a proxy: "host:port".
    std::string address() const { return endpoint_text(acceptor_.local_endpoint()); }

    std::string last_request() {
        std::scoped_lock const lock(mutex_);
        return last_;
    }

    std::future<void> asked_for_silence() { return silence_.get_future(); }

  private:
    // Also of a request to a proxy: "GET http://host/path HTTP/1.1".
    static std::string path_of(const std::string& request) {
        auto const start = request.find(' ') + 1;
        auto target = request.substr(start, request.find(' ', start) - start);
        if (target.starts_with("http://")) target.erase(0, target.find('/', 7));
        return target;
    }

    void accept() {
        acceptor_.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
            if (error) return;
            serve(std::move(socket));
            accept();
        });
    }

    void serve(tcp::socket socket) {
        std::string request;
        boost::system::error_code error;
        asio::read_until(socket, asio::dynamic_buffer(request, 10'000), "\r\n\r\n", error);
        if (error) return;
        {
            std::scoped_lock const lock(mutex_);
            last_ = request;
        }
        auto const path = path_of(request);
        if (path == "/silence") {
            silent_.push_back(std::move(socket));
            if (silent_.size() == 1) silence_.set_value();
            return;
        }
        asio::write(socket, asio::buffer(page(path)), error);
    }

    std::string page(const std::string& path) const {
        auto const with = [](const std::string& status, const std::string& header,
                             const std::string& body) {
            return "HTTP/1.1 " + status + "\r\nConnection: close\r\n" + header + "\r\n" + body;
        };
        auto const moved = [&](const std::string& to) {
            return with("302 Found", "Location: " + to + "\r\n", "");
        };
        if (path == "/list")
            return with("200 OK", "Content-Length: 5\r\n", std::string("a\0b\r\n", 5));
        if (path == "/moved") return moved("/list");
        if (path == "/moved-away") return moved("http://elsewhere.example/list");
        if (path == "/circle") return moved("/circle");
        if (path == "/to-file") return moved("file:///etc/hostname");
        if (path == "/to-ldap") return moved("ldap://127.0.0.1/o=x");
        if (path == "/announced") {
            return with("200 OK", fmt::format("Content-Length: {}\r\n", limit + 1), "");
        }
        if (path == "/endless") return with("200 OK", "", std::string(limit + 1, 'x'));
        if (path == "/full") return with("200 OK", "", std::string(limit, 'x'));
        if (path == "/none") return with("204 No Content", "", "");
        if (path == "/later") return with("429 Too Many Requests", "Content-Length: 0\r\n", "");
        if (path == "/slow") return with("408 Request Timeout", "Content-Length: 0\r\n", "");
        if (path == "/ill") return with("503 Service Unavailable", "Content-Length: 0\r\n", "");
        if (path == "/cut") return with("200 OK", "Content-Length: 500\r\n", "abc");
        return with("404 Not Found", "Content-Length: 4\r\n", "gone");
    }

    asio::io_context loop_{1};
    tcp::acceptor acceptor_;
    std::vector<tcp::socket> silent_;
    std::promise<void> silence_;
    std::mutex mutex_;
    std::string last_;
    std::thread thread_;
};

class FetcherTest : public testing::Test {
  protected:
    Result<std::string> fetch(const std::string& url) {
        std::promise<Result<std::string>> promise;
        fetcher.fetch(url,
                      [&](Result<std::string> result) { promise.set_value(std::move(result)); });
        return promise.get_future().get();
    }

    FaultKind kind(const std::string& url) {
        auto const result = fetch(url);
        EXPECT_FALSE(result) << url;
        return result ? FaultKind::System : result.error().kind;
    }

    Pages pages;
    Fetcher fetcher;
};

TEST_F(FetcherTest, GivesTheBytes) {
    EXPECT_EQ(fetch(pages.url("/list")), std::string("a\0b\r\n", 5));
}

TEST_F(FetcherTest, FollowsARedirectButNotInCircles) {
    EXPECT_EQ(fetch(pages.url("/moved")), std::string("a\0b\r\n", 5));
    EXPECT_EQ(kind(pages.url("/circle")), FaultKind::Network);
}

TEST_F(FetcherTest, AnyStatusBut200IsAFault) {
    auto const missing = fetch(pages.url("/missing"));
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().kind, FaultKind::Input);
    EXPECT_EQ(missing.error().text(), "fetching " + pages.url("/missing") + ": HTTP status 404");
    EXPECT_EQ(fetch(pages.url("/none")).error().cause, "HTTP status 204");
}

// EX-29: a server that asks for patience has the page; what a proxy says is not the server's word.
TEST_F(FetcherTest, OnlyTheServersOwnFinalNoIsAFaultOfTheAddress) {
    for (const char* path : {"/later", "/slow", "/ill"}) {
        EXPECT_EQ(kind(pages.url(path)), FaultKind::Network) << path;
    }
    EXPECT_EQ(kind(pages.url("/missing")), FaultKind::Input);
    fetcher.set_proxy({.url = "http://" + pages.address()});
    EXPECT_EQ(kind("http://crl.invalid/missing"), FaultKind::Network);
}

TEST_F(FetcherTest, WhatIsTooLargeIsRefused) {
    EXPECT_EQ(kind(pages.url("/announced")), FaultKind::Input);
    EXPECT_EQ(kind(pages.url("/endless")), FaultKind::Input);
    auto const full = fetch(pages.url("/full"));
    ASSERT_TRUE(full);
    EXPECT_EQ(full->size(), limit);
}

TEST_F(FetcherTest, ACutTransferIsAFault) {
    EXPECT_EQ(kind(pages.url("/cut")), FaultKind::Network);
}

TEST_F(FetcherTest, OtherProtocolsAreRefusedAlsoByRedirect) {
    EXPECT_EQ(kind("file:///etc/hostname"), FaultKind::Input);
    EXPECT_EQ(kind("ftp://127.0.0.1/x"), FaultKind::Input);
    EXPECT_EQ(kind("nonsense://"), FaultKind::Input);
    EXPECT_EQ(kind(pages.url("/to-file")), FaultKind::Input);
    EXPECT_EQ(kind(pages.url("/to-ldap")), FaultKind::Input);
}

// EX-36: the page of a name that does not exist can only have come by the proxy.
TEST_F(FetcherTest, HttpGoesThroughTheProxyThatIsSet) {
    fetcher.set_proxy({.url = "http://" + pages.address()});
    EXPECT_EQ(fetch("http://crl.invalid/list"), std::string("a\0b\r\n", 5));
    EXPECT_TRUE(pages.last_request().starts_with("GET http://crl.invalid/list HTTP/1.1"));
}

// EX-37, EX-39, EX-40: who is named goes directly; the setting holds from the next fetch on.
TEST_F(FetcherTest, WhoIsNamedGoesAroundTheProxyAndAChangeHoldsAtOnce) {
    asio::io_context loop;
    tcp::acceptor dead(loop, {asio::ip::address_v4::loopback(), 0});
    auto const proxy = "http://" + endpoint_text(dead.local_endpoint());
    dead.close();
    fetcher.set_proxy({.url = proxy});
    auto const failed = fetch(pages.url("/list"));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().kind, FaultKind::Network);
    EXPECT_NE(failed.error().text().find("through the proxy " + proxy), std::string::npos);
    fetcher.set_proxy({.url = proxy, .bypass = {"127.0.0.0/8"}});
    EXPECT_TRUE(fetch(pages.url("/list")));
    fetcher.set_proxy({});
    EXPECT_TRUE(fetch(pages.url("/list")));
}

TEST_F(FetcherTest, ARedirectIsAskedAnewWhetherItNeedsTheProxy) {
    fetcher.set_proxy({.url = "http://" + pages.address(), .bypass = {"127.0.0.0/8"}});
    EXPECT_EQ(fetch(pages.url("/moved-away")), std::string("a\0b\r\n", 5));
    EXPECT_TRUE(pages.last_request().starts_with("GET http://elsewhere.example/list HTTP/1.1"));
}

TEST_F(FetcherTest, TheEnvironmentNamesNoProxy) {
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    EXPECT_TRUE(fetch(pages.url("/list")));
    unsetenv("http_proxy");
}

TEST_F(FetcherTest, ABodyIsPostedAsAnOcspRequest) {
    std::promise<Result<std::string>> promise;
    fetcher.fetch(pages.url("/list"), std::string("ask\0me", 6),
                  [&](Result<std::string> result) { promise.set_value(std::move(result)); });
    EXPECT_TRUE(promise.get_future().get());
    auto const request = pages.last_request();
    EXPECT_TRUE(request.starts_with("POST /list HTTP/1.1"));
    EXPECT_NE(request.find("Content-Type: application/ocsp-request\r\n"), std::string::npos);
    EXPECT_NE(request.find("Content-Length: 6\r\n"), std::string::npos);
}

TEST_F(FetcherTest, ADeadPortIsANetworkFault) {
    asio::io_context loop;
    tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(), 0});
    auto const url = "http://" + endpoint_text(acceptor.local_endpoint()) + "/";
    acceptor.close();
    EXPECT_EQ(kind(url), FaultKind::Network);
}

TEST(Fetcher, StopEndsWhatRunsAndWhatWaits) {
    Pages pages;
    auto silence = pages.asked_for_silence();
    std::atomic<int> stopped = 0;
    {
        Fetcher fetcher;
        auto const count = [&](const Result<std::string>& result) {
            if (!result && result.error().kind == FaultKind::Stopped) ++stopped;
        };
        fetcher.fetch(pages.url("/silence"), count);
        silence.get();
        for (int i = 0; i < 99; ++i) fetcher.fetch(pages.url("/silence"), count);
    }
    EXPECT_EQ(stopped, 100);
}

TEST(Fetcher, ASilentServerDoesNotHoldOthers) {
    Pages silent;
    Pages pages;
    auto silence = silent.asked_for_silence();
    Fetcher fetcher;
    fetcher.fetch(silent.url("/silence"), [](const Result<std::string>&) {});
    silence.get();
    std::promise<bool> good;
    fetcher.fetch(pages.url("/list"),
                  [&](const Result<std::string>& r) { good.set_value(r.has_value()); });
    EXPECT_TRUE(good.get_future().get());
}

}  // namespace
}  // namespace valija::net
