// Log lines: one event, one line, whatever a peer sent; and the table of events.
#include "platform/observe/log.hpp"

#include <gtest/gtest.h>

#include <array>
#include <regex>
#include <set>

#include "support/lines_sink.hpp"
#include "support/temporary_directory.hpp"

namespace valija::observe {
namespace {

constexpr auto kEvents = std::to_array<Event>({
#define EVENT(name, id, level, exchange_id, meaning) Event::name,
#include "platform/observe/events.def"
#undef EVENT
});

class LogTest : public testing::Test {
  protected:
    // The line without its time.
    std::string last() const {
        const std::string line = sink_->lines().back();
        return line.substr(line.find(' ') + 1);
    }

    std::shared_ptr<test::LinesSink> sink_ = std::make_shared<test::LinesSink>();
    Log log_{sink_};
};

TEST_F(LogTest, ALineIsTimeLevelEventAndFields) {
    log_.emit(Event::MessageReceived, {{"id", "FF"}, {"size", "12"}});
    EXPECT_EQ(last(), "info smtp.message-received id=FF size=12");
    EXPECT_TRUE(std::regex_match(
        sink_->lines().back(),
        std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info smtp\.message-received .*)")));
    EXPECT_EQ(sink_->levels().back(), Level::Info);
}

TEST_F(LogTest, TheNumberThatExchangeGivesTheEventIsInTheLine) {
    log_.emit(Event::PeerNameMismatch, {{"partner", "fabrikam"}});
    EXPECT_EQ(last(), "error tls.peer-name-mismatch exchange_id=11015 partner=fabrikam");
}

TEST_F(LogTest, AChildInheritsTheFieldsOfItsParentAndTheParentGetsNone) {
    const Log session = log_.with({{"session", "S1"}, {"client", "192.0.2.1"}});
    const Log message = session.with({{"id", "FF"}});
    message.emit(Event::Delivered, {{"to", "b"}});
    EXPECT_EQ(last(), "info delivery.delivered session=S1 client=192.0.2.1 id=FF to=b");
    session.emit(Event::Delivered);
    EXPECT_EQ(last(), "info delivery.delivered session=S1 client=192.0.2.1");
    log_.emit(Event::Delivered);
    EXPECT_EQ(last(), "info delivery.delivered");
}

TEST_F(LogTest, APeerCannotForgeALineOrAField) {
    const Log child = log_.with({{"helo", "x\r\n2026 error server.fault"}});
    child.emit(Event::MessageRefused, {{"text", "550 no\" id=FF partner=\"a\nb"}});
    const auto line = sink_->lines().back();
    EXPECT_EQ(line.find_first_of("\r\n"), std::string::npos);
    EXPECT_EQ(last(),
              "warning smtp.message-refused helo=\"x\\x0D\\x0A2026 error server.fault\" "
              "text=\"550 no' id=FF partner='a\\x0Ab\"");
}

TEST_F(LogTest, AValueWithBlanksOrQuotesIsQuotedAndNothingIsLeftOut) {
    log_.emit(Event::Failed, {{"a", ""}, {"b", "x y"}, {"c", "x=y"}, {"d", "plain"}});
    EXPECT_EQ(last(), "warning delivery.failed b=\"x y\" c=\"x=y\" d=plain");
}

TEST_F(LogTest, AnEndlessValueIsCut) {
    log_.emit(Event::Failed, {{"text", std::string(1'000'000, 'x')}});
    EXPECT_LT(last().size(), 2100U);
}

TEST_F(LogTest, AFileHoldsWhatIsOfTheLevelOrAbove) {
    const test::TemporaryDirectory directory;
    {
        const Log log(make_sink(directory.path("log"), Level::Warning));
        log.emit(Event::MessageReceived, {{"id", "1"}});
        log.emit(Event::MessageRefused, {{"id", "2"}});
        log.emit(Event::ServerFault, {{"id", "3"}});
    }
    const std::string text = directory.read("log");
    EXPECT_EQ(text.find("id=1"), std::string::npos);
    EXPECT_NE(text.find("id=2\n"), std::string::npos);
    EXPECT_TRUE(text.ends_with("id=3\n"));
}

TEST_F(LogTest, TheNullSinkTakesEverything) { Log(make_null_sink()).emit(Event::ServerFault); }

TEST(Events, EveryRowHasAnIdOfItsOwnInTheFormPartDotWordsAndAMeaning) {
    std::set<std::string_view> ids;
    const std::regex form("[a-z]+\\.[a-z]+(-[a-z]+)*");
    for (const Event event : kEvents) {
        const EventRow& row = event_row(event);
        EXPECT_TRUE(ids.insert(row.id).second) << row.id;
        EXPECT_TRUE(std::regex_match(std::string(row.id), form)) << row.id;
        EXPECT_FALSE(row.meaning.empty()) << row.id;
        EXPECT_FALSE(row.meaning.ends_with('.')) << row.id;
    }
    EXPECT_EQ(ids.size(), kEvents.size());
}

TEST(Events, ANumberOfExchangeStandsAtOneEventOnlyAndNeverAtAnInformation) {
    std::set<int> numbers;
    for (const Event event : kEvents) {
        const EventRow& row = event_row(event);
        if (row.exchange_id == 0) continue;
        EXPECT_TRUE(numbers.insert(row.exchange_id).second) << row.id;
        EXPECT_GE(row.level, Level::Warning) << row.id;
    }
}

}  // namespace
}  // namespace valija::observe
