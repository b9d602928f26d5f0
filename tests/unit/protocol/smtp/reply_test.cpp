// Replies: ours, and reading those of a peer that may be hostile.
#include "protocol/smtp/reply.hpp"

#include <gtest/gtest.h>

namespace valija::smtp {
namespace {

using Progress = ReplyReader::Progress;

TEST(Reply, IsWrittenWithItsEnhancedCodeOnEachLine) {
    const Reply two{.code = 250, .enhanced = "2.0.0", .lines = {"one", "two"}};
    EXPECT_EQ(two.wire(), "250-2.0.0 one\r\n250 2.0.0 two\r\n");
    EXPECT_EQ(reply(354, "", "go").wire(), "354 go\r\n");
}

TEST(ReplyReader, PutsLinesTogether) {
    ReplyReader reader;
    EXPECT_EQ(reader.hear("250-2.1.0 one"), Progress::More);
    EXPECT_EQ(reader.hear("250 2.1.0 two"), Progress::Complete);
    const Reply reply = reader.take();
    EXPECT_EQ(reply.text(), "250 2.1.0 one two");
    EXPECT_EQ(reader.hear("250"), Progress::Complete);
}

TEST(ReplyReader, WhatIsNoReplyIsMalformed) {
    for (const char* line :
         {"", "2", "25", "abc hello", "999 x", "150 x", "250x", "2500 x", "-250 x", " 250 x"}) {
        EXPECT_EQ(ReplyReader().hear(line), Progress::Malformed) << line;
    }
    ReplyReader reader;
    reader.hear("250-a");
    EXPECT_EQ(reader.hear("550 b"), Progress::Malformed);
}

TEST(ReplyReader, LinesWithoutEndAreBounded) {
    ReplyReader reader;
    Progress progress = Progress::More;
    int lines = 0;
    while (progress == Progress::More && lines < 1000) {
        progress = reader.hear("250-" + std::string(2000, 'x'));
        ++lines;
    }
    EXPECT_EQ(progress, Progress::Malformed);
    EXPECT_LE(lines, 101);
    EXPECT_EQ(reader.take().lines.front().size(), 512U);
}

}  // namespace
}  // namespace valija::smtp
