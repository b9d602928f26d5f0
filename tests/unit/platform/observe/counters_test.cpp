// Counters: there from the start, at 0, and in the form that Prometheus reads.
#include "platform/observe/counters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <regex>
#include <set>
#include <thread>

namespace valija::observe {
namespace {

using testing::HasSubstr;

struct Row {
    Metric metric;
    std::string_view name;
    bool by_partner;
    std::string_view help;
};

constexpr bool None = false;
constexpr bool Partner = true;
constexpr auto kRows = std::to_array<Row>({
#define METRIC(enumerator, name, labels, help) {Metric::enumerator, name, labels, help},
#include "platform/observe/metrics.def"
#undef METRIC
});

TEST(Metrics, EveryRowHasANameOfItsOwnInTheFormOfPrometheusAndWordsForPeople) {
    std::set<std::string_view> names;
    const std::regex form("valija_[a-z]+(_[a-z]+)*_total");
    for (const Row& row : kRows) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_TRUE(std::regex_match(std::string(row.name), form)) << row.name;
        EXPECT_FALSE(row.help.empty()) << row.name;
    }
}

// EX-80, EX-81, EX-82
TEST(Metrics, TheCountersOfExchangeHaveItsNames) {
    std::set<std::string_view> help;
    for (const Row& row : kRows) help.insert(row.help);
    EXPECT_TRUE(help.contains("Domain-Secured Messages Received"));
    EXPECT_TRUE(help.contains("Domain-Secured Messages Sent"));
    EXPECT_TRUE(help.contains("Domain-Secured Outbound Session Failures"));
}

// EX-83
TEST(Counters, EverySeriesIsThereAtZeroFromTheStart) {
    Counters counters;
    counters.declare("fabrikam", "Inet");
    const auto samples = counters.samples();
    ASSERT_EQ(samples.size(), kRows.size());
    for (size_t i = 0; i < samples.size(); ++i) {
        EXPECT_EQ(samples[i].name, kRows[i].name) << "the order is that of metrics.def";
        EXPECT_EQ(samples[i].help, kRows[i].help);
        EXPECT_EQ(samples[i].value, 0);
        EXPECT_EQ(samples[i].labels.empty(), !kRows[i].by_partner);
    }
}

TEST(Counters, APairThatIsDeclaredAgainKeepsItsCount) {
    Counters counters;
    counters.declare("fabrikam", "Inet");
    counters.add(Metric::DomainSecureReceived, "fabrikam", "Inet");
    counters.declare("fabrikam", "Inet");
    counters.declare("fabrikam", "Lan");
    double total = 0;
    size_t series = 0;
    for (const Sample& sample : counters.samples()) {
        if (sample.name != "valija_domain_secure_messages_received_total") continue;
        total += sample.value;
        ++series;
    }
    EXPECT_EQ(series, 2U);
    EXPECT_EQ(total, 1);
}

TEST(Counters, EachMetricCountsForItself) {
    Counters counters;
    for (size_t i = 0; i < kRows.size(); ++i) {
        for (size_t times = 0; times <= i; ++times) {
            kRows[i].by_partner ? counters.add(kRows[i].metric, "p", "c")
                                : counters.add(kRows[i].metric);
        }
    }
    const auto samples = counters.samples();
    ASSERT_EQ(samples.size(), kRows.size());
    for (size_t i = 0; i < samples.size(); ++i) {
        EXPECT_EQ(samples[i].value, static_cast<double>(i + 1)) << samples[i].name;
    }
}

TEST(Counters, AdditionsOfManyThreadsAreAllCounted) {
    Counters counters;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 1000; ++n) {
                counters.add(Metric::MessagesReceived);
                counters.add(Metric::DomainSecureSent, "p", "c");
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    double total = 0;
    for (const Sample& sample : counters.samples()) total += sample.value;
    EXPECT_EQ(total, 8000);
}

TEST(Counters, ThePrometheusTextHasHelpTypeAndValue) {
    Counters counters;
    counters.declare("fabrikam", "Inet");
    counters.add(Metric::MessagesReceived);
    const std::string text = counters.prometheus_text();
    EXPECT_THAT(text, HasSubstr("# HELP valija_messages_received_total messages accepted\n"
                                "# TYPE valija_messages_received_total counter\n"
                                "valija_messages_received_total 1\n"));
    EXPECT_THAT(text, HasSubstr("valija_domain_secure_messages_sent_total{"));
    EXPECT_THAT(text, HasSubstr("partner=\"fabrikam\""));
    EXPECT_THAT(text, HasSubstr("connector=\"Inet\""));
}

TEST(Counters, ANameWithQuotesAndLineEndsStaysInItsLabel) {
    Counters counters;
    counters.declare("a\"} 9\nvalija_forged 1", "c\\");
    EXPECT_THAT(counters.prometheus_text(), HasSubstr(R"(partner="a\"} 9\nvalija_forged 1")"));
    EXPECT_THAT(counters.prometheus_text(), HasSubstr(R"(connector="c\\")"));
}

}  // namespace
}  // namespace valija::observe
