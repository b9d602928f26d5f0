#include "platform/net/frame_link.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

namespace valija::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

SteadyTime in(milliseconds time) { return std::chrono::steady_clock::now() + time; }

class FrameLinkTest : public testing::Test {
  protected:
    void raw(std::string_view bytes) const {
        ASSERT_EQ(::send(ends.first.native(), bytes.data(), bytes.size(), 0),
                  static_cast<ssize_t>(bytes.size()));
    }

    FaultKind fault_of_receive(size_t limit = 100) {
        const auto got = ends.second.receive(limit, in(seconds(10)));
        EXPECT_FALSE(got);
        return got ? FaultKind::System : got.error().kind;
    }

    std::pair<FrameLink, FrameLink> ends = std::move(*FrameLink::make_pair());
};

TEST_F(FrameLinkTest, WhatIsSentIsReceivedHoweverLong) {
    for (const size_t size : {0UL, 1UL, 5000UL, 3UL << 20U}) {
        const std::string frame(size, 'f');
        std::thread sender([&] { EXPECT_TRUE(ends.first.send(frame, in(seconds(30)))); });
        const auto got = ends.second.receive(4UL << 20U, in(seconds(30)));
        sender.join();
        ASSERT_TRUE(got) << got.error().text();
        EXPECT_EQ(*got, frame);
    }
}

TEST_F(FrameLinkTest, AFrameInPiecesIsOne) {
    std::thread sender([this] {
        for (const char c : std::string("\0\0\0\3abc", 7)) raw({&c, 1});
    });
    const auto got = ends.second.receive(100, in(seconds(10)));
    sender.join();
    EXPECT_EQ(got.value_or("none"), "abc");
}

TEST_F(FrameLinkTest, AFrameAboveTheLimitIsRefusedBeforeItComes) {
    raw(std::string("\0\0\0\x65", 4));
    EXPECT_EQ(fault_of_receive(), FaultKind::Input);
}

TEST_F(FrameLinkTest, BytesBehindTheFrameAreRefused) {
    raw(std::string("\0\0\0\1ab", 6));
    EXPECT_EQ(fault_of_receive(), FaultKind::Input);
}

TEST_F(FrameLinkTest, TheOtherEndGoneIsToldFromATimeThatPassed) {
    const auto late = ends.second.receive(100, in(milliseconds(1)));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind, FaultKind::Timeout);
    raw(std::string("\0\0\0\3a", 5));
    {
        const FrameLink closed = std::move(ends.first);
    }
    EXPECT_EQ(fault_of_receive(), FaultKind::Network);
    const auto sent = ends.second.send("x", in(seconds(1)));
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().kind, FaultKind::Network);
}

TEST_F(FrameLinkTest, WhoDoesNotReadIsNotWaitedForForever) {
    const auto sent = ends.first.send(std::string(8UL << 20U, 'x'), in(milliseconds(1)));
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().kind, FaultKind::Timeout);
}

TEST_F(FrameLinkTest, EndsOfOtherPairsAreHandedOver) {
    EXPECT_FALSE(*ends.second.receive_links(in(milliseconds(1)))) << "none yet";
    auto one = *FrameLink::make_pair();
    auto two = *FrameLink::make_pair();
    {
        std::vector<FrameLink> both;
        both.push_back(std::move(one.first));
        both.push_back(std::move(two.first));
        ASSERT_TRUE(ends.first.send_links(both));
    }
    auto got = ends.second.receive_links(in(seconds(10)));
    ASSERT_TRUE(got && *got);
    ASSERT_EQ((*got)->size(), 2U);
    ASSERT_TRUE((**got)[1].send("hello", in(seconds(1))));
    EXPECT_EQ(two.second.receive(100, in(seconds(1))).value_or("none"), "hello");
    raw("x");
    EXPECT_FALSE(ends.second.receive_links(in(seconds(10)))) << "bytes without links";
    {
        const FrameLink closed = std::move(ends.first);
    }
    EXPECT_FALSE(ends.second.receive_links(in(seconds(10))));
}

}  // namespace
}  // namespace valija::net
