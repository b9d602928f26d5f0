// Requests and answers on the control socket: what goes in comes out, and hostile lines are faults.
#include "control/service/internal/wire.hpp"

#include <gtest/gtest.h>

namespace valija::service {
namespace {

TEST(Wire, ARequestComesBackAsItWas) {
    const Request request{.command = "queue list",
                          .arguments = {{"limit", "5"}, {"odd\n\"name", "\\\t\xc3\xa9"}, {"", ""}},
                          .json = true};
    const std::string line = request_line(request);
    EXPECT_TRUE(line.ends_with('\n'));
    EXPECT_EQ(line.find('\n'), line.size() - 1) << "one line, whatever is in it";
    const auto read = parse_request(line);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->command, request.command);
    EXPECT_EQ(read->arguments, request.arguments);
    EXPECT_TRUE(read->json);
}

TEST(Wire, AnAnswerComesBackAsItWasInAnyBytes) {
    const Answer answer{.exit_status = 75, .out = "a\nb\xff\n", .err = std::string("\0x", 2)};
    const std::string line = answer_line(answer);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    const auto read = parse_answer(line);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->exit_status, 75);
    EXPECT_EQ(read->out, answer.out);
    EXPECT_EQ(read->err, answer.err);
}

TEST(Wire, ArgumentsAndJsonMayBeLeftOut) {
    const auto read = parse_request(R"({"command":"counters","later":[1,2]})");
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->command, "counters");
    EXPECT_TRUE(read->arguments.empty());
    EXPECT_FALSE(read->json);
}

TEST(Wire, AMalformedRequestIsAFaultOfInput) {
    const std::string deep(10000, '[');
    for (const std::string& line :
         {std::string(), std::string("\n"), std::string("{"), std::string("null"),
          std::string("[]"), std::string("\"counters\""), std::string("{}"),
          std::string(R"({"command":1})"), std::string(R"({"command":"a","json":1})"),
          std::string(R"({"command":"a","json":"true"})"),
          std::string(R"({"command":"a","arguments":[]})"),
          std::string(R"({"command":"a","arguments":{"x":1}})"),
          std::string(R"({"command":"a","arguments":{"x":{"y":"z"}}})"),
          std::string(R"({"command":"a"} {"command":"b"})"), std::string(R"({"command":"a",})"),
          std::string("GET / HTTP/1.1"), deep, R"({"command":"a","deep":)" + deep,
          std::string("\0\0\0", 3)}) {
        const auto read = parse_request(line);
        ASSERT_FALSE(read.has_value()) << line.substr(0, 80);
        EXPECT_EQ(read.error().kind, FaultKind::Input);
    }
}

TEST(Wire, AnAnswerThatIsIncompleteOrOutOfRangeIsAFault) {
    for (const char* line :
         {"", "{}", R"({"exit":0,"out":""})", R"({"out":"","err":""})",
          R"({"exit":-1,"out":"","err":""})", R"({"exit":256,"out":"","err":""})",
          R"({"exit":1.5,"out":"","err":""})", R"({"exit":"0","out":"","err":""})",
          R"({"exit":99999999999999999999,"out":"","err":""})",
          R"({"exit":0,"out":null,"err":""})"}) {
        const auto read = parse_answer(line);
        ASSERT_FALSE(read.has_value()) << line;
        EXPECT_EQ(read.error().kind, FaultKind::Input);
    }
}

}  // namespace
}  // namespace valija::service
