// The dot rules, whole and in every possible split; SMTP smuggling (CVE-2023-51764 and its kin).
#include "protocol/smtp/content.hpp"

#include <gtest/gtest.h>

namespace valija::smtp {
namespace {

struct Taken {
    std::string out;
    size_t used = 0;
    bool complete = false;
    bool malformed = false;
};

Taken take_in_steps(std::string_view wire, size_t step) {
    ContentReader reader;
    Taken taken;
    while (taken.used < wire.size() && reader.state() == ContentReader::State::More) {
        taken.used += reader.take(wire.substr(taken.used, step), taken.out);
    }
    taken.complete = reader.state() == ContentReader::State::Complete;
    taken.malformed = reader.is_malformed();
    return taken;
}

TEST(ContentReader, EndsAtTheDotLineAloneWhereverTheWireIsCut) {
    const std::string wire = "a\r\n..b\r\n.c\r\n\r\n.\r\nQUIT\r\n";
    for (size_t step = 1; step <= wire.size(); ++step) {
        const Taken taken = take_in_steps(wire, step);
        EXPECT_TRUE(taken.complete) << step;
        EXPECT_FALSE(taken.malformed) << step;
        EXPECT_EQ(taken.out, "a\r\n.b\r\nc\r\n\r\n") << step;
        EXPECT_EQ(wire.substr(taken.used), "QUIT\r\n") << step;
    }
}

TEST(ContentReader, BareLineEndsNeverEndAMessageAndAreRemembered) {
    for (const char* end :
         {"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r\n.\r\r\n"}) {
        for (size_t step : {1U, 3U, 100U}) {
            const Taken taken = take_in_steps(std::string("x") + end + "RCPT\r\n.\r\n", step);
            EXPECT_TRUE(taken.complete);
            EXPECT_TRUE(taken.malformed);
            EXPECT_NE(taken.out.find("RCPT"), std::string::npos);
        }
    }
}

TEST(ContentReader, ANulIsMalformed) {
    EXPECT_TRUE(take_in_steps(std::string_view("a\0b\r\n.\r\n", 8), 100).malformed);
}

TEST(ContentReader, AnEmptyMessageIsOne) {
    const Taken taken = take_in_steps(".\r\n", 1);
    EXPECT_TRUE(taken.complete);
    EXPECT_EQ(taken.out, "");
}

std::string written(std::string_view content, size_t step) {
    ContentWriter writer;
    std::string out;
    for (size_t at = 0; at < content.size(); at += step) {
        writer.append(content.substr(at, step), out);
    }
    writer.finish(out);
    return out;
}

TEST(ContentWriter, WhatItWritesTheReaderReadsBackWhereverItIsCut) {
    const std::string content = ".\r\n..\r\nx.\r\n.y\r\n\r\n.z\r\n";
    for (size_t step = 1; step <= content.size(); ++step) {
        const Taken taken = take_in_steps(written(content, step), 5);
        EXPECT_EQ(taken.out, content) << step;
        EXPECT_TRUE(taken.complete) << step;
    }
}

TEST(ContentWriter, ALastLineWithoutEndGetsOne) {
    EXPECT_EQ(written("x", 1), "x\r\n.\r\n");
    EXPECT_EQ(written("x\r", 1), "x\r\n.\r\n");
    EXPECT_EQ(written("", 1), ".\r\n");
}

}  // namespace
}  // namespace valija::smtp
