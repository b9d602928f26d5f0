#include "trust/channel/connection.hpp"

#include <gmock/gmock.h>

#include "platform/net/loops.hpp"
#include "platform/net/task_group.hpp"
#include "unit/trust/channel/peers.hpp"

namespace valija::channel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Peers;

Task<Result<std::string>> line_of(Connection* connection, size_t limit) {
    auto const line = co_await connection->read_line(limit);
    if (!line) co_return std::unexpected(line.error());
    co_return std::string(line->text) + (line->too_long ? "(too long)" : "") +
        (line->bare ? "(bare)" : "");
}

// All lines until the peer closes.
Task<std::vector<std::string>> lines_of(Connection* connection, size_t limit) {
    std::vector<std::string> lines;
    while (true) {
        auto const line = co_await line_of(connection, limit);
        if (!line) co_return lines;
        lines.push_back(*line);
    }
}

Task<bool> say(Connection* connection, std::string bytes) {
    bool const good = (co_await connection->write(bytes)).has_value();
    connection->close();
    co_return good;
}

TEST(Connection, LinesArriveWithoutTheirEnds) {
    Peers peers;
    auto const [lines, sent] = peers.both(lines_of(&peers.server, 512),
                                          say(&peers.client, "EHLO a\r\n\r\nQUIT\r\nunfinished"));
    EXPECT_TRUE(sent);
    EXPECT_THAT(lines, testing::ElementsAre("EHLO a", "", "QUIT"));
}

// SMTP smuggling: what does not end in CRLF is delivered as such, for the session to refuse.
TEST(Connection, BareLfAndBareCrAreMarked) {
    Peers peers;
    auto const [lines, sent] = peers.both(lines_of(&peers.server, 512),
                                          say(&peers.client, "EHLO a\nNOOP\rNOOP\r\nQUIT\r\n"));
    EXPECT_THAT(lines, testing::ElementsAre("EHLO a(bare)", "NOOP\rNOOP(bare)", "QUIT"));
}

TEST(Connection, AHugeLineIsSkippedAndTheNextOneIsWhole) {
    Peers peers;
    auto const [lines, sent] =
        peers.both(lines_of(&peers.server, 512),
                   say(&peers.client, std::string(100UL << 10U, 'x') + "\r\nQUIT\r\n"));
    EXPECT_THAT(lines, testing::ElementsAre("(too long)", "QUIT"));
}

Task<Result<std::string>> content_of(Connection* connection, size_t size) {
    std::string content;
    while (content.size() < size) {
        auto const chunk = co_await connection->peek();
        if (!chunk) co_return std::unexpected(chunk.error());
        auto const count = std::min(chunk->size(), size - content.size());
        content += chunk->substr(0, count);
        connection->consume(count);
    }
    co_return content;
}

Task<Result<std::string>> command_and_content(Connection* connection) {
    auto const command = co_await line_of(connection, 512);
    if (!command) co_return command;
    auto const content = co_await content_of(connection, 7);
    if (!content) co_return content;
    bool const more = connection->has_line();
    auto const next = co_await line_of(connection, 512);
    co_return *command + "|" + *content + "|" + (more ? "more|" : "none|") + next.value_or("?");
}

TEST(Connection, ContentIsTakenByCount) {
    Peers peers;
    auto const [got, sent] = peers.both(command_and_content(&peers.server),
                                        say(&peers.client, "DATA\r\nabc\r\n.\nQUIT\r\n"));
    EXPECT_EQ(got, "DATA|abc\r\n.\n|more|QUIT");
}

TEST(Connection, TheEndOfThePeerIsANetworkFaultEveryTime) {
    Peers peers;
    peers.client.close();
    auto const first = test::run(peers.loop, line_of(&peers.server, 512));
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().kind, FaultKind::Network);
    EXPECT_EQ(first.error().text(), "reading from the peer: the peer closed the connection");
    EXPECT_EQ(test::run(peers.loop, peers.server.write("x")).error().kind, FaultKind::Network);
}

TEST(Connection, AClosedOneGivesFaults) {
    Peers peers;
    peers.server.close();
    peers.server.close();
    EXPECT_EQ(test::run(peers.loop, line_of(&peers.server, 512)).error().kind, FaultKind::Stopped);
    EXPECT_EQ(test::run(peers.loop, peers.server.write("x")).error().kind, FaultKind::Stopped);
    EXPECT_EQ(peers.server.remote(), peers.client.local());
}

