// The door for Prometheus over real sockets: what is asked rightly is answered, everything else
// ends within its bounds.
#include "control/service/metrics_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "platform/net/endpoint.hpp"
#include "platform/net/loops.hpp"
#include "support/lines_sink.hpp"

namespace valija::service {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kBody = "valija_connections_total 0\n";
constexpr int kPatience = 30'000;  // milliseconds: for a fact that must come

Task<std::string> body() { co_return kBody; }

// A client that says what it is told to.
class Client {
  public:
    explicit Client(const std::string& address) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(net::parse_endpoint(address)->port());
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    }

    ~Client() { ::close(socket_); }

    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    Client& say(const std::string& text) {
        EXPECT_EQ(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
        return *this;
    }

    // Like say() and read_until(), but a connection that the server ends early is no failure.
    std::string read_after_asking(const std::string& text, const std::string& end) {
        (void)::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
        return read_until(end);
    }

    // All that comes until there is `end` in it, or the connection is over.
    std::string read_until(const std::string& end) {
        std::string text;
        while (text.find(end) == std::string::npos) {
            const std::string more = read_some();
            if (more.empty()) break;
            text += more;
        }
        return text;
    }

    // All that comes until the connection is over.
    std::string read_all() { return read_until(std::string(1, '\0')); }

  private:
    std::string read_some() {
        pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
        EXPECT_EQ(::poll(&waiting, 1, kPatience), 1) << "the server neither answers nor ends";
        std::array<char, 4096> bytes{};
        const ssize_t count = ::recv(socket_, bytes.data(), bytes.size(), MSG_DONTWAIT);
        return count <= 0 ? "" : std::string(bytes.data(), static_cast<size_t>(count));
    }

    int socket_;
};

// A server on a loop of its own.
class Door {
  public:
    explicit Door(MetricsLimits limits = {}) {
        auto opened =
            MetricsServer::open(loops_.at(0).get_executor(), "127.0.0.1:0", tasks_, body, limits);
        EXPECT_TRUE(opened);
        server_ = std::move(*opened);
        loops_.run();
    }

    ~Door() {
        close();
        tasks_.close();
        tasks_.drain(20s);
        loops_.stop();
        loops_.join();
        EXPECT_EQ(sink_->count("server.fault"), 0U);
    }

    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;

    void close() { server_->close(); }

    const std::string& address() const { return server_->address(); }

    Result<std::unique_ptr<MetricsServer>> second() {
        return MetricsServer::open(loops_.at(0).get_executor(), address(), tasks_, body);
    }

    // One request in a connection of its own.
    std::string answer_to(const std::string& request) const {
        return Client(address()).say(request).read_all();
    }

  private:
    std::shared_ptr<test::LinesSink> sink_ = std::make_shared<test::LinesSink>();
    net::Loops loops_{1};
    net::TaskGroup tasks_{"metrics", 1000, observe::Log(sink_)};
    std::unique_ptr<MetricsServer> server_;
};

std::string request(const std::string& line, const std::string& header = "Connection: close\r\n") {
    return line + "\r\nHost: localhost\r\n" + header + "\r\n";
}

const std::string kAsk = request("GET /metrics HTTP/1.1", "");

// EX-83
TEST(MetricsServer, GivesTheTextInTheFormOfPrometheus) {
    const Door door;
    const std::string answer = door.answer_to(request("GET /metrics HTTP/1.1"));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4"));
    EXPECT_THAT(answer, HasSubstr("Content-Length: 27\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\n" + kBody));
}

TEST(MetricsServer, HeadHasTheFieldsOfGetAndNoBody) {
    const Door door;
    const std::string answer = door.answer_to(request("HEAD /metrics HTTP/1.1"));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Length: 27\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST(MetricsServer, AQueryIsNotPartOfThePath) {
    const Door door;
    EXPECT_THAT(door.answer_to(request("GET /metrics?a=b HTTP/1.1")), StartsWith("HTTP/1.1 200 "));
}

TEST(MetricsServer, AnotherPathIsNotFound) {
    const Door door;
    for (const char* path : {"/", "/metrics/", "/metricsx", "/../metrics", "//metrics", "*"}) {
        const std::string answer =
            door.answer_to(request(std::string("GET ") + path + " HTTP/1.1"));
        EXPECT_THAT(answer, StartsWith("HTTP/1.1 404 Not Found\r\n")) << path;
        EXPECT_THAT(answer, Not(HasSubstr(kBody))) << path;
    }
}

TEST(MetricsServer, AnotherMethodIsNotAllowed) {
    const Door door;
    for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "BREW"}) {
        const std::string answer =
            door.answer_to(request(std::string(method) + " /metrics HTTP/1.1"));
        EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n")) << method;
        EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD\r\n")) << method;
    }
}

TEST(MetricsServer, AnswersOneRequestAfterTheOther) {
    const Door door;
    Client client(door.address());
    for (int i = 0; i < 3; ++i) {
        EXPECT_THAT(client.say(kAsk).read_until(kBody), StartsWith("HTTP/1.1 200 OK\r\n"));
    }
}

