#include "platform/observe/counters.hpp"

#include <prometheus/counter.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>

namespace valija::observe {
namespace {

enum class Labels { None, Partner, Certificate, Url, Trouble };

struct Row {
    std::string_view name;
    Labels labels;
    std::string_view help;
};

#define METRIC_Counter(...) __VA_ARGS__,
#define METRIC_Gauge(...)
#define METRIC(enumerator, name, kind, labels, help) METRIC_##kind({name, Labels::labels, help})

constexpr auto rows = std::to_array<Row>({
#include "platform/observe/metrics.def"
});

#undef METRIC_Counter
#undef METRIC_Gauge
#define METRIC_Counter(...)
#define METRIC_Gauge(...) __VA_ARGS__,

constexpr auto gauge_rows = std::to_array<Row>({
#include "platform/observe/metrics.def"
});

#undef METRIC
#undef METRIC_Counter
#undef METRIC_Gauge

std::vector<std::string_view> label_names(Labels labels) {
    switch (labels) {
        case Labels::None:
            break;
        case Labels::Partner:
            return {"partner", "connector"};
        case Labels::Certificate:
            return {"certificate"};
        case Labels::Url:
            return {"url"};
        case Labels::Trouble:
            return {"certificate", "event"};
    }
    return {};
}

std::vector<prometheus::ClientMetric::Label> labels_of(const Row& row, const Reading& reading) {
    std::vector<prometheus::ClientMetric::Label> labels;
    const auto names = label_names(row.labels);
    for (size_t i = 0; i < std::min(names.size(), reading.labels.size()); ++i)
        labels.push_back({std::string(names[i]), reading.labels[i]});
    return labels;
}

// A family without a reading is left out: what was not measured is not 0.
std::vector<prometheus::MetricFamily> families_of(const std::vector<Reading>& readings) {
    std::vector<prometheus::MetricFamily> families;
    for (size_t i = 0; i < gauge_rows.size(); ++i) {
        const Row& row = gauge_rows.at(i);
        prometheus::MetricFamily family{.name = std::string(row.name),
                                        .help = std::string(row.help),
                                        .type = prometheus::MetricType::Gauge};
        for (const Reading& reading : readings) {
            if (static_cast<size_t>(reading.gauge) != i) continue;
            prometheus::ClientMetric metric;
            metric.label = labels_of(row, reading);
            metric.gauge.value = reading.value;
            family.metric.push_back(std::move(metric));
        }
        if (!family.metric.empty()) families.push_back(std::move(family));
    }
    return families;
}

}  // namespace

struct Counters::Registry {
    prometheus::Registry registry;
    std::vector<prometheus::Family<prometheus::Counter>*> families;
};

Counters::Counters() : registry_(std::make_unique<Registry>()) {
    for (auto const& row : rows) {
        auto& family = prometheus::BuildCounter()
                           .Name(std::string(row.name))
                           .Help(std::string(row.help))
                           .Register(registry_->registry);
        if (row.labels == Labels::None) family.Add({});
        registry_->families.push_back(&family);
    }
}

Counters::~Counters() = default;

void Counters::declare(std::string_view partner, std::string_view connector) {
    for (size_t i = 0; i < rows.size(); ++i)
        if (rows.at(i).labels == Labels::Partner)
            registry_->families[i]->Add(
                {{"partner", std::string(partner)}, {"connector", std::string(connector)}});
}

void Counters::add(Metric metric) {
    registry_->families.at(static_cast<size_t>(metric))->Add({}).Increment();
}

void Counters::add(Metric metric, std::string_view partner, std::string_view connector) {
    registry_->families.at(static_cast<size_t>(metric))
        ->Add({{"partner", std::string(partner)}, {"connector", std::string(connector)}})
        .Increment();
}

std::vector<Sample> Counters::samples() const {
    std::vector<Sample> all;
    auto const families = registry_->registry.Collect();
    for (auto const& row : rows)
        for (auto const& family : families) {
            if (family.name != row.name) continue;
            for (auto const& metric : family.metric) {
                Sample sample{family.name, family.help, {}, metric.counter.value};
                for (auto const& label : metric.label)
                    sample.labels.emplace_back(label.name, label.value);
                all.push_back(std::move(sample));
            }
        }
    return all;
}

std::string Counters::prometheus_text(const std::vector<Reading>& readings) const {
    auto families = registry_->registry.Collect();
    for (auto& family : families_of(readings)) families.push_back(std::move(family));
    return prometheus::TextSerializer().Serialize(families);
}

}  // namespace valija::observe