TEST(Connection, ASilentPeerIsATimeout) {
    Peers peers;
    peers.server.within(milliseconds(20));
    auto const line = test::run(peers.loop, line_of(&peers.server, 512));
    ASSERT_FALSE(line);
    EXPECT_EQ(line.error().kind, FaultKind::Timeout);
    EXPECT_EQ(line.error().text(), "reading from the peer: timed out");
}

TEST(Connection, APeerThatDoesNotReadIsATimeout) {
    Peers peers;
    peers.server.within(milliseconds(20));
    std::string const much(64UL << 20U, 'x');
    EXPECT_EQ(test::run(peers.loop, peers.server.write(much)).error().kind, FaultKind::Timeout);
}

Task<bool> say_later(Connection* connection, Duration after, std::string bytes) {
    co_await net::pause(after);
    co_return (co_await connection->write(bytes)).has_value();
}

TEST(Connection, ALaterDeadlineReplacesAnEarlierOne) {
    Peers peers;
    peers.server.within(milliseconds(10));
    peers.server.within(seconds(60));
    auto const [line, sent] = peers.both(line_of(&peers.server, 512),
                                         say_later(&peers.client, milliseconds(30), "NOOP\r\n"));
    EXPECT_EQ(line, "NOOP");
}

Task<Result<std::string>> read_under(Connection* connection, Duration first, Duration second) {
    connection->within(first);
    auto const line = co_await line_of(connection, 512);
    if (!line) co_return line;
    connection->within(second);
    co_return co_await line_of(connection, 512);
}

TEST(Connection, AnEarlierDeadlineReplacesALaterOne) {
    Peers peers;
    auto const [line, sent] = peers.both(read_under(&peers.server, seconds(60), milliseconds(20)),
                                         say_later(&peers.client, milliseconds(1), "NOOP\r\n"));
    EXPECT_EQ(line.error().kind, FaultKind::Timeout);
}

Task<bool> say_twice(Connection* connection, Duration between) {
    bool const first = co_await say_later(connection, milliseconds(1), "NOOP\r\n");
    co_return first&& co_await say_later(connection, between, "RSET\r\n");
}

TEST(Connection, ADeadlineExtendedWhileTheTimerRunsHolds) {
    Peers peers;
    auto const [line, sent] = peers.both(read_under(&peers.server, milliseconds(500), seconds(60)),
                                         say_twice(&peers.client, milliseconds(600)));
    EXPECT_EQ(line, "RSET");
}

Task<Result<std::string>> dawdle_and_read(Connection* connection) {
    connection->within(milliseconds(1));
    co_await net::pause(milliseconds(10));
    connection->within(seconds(60));
    co_return co_await line_of(connection, 512);
}

TEST(Connection, ADeadlineThatPassesWhileNobodyWaitsDoesNoHarm) {
    Peers peers;
    auto const [line, sent] =
        peers.both(dawdle_and_read(&peers.server), say(&peers.client, "NOOP\r\n"));
    EXPECT_EQ(line, "NOOP");
}

Task<void> wait_for_line(std::shared_ptr<Connection> connection, std::atomic<int>* stopped) {
    auto const line = co_await connection->read_line(512);
    if (!line && line.error().kind == FaultKind::Stopped) ++*stopped;
}

TEST(Connection, SessionsOnSeveralLoopsEndWhenCancelled) {
    net::Loops loops(2);
    boost::asio::io_context clients(1);
    net::TaskGroup group("session", 100, observe::Log(observe::make_null_sink()));
    std::atomic<int> stopped = 0;
    std::vector<test::tcp::socket> held;
    for (int i = 0; i < 20; ++i) {
        auto& loop = loops.next();
        auto ends = test::sockets(loop, clients);
        held.push_back(std::move(ends.second));
        auto connection = std::make_shared<Connection>(std::move(ends.first));
        if (i % 2 == 0) connection->within(seconds(3600));
        group.spawn(loop.get_executor(), wait_for_line(std::move(connection), &stopped));
    }
    loops.run();
    group.drain(milliseconds(10));
    EXPECT_EQ(stopped, 20);
}

TEST(Connection, ItMayMoveWhileAnOperationRuns) {
    Peers peers;
    std::optional<Result<std::string_view>> got;
    test::start(peers.loop, peers.server.peek(), got);
    peers.loop.poll();
    Connection const moved(std::move(peers.server));
    EXPECT_TRUE(test::run(peers.loop, peers.client.write("x")).has_value());
    while (!got && peers.loop.run_one() > 0) {
    }
    EXPECT_EQ(got->value(), "x");
}

}  // namespace
}  // namespace valija::channel