TEST(MetricsServer, AnsweringEndsAtTheBoundOfAConnection) {
    const Door door({.requests = 2});
    const std::string answers = door.answer_to(kAsk + kAsk + kAsk);
    const size_t last = answers.rfind("HTTP/1.1 200 OK");
    EXPECT_EQ(answers.find("HTTP/1.1 200 OK"), 0U);
    EXPECT_GT(last, 0U);
    EXPECT_THAT(answers.substr(last), HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(answers.substr(0, last), Not(HasSubstr("Connection: close\r\n")));
}

TEST(MetricsServer, AnOldClientIsAnsweredAndTheConnectionEnds) {
    const Door door;
    const std::string answer = door.answer_to(request("GET /metrics HTTP/1.0", ""));
    EXPECT_THAT(answer, StartsWith("HTTP/1.0 200 OK\r\n"));
    EXPECT_THAT(answer, EndsWith(kBody));
}

TEST(MetricsServer, WhatIsNoRequestIsRefusedAndTheConnectionEnds) {
    const Door door;
    for (const std::string& garbage :
         {std::string("EHLO client.fabrikam.com\r\n\r\n"), std::string("\0\xff\0\xff\r\n\r\n", 8),
          std::string("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", 11),
          std::string("GET /metrics HTTP/2.0\r\n\r\n"),
          std::string("GET  /metrics HTTP/1.1\r\n\r\n"),
          std::string("GET /metrics HTTP/1.1\r\nno field\r\n\r\n"),
          std::string("GET /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n")}) {
        EXPECT_THAT(door.answer_to(garbage), StartsWith("HTTP/1.1 400 Bad Request\r\n")) << garbage;
    }
    EXPECT_THAT(door.answer_to(request("GET /metrics HTTP/1.1")), EndsWith(kBody));
}

TEST(MetricsServer, AHeaderHasEightKibibytesAndNoMore) {
    const Door door;
    const std::string shell = request("GET /metrics HTTP/1.1", "Connection: close\r\nX: \r\n");
    const auto ask = [&](size_t length) {
        return door.answer_to(
            request("GET /metrics HTTP/1.1",
                    "Connection: close\r\nX: " + std::string(length - shell.size(), 'x') + "\r\n"));
    };
    EXPECT_THAT(ask(8000), EndsWith(kBody));
    EXPECT_THAT(ask(8300), StartsWith("HTTP/1.1 431 "));
    EXPECT_THAT(ask(100'000), StartsWith("HTTP/1.1 431 "));
}

TEST(MetricsServer, ABodyIsNotRead) {
    const Door door;
    for (const char* header :
         {"Content-Length: 9999999999\r\n", "Transfer-Encoding: chunked\r\n"}) {
        EXPECT_THAT(door.answer_to(request("GET /metrics HTTP/1.1", header)),
                    StartsWith("HTTP/1.1 413 "));
        EXPECT_THAT(door.answer_to(request("POST /metrics HTTP/1.1", header)),
                    StartsWith("HTTP/1.1 405 "));
    }
}

TEST(MetricsServer, AClientThatDoesNotFinishIsCutOffAtTheDeadline) {
    const Door door({.deadline = 1s});
    Client silent(door.address());
    Client slow(door.address());
    Client idle(door.address());
    slow.say("GET /met");
    idle.say(kAsk);
    EXPECT_EQ(silent.read_all(), "");
    EXPECT_EQ(slow.read_all(), "");
    EXPECT_THAT(idle.read_all(), EndsWith(kBody)) << "also between two requests";
}

TEST(MetricsServer, OneConnectionTooManyIsClosedAndTheOthersGoOn) {
    const Door door({.connections = 2});
    Client first(door.address());
    EXPECT_THAT(first.say(kAsk).read_until(kBody), EndsWith(kBody));
    {
        Client second(door.address());
        EXPECT_THAT(second.say(kAsk).read_until(kBody), EndsWith(kBody));
        EXPECT_EQ(Client(door.address()).read_all(), "");
    }
    // The place of the second is free once the server has seen it go.
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatience);
    std::string answer;
    while (answer.empty() && std::chrono::steady_clock::now() < end) {
        answer = Client(door.address()).read_after_asking(kAsk, kBody);
    }
    EXPECT_THAT(answer, EndsWith(kBody));
    EXPECT_THAT(first.say(kAsk).read_until(kBody), EndsWith(kBody));
}

TEST(MetricsServer, ClosingEndsTheConnectionsToo) {
    Door door;
    Client client(door.address());
    EXPECT_THAT(client.say(kAsk).read_until(kBody), EndsWith(kBody));
    door.close();
    EXPECT_EQ(client.read_all(), "");
}

TEST(MetricsServer, APortThatIsTakenIsAFault) {
    Door door;
    const auto second = door.second();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().text(),
              "serving metrics at " + door.address() + ": Address already in use");
}

}  // namespace
}  // namespace valija::service
