// The CSV of `valija counters --record`: headers that fit the rows below them, and gaps.
#include "control/service/recording.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace valija::service {
namespace {

using namespace std::chrono_literals;

const Time kTime = Time(1'787'956'673'323ms);
const std::string kStamp = "2026-08-28T22:37:53.323Z";

TEST(SeriesOf, ReadsWhatTheServerAnswers) {
    const auto series = series_of(
        R"([{"name":"a_total","help":"h","labels":{"connector":"Inet","partner":"w"},"value":7},)"
        R"({"name":"b_total","help":"h","labels":{},"value":0}])");
    ASSERT_TRUE(series);
    ASSERT_EQ(series->size(), 2U);
    EXPECT_EQ(series->front().series, R"(a_total{partner="w",connector="Inet"})");
    EXPECT_EQ(series->front().value, "7");
    EXPECT_EQ(series->back().series, "b_total");
    EXPECT_EQ(series->back().value, "0");
}

TEST(SeriesOf, ANameWithQuotesAndLineEndsIsEscaped) {
    const auto series = series_of(R"([{"name":"a","labels":{"partner":"x\"\n\\"},"value":1}])");
    ASSERT_TRUE(series);
    EXPECT_EQ(series->front().series, R"(a{partner="x\"\n\\"})");
}

TEST(SeriesOf, AnotherAnswerIsAFault) {
    for (const char* answer :
         {"", "{}", "[1]", R"([{"name":"a"}])", R"([{"name":"a","labels":{},"value":"1"}])",
          R"([{"name":1,"labels":{},"value":1}])",
          R"([{"name":"a","labels":{"p":1},"value":1}])"}) {
        const auto series = series_of(answer);
        ASSERT_FALSE(series) << answer;
        EXPECT_EQ(series.error().kind, FaultKind::Input);
    }
}

// EX-83
TEST(Recording, TheHeaderStandsOnceAboveItsRows) {
    Recording recording;
    EXPECT_EQ(
        recording.rows(kTime, {{{.series = "a", .value = "1"}, {.series = "b", .value = "2"}}}),
        "time,a,b\n" + kStamp + ",1,2\n");
    EXPECT_EQ(
        recording.rows(kTime, {{{.series = "a", .value = "3"}, {.series = "b", .value = "2"}}}),
        kStamp + ",3,2\n");
}

TEST(Recording, NamesWithCommasAndQuotesAreQuoted) {
    Recording recording;
    EXPECT_EQ(recording.rows(kTime, {{{.series = R"(a{p="x",c="y"})", .value = "1"}}}),
              "time,\"a{p=\"\"x\"\",c=\"\"y\"\"}\"\n" + kStamp + ",1\n");
}

TEST(Recording, OtherSeriesGetANewHeader) {
    Recording recording;
    recording.rows(kTime, {{{.series = "a", .value = "1"}}});
    EXPECT_EQ(
        recording.rows(kTime, {{{.series = "a", .value = "1"}, {.series = "b", .value = "0"}}}),
        "time,a,b\n" + kStamp + ",1,0\n");
    EXPECT_EQ(
        recording.rows(kTime, {{{.series = "c", .value = "1"}, {.series = "b", .value = "0"}}}),
        "time,c,b\n" + kStamp + ",1,0\n")
        << "as many, but others";
}

TEST(Recording, AGapHasATimeAndAnEmptyValueForEachColumn) {
    Recording recording;
    EXPECT_EQ(recording.rows(kTime, std::nullopt), "time\n" + kStamp + "\n");
    EXPECT_EQ(recording.rows(kTime, std::nullopt), kStamp + "\n");
    recording.rows(kTime, {{{.series = "a", .value = "1"}, {.series = "b", .value = "2"}}});
    EXPECT_EQ(recording.rows(kTime, std::nullopt), kStamp + ",,\n");
    EXPECT_EQ(
        recording.rows(kTime, {{{.series = "a", .value = "1"}, {.series = "b", .value = "2"}}}),
        kStamp + ",1,2\n")
        << "the header above the gap still holds";
}

TEST(Recording, AFormerRecordingIsGoneOnWith) {
    Recording first;
    const std::vector<SeriesValue> sample = {{.series = R"(a{p="x",c="y"})", .value = "1"},
                                             {.series = "b", .value = "2"}};
    const std::string before = first.rows(kTime, std::nullopt);
    const std::string with_header = first.rows(kTime, sample);
    const std::string text = before + with_header + first.rows(kTime, std::nullopt);
    Recording second;
    for (size_t from = 0; from < text.size();) {
        const size_t end = text.find('\n', from);
        EXPECT_TRUE(second.recall(std::string_view(text).substr(from, end - from)));
        from = end + 1;
    }
    EXPECT_EQ(second.rows(kTime, std::nullopt), kStamp + ",,\n");
    EXPECT_EQ(second.rows(kTime, sample), kStamp + ",1,2\n");
    second.forget();
    EXPECT_EQ(second.rows(kTime, sample), with_header);
}

TEST(Recording, ALineOfAnotherFileIsNotRecalled) {
    for (const char* line : {"hostname = \"mail.contoso.com\"", "timetable", "time;a", ",", ""}) {
        EXPECT_FALSE(Recording().recall(line)) << line;
    }
    Recording recording;
    EXPECT_TRUE(recording.recall("time,a"));
    EXPECT_TRUE(recording.recall(kStamp + ",1"));
    EXPECT_TRUE(recording.recall(kStamp.substr(0, 12))) << "cut short by a crash";
    EXPECT_FALSE(recording.recall("# a comment"));
}

}  // namespace
}  // namespace valija::service
