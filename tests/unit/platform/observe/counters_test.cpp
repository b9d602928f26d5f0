// Counters: there from the start, at 0, and in the form that Prometheus reads.
#include "platform/observe/counters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <regex>
#include <set>
#include <thread>

namespace valija::observe {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Row {
    std::string_view name;
    bool by_partner;
    std::string_view help;
};

constexpr bool None = false;
constexpr bool Partner = true;
constexpr bool Certificate = false;
constexpr bool Url = false;
constexpr bool Trouble = false;

#define METRIC_Counter(...) __VA_ARGS__,
#define METRIC_Gauge(...)
#define METRIC(enumerator, name, kind, labels, help) METRIC_##kind({name, labels, help})
constexpr auto kRows = std::to_array<Row>({
#include "platform/observe/metrics.def"
});
#undef METRIC_Counter
#undef METRIC_Gauge
#define METRIC_Counter(...)
#define METRIC_Gauge(...) __VA_ARGS__,
constexpr auto kGauges = std::to_array<Row>({
#include "platform/observe/metrics.def"
});
#undef METRIC

Metric metric(size_t row) { return static_cast<Metric>(row); }

TEST(Metrics, EveryRowHasANameOfItsOwnInTheFormOfPrometheusAndWordsForPeople) {
    std::set<std::string_view> names;
    const std::regex form("valija_[a-z]+(_[a-z]+)*");
    for (const auto& [name, by_partner, help] : kRows) {
        EXPECT_TRUE(names.insert(name).second) << name;
        EXPECT_TRUE(std::regex_match(std::string(name), form)) << name;
        EXPECT_TRUE(name.ends_with("_total")) << name << " counts";
        EXPECT_FALSE(help.empty()) << name;
    }
    for (const auto& [name, by_partner, help] : kGauges) {
        EXPECT_TRUE(names.insert(name).second) << name;
        EXPECT_TRUE(std::regex_match(std::string(name), form)) << name;
        EXPECT_FALSE(name.ends_with("_total")) << name << " does not count";
        EXPECT_FALSE(by_partner) << name << ": series of partners are counters";
        EXPECT_FALSE(help.empty()) << name;
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
            kRows[i].by_partner ? counters.add(metric(i), "p", "c") : counters.add(metric(i));
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

TEST(Gauges, WhatWasReadStandsInThePrometheusTextAndNotAmongTheSamples) {
    const Counters counters;
    const std::vector<Reading> readings = {
        {.gauge = Gauge::CertificateNotAfter, .labels = {"mail.contoso.com"}, .value = 1794067200},
        {.gauge = Gauge::QueueMessages, .value = 3},
        {.gauge = Gauge::CertificateNotAfter, .labels = {"a\"b"}, .value = 0.5}};
    const std::string text = counters.prometheus_text(readings);
    EXPECT_THAT(text, HasSubstr("# HELP valija_queue_messages messages in the queue\n"
                                "# TYPE valija_queue_messages gauge\n"
                                "valija_queue_messages 3\n"));
    EXPECT_THAT(text, HasSubstr("# TYPE valija_certificate_not_after_timestamp_seconds gauge\n"
                                "valija_certificate_not_after_timestamp_seconds{certificate=\"mail."
                                "contoso.com\"} 1794067200\n"
                                "valija_certificate_not_after_timestamp_seconds{certificate="
                                "\"a\\\"b\"} 0.5\n"));
    EXPECT_EQ(counters.samples().size(),
              static_cast<size_t>(std::ranges::count(kRows, false, &Row::by_partner)));
}

TEST(Gauges, WhatWasNotReadIsLeftOut) {
    const Counters counters;
    EXPECT_THAT(counters.prometheus_text(), Not(HasSubstr("gauge")));
    EXPECT_THAT(counters.prometheus_text({{.gauge = Gauge::CrlNextUpdate, .labels = {"http://a"}}}),
                HasSubstr("valija_crl_next_update_timestamp_seconds{url=\"http://a\"} 0\n"));
    EXPECT_THAT(counters.prometheus_text({{.gauge = Gauge::QueueOldestAge, .value = 1}}),
                Not(HasSubstr("valija_crl_next_update")));
}

}  // namespace
}  // namespace valija::observe
