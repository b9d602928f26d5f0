// The protocol log's files and rows: EX-84..90, semantics 2.12.
#include "platform/observe/protocol_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "platform/base/text.hpp"
#include "support/lines_sink.hpp"
#include "support/temporary_directory.hpp"

namespace valija::observe {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class SetClock final : public Clock {
  public:
    Time time = Time(1'764'022'673'323ms);  // 2025-11-24T22:17:53.323Z

    Time now() const override { return time; }
};

class ProtocolLogTest : public testing::Test {
  protected:
    std::string folder() const { return directory_.path() + "/SmtpReceive"; }

    std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(folder())) {
            names.push_back(entry.path().filename().string());
        }
        std::ranges::sort(names);
        return names;
    }

    std::vector<std::string> lines(const std::string& name) const {
        std::ifstream file(folder() + "/" + name, std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        std::vector<std::string> all;
        for (const std::string_view line : split(text, '\n')) {
            if (line.empty()) continue;
            EXPECT_TRUE(line.ends_with('\r')) << line;
            all.emplace_back(line.substr(0, line.size() - 1));
        }
        return all;
    }

    void make_file(const std::string& name, size_t size) const {
        std::filesystem::create_directories(folder());
        std::ofstream(folder() + "/" + name) << std::string(size, 'x');
    }

    ProtocolLog make(ProtocolLogOptions options = {}) {
        options.directory = directory_.path();
        return {ProtocolSide::Receive, options, Log(sink_)};
    }

    test::TemporaryDirectory directory_;
    std::shared_ptr<test::LinesSink> sink_ = std::make_shared<test::LinesSink>();
    SetClock clock_;
};

TEST_F(ProtocolLogTest, AFileHasTheFiveHeaderLinesAndARowAnEvent) {
    ProtocolLog log = make();
    SessionRows rows(log, clock_, "edge\\Inet", "08C895F533E837EC", "192.0.2.7:4711");
    rows.connected("192.0.2.1:25");
    rows.sent("220 edge ready");
    rows.received("EHLO client");
    rows.note({}, "Sending certificate");
    rows.note("CN=a, O=b", "Certificate subject");
    rows.message_begins("receiving message");
    rows.disconnected("Remote");
    EXPECT_THAT(
        lines("RECV20251124-1.log"),
        ElementsAre(
            "#Software: Valija", "#Version: 1.0", "#Log-type: SMTP Receive Protocol Log",
            "#Date: 2025-11-24T22:17:53.323Z",
            "#Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,"
            "remote-endpoint,event,data,context",
            "2025-11-24T22:17:53.323Z,edge\\Inet,08C895F533E837EC,0,192.0.2.1:25,192.0.2.7:4711,"
            "+,,",
            "2025-11-24T22:17:53.323Z,edge\\Inet,08C895F533E837EC,1,192.0.2.1:25,192.0.2.7:4711,"
            ">,220 edge ready,",
            "2025-11-24T22:17:53.323Z,edge\\Inet,08C895F533E837EC,2,192.0.2.1:25,192.0.2.7:4711,"
            "<,EHLO client,",
            "2025-11-24T22:17:53.323Z,edge\\Inet,08C895F533E837EC,3,192.0.2.1:25,192.0.2.7:4711,"
            "*,,Sending certificate",
            "2025-11-24T22:17:53.323Z,edge\\Inet,08C895F533E837EC,4,192.0.2.1:25,192.0.2.7:4711,"
            "*,\"CN=a, O=b\",Certificate subject",
            "2025-11-24T22:17:53.323Z,edge\\Inet,08C895F533E837EC,5,192.0.2.1:25,192.0.2.7:4711,"
            "*,08C895F533E837EC;2025-11-24T22:17:53.323Z;1,receiving message",
            "2025-11-24T22:17:53.323Z,edge\\Inet,08C895F533E837EC,6,192.0.2.1:25,192.0.2.7:4711,"
            "-,,Remote"));
}

