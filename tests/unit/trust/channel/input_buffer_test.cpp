#include "trust/channel/internal/input_buffer.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <vector>

namespace valija::channel::internal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// All lines of `bytes`, given in pieces of `piece`: "text", "text bare", "too long", ….
std::vector<std::string> lines(std::string_view bytes, size_t piece, size_t limit = 10) {
    InputBuffer buffer;
    std::vector<std::string> out;
    while (!bytes.empty()) {
        buffer.append(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
        while (auto const line = buffer.next_line(limit)) {
            out.push_back(fmt::format("{}{}{}", line->text, line->too_long ? "too long" : "",
                                      line->bare ? " bare" : ""));
        }
    }
    return out;
}

// The outcome must not depend on how the network cut the bytes.
class InputBufferTest : public testing::TestWithParam<size_t> {};

TEST_P(InputBufferTest, ALineEndsAtCrLf) {
    EXPECT_THAT(lines("EHLO a\r\n\r\nQUIT\r\nrest", GetParam()), ElementsAre("EHLO a", "", "QUIT"));
}

TEST_P(InputBufferTest, ABareLfEndsALineAndMarksIt) {
    EXPECT_THAT(lines("a\nb\r\n\nc\r\n", GetParam()), ElementsAre("a bare", "b", " bare", "c"));
}

TEST_P(InputBufferTest, ABareCrMarksALineAndDoesNotEndIt) {
    EXPECT_THAT(lines("a\rb\r\n\r\r\nc\r\n", GetParam()), ElementsAre("a\rb bare", "\r bare", "c"));
    EXPECT_THAT(lines("a\rb\n", GetParam()), ElementsAre("a\rb bare"));
}

TEST_P(InputBufferTest, TheLimitIsExact) {
    EXPECT_THAT(lines("0123456789\r\n0123456789a\r\nx\r\n", GetParam()),
                ElementsAre("0123456789", "too long", "x"));
    EXPECT_THAT(lines("0123456789\n01234567890\nx\r\n", GetParam()),
                ElementsAre("0123456789 bare", "too long bare", "x"));
}

TEST_P(InputBufferTest, ALongLineIsSkippedToItsEnd) {
    auto const full = std::string(1000, 'x');
    EXPECT_THAT(lines(full + "\r\nNOOP\r\n", GetParam()), ElementsAre("too long", "NOOP"));
    EXPECT_THAT(lines(full + "\nNOOP\r\n", GetParam()), ElementsAre("too long bare", "NOOP"));
    EXPECT_THAT(lines(full + "\r" + full + "\r\nNOOP\r\n", GetParam()),
                ElementsAre("too long bare", "NOOP"));
    EXPECT_THAT(lines(full + "\r\r\nNOOP\r\n", GetParam()), ElementsAre("too long bare", "NOOP"));
    EXPECT_THAT(lines(full, GetParam()), IsEmpty());
}

TEST_P(InputBufferTest, NulAndHighBytesAreNothingSpecial) {
    EXPECT_THAT(lines(std::string_view("a\0\xff\r\n", 5), GetParam()),
                ElementsAre(std::string("a\0\xff", 3)));
}

INSTANTIATE_TEST_SUITE_P(Pieces, InputBufferTest, testing::Values(1, 2, 3, 7, 11, 12, 13, 5000));

TEST(InputBuffer, OfALongLineNothingIsKept) {
    InputBuffer buffer;
    for (int i = 0; i < 1000; ++i) {
        buffer.append(std::string(16UL << 10U, 'x'));
        ASSERT_FALSE(buffer.next_line(512));
        ASSERT_EQ(buffer.view().size(), 0U);
    }
    EXPECT_FALSE(buffer.empty()) << "we are within a line";
    buffer.append("\r\nx");
    EXPECT_TRUE(buffer.next_line(512)->too_long);
    EXPECT_EQ(buffer.view(), "x");
}

TEST(InputBuffer, LinesAndChunksMix) {
    InputBuffer buffer;
    EXPECT_TRUE(buffer.empty());
    EXPECT_FALSE(buffer.has_line());
    buffer.append("DATA\r\nbody\r\n.\r\nQU");
    EXPECT_TRUE(buffer.has_line());
    EXPECT_EQ(buffer.next_line(512)->text, "DATA");
    EXPECT_EQ(buffer.view(), "body\r\n.\r\nQU");
    buffer.consume(9);
    EXPECT_FALSE(buffer.has_line());
    EXPECT_FALSE(buffer.empty());
    buffer.append("IT\r\n");
    EXPECT_TRUE(buffer.has_line());
    EXPECT_EQ(buffer.next_line(512)->text, "QUIT");
    EXPECT_TRUE(buffer.empty());
    buffer.release();
    EXPECT_TRUE(buffer.empty());
    buffer.append("x\r\n");
    EXPECT_EQ(buffer.next_line(512)->text, "x");
}

}  // namespace
}  // namespace valija::channel::internal
