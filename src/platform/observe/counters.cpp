#include "platform/observe/counters.hpp"

#include <prometheus/counter.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>

namespace valija::observe {
namespace {

enum class Labels { None, Partner };

struct Row {
    std::string_view name;
    Labels labels;
    std::string_view help;
};

constexpr auto rows = std::to_array<Row>({
#define METRIC(enumerator, name, labels, help) {name, Labels::labels, help},
#include "platform/observe/metrics.def"
#undef METRIC
});

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

void Counters::add(Metric metric) { registry_->families.at(static_cast<size_t>(metric))->Add({}).Increment(); }

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
                for (auto const& label : metric.label) sample.labels.emplace_back(label.name, label.value);
                all.push_back(std::move(sample));
            }
        }
    return all;
}

std::string Counters::prometheus_text() const {
    return prometheus::TextSerializer().Serialize(registry_->registry.Collect());
}

}  // namespace valija::observe