TEST_F(ProtocolLogTest, APeerCannotForgeARow) {
    ProtocolLog log = make();
    SessionRows rows(log, clock_, "Inet", "1", "r");
    rows.received("x\r\n2025,forged \"quoted\", \x1b[2J");
    const auto all = lines("RECV20251124-1.log");
    ASSERT_EQ(all.size(), 6U);
    EXPECT_THAT(all.back(), HasSubstr("<,\"x\\x0D\\x0A2025,forged \"\"quoted\"\", \\x1B[2J\","));
}

TEST_F(ProtocolLogTest, AFullFileIsFollowedByTheNextAndANewDayBeginsAtOne) {
    ProtocolLog log = make({.file_size = 400});
    log.write(clock_.now(), std::string(300, 'a'));
    log.write(clock_.now(), "b");
    log.write(clock_.now() + 24h, "c");
    EXPECT_THAT(files(),
                ElementsAre("RECV20251124-1.log", "RECV20251124-2.log", "RECV20251125-1.log"));
    EXPECT_THAT(lines("RECV20251124-2.log").front(), StartsWith("#Software"));
    EXPECT_THAT(lines("RECV20251125-1.log").back(), HasSubstr(",c"));
}

TEST_F(ProtocolLogTest, ARestartGoesOnWithTheNewestFile) {
    {
        ProtocolLog log = make();
        log.write(clock_.now(), "before");
    }
    ProtocolLog log = make();
    log.write(clock_.now(), "after");
    EXPECT_THAT(files(), ElementsAre("RECV20251124-1.log"));
    EXPECT_EQ(lines("RECV20251124-1.log").size(), 7U);
}

TEST_F(ProtocolLogTest, WhatIsTooOldOrTooMuchGoesAndNothingElse) {
    make_file("RECV20250101-1.log", 10);
    make_file("RECV20251120-1.log", 600);
    make_file("RECV20251120-2.log", 600);
    make_file("notes.txt", 5000);
    make_file("RECV2025112x-1.log", 5000);
    ProtocolLog log = make({.file_size = 1000, .folder_size = 1700, .age = 24h * 30});
    log.write(clock_.now(), "row");
    EXPECT_THAT(files(), ElementsAre("RECV20251120-2.log", "RECV20251124-1.log",
                                     "RECV2025112x-1.log", "notes.txt"));
}

TEST_F(ProtocolLogTest, AgeZeroIsNoLimit) {
    make_file("RECV20010101-1.log", 10);
    ProtocolLog log = make({.age = 0s});
    log.write(clock_.now(), "row");
    EXPECT_THAT(files(), ElementsAre("RECV20010101-1.log", "RECV20251124-1.log"));
}

TEST_F(ProtocolLogTest, AFolderThatCannotBeWrittenIsOneEventAndNoMore) {
    std::ofstream(folder()) << "a file where the folder should be";
    ProtocolLog log = make();
    log.write(clock_.now(), "one");
    log.write(clock_.now(), "two");
    EXPECT_THAT(sink_->lines(), ElementsAre(HasSubstr("server.fault")));
    std::filesystem::remove(folder());
    log.write(clock_.now(), "three");
    EXPECT_EQ(lines("RECV20251124-1.log").size(), 6U);
}

TEST(SessionRows, WithoutALogNothingIsWrittenAnywhere) {
    SessionRows rows;
    rows.connected("a");
    rows.sent("b");
    rows.message_begins("c");
    EXPECT_FALSE(rows.is_on());
}

// EX-90: 16 hexadecimal digits, in order, never twice.
TEST(SessionId, IsUniqueAndGrowsEvenWhereTheClockStands) {
    const Time now(1'156'804'673'323ms);  // 2006-08-28T22:37:53.323Z, as in the printed log
    const std::string first = new_session_id(now);
    EXPECT_EQ(first.size(), 16U);
    EXPECT_THAT(first, StartsWith("08C8"));
    EXPECT_LT(first, new_session_id(now));
    EXPECT_LT(new_session_id(now), new_session_id(now - 1h));
}

}  // namespace
}  // namespace valija::observe
