// The counters, declared in metrics.def. Any thread; add() is an atomic addition.
//
// Gauges are rows of the same table and are kept nowhere: who asks for the Prometheus text measures
// them and hands the readings in.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace valija::observe {

// A row belongs to the enumeration of its kind, so that nobody adds to a gauge.
#define METRIC_Counter(enumerator) enumerator,
#define METRIC_Gauge(enumerator)
#define METRIC(enumerator, name, kind, labels, help) METRIC_##kind(enumerator)

enum class Metric {
#include "platform/observe/metrics.def"
};

#undef METRIC_Counter
#undef METRIC_Gauge
#define METRIC_Counter(enumerator)
#define METRIC_Gauge(enumerator) enumerator,

enum class Gauge {
#include "platform/observe/metrics.def"
};

#undef METRIC
#undef METRIC_Counter
#undef METRIC_Gauge

// What a gauge shows now; `labels` are the values that its row asks for, in its order.
struct Reading {
    Gauge gauge;
    std::vector<std::string> labels;
    double value = 0;
};

struct Sample {
    std::string name;
    std::string help;
    std::vector<std::pair<std::string, std::string>> labels;
    double value = 0;
};

class Counters {
  public:
    Counters();
    ~Counters();
    Counters(const Counters&) = delete;
    Counters& operator=(const Counters&) = delete;

    // Makes the Partner series of this pair exist, at 0 if they are new.
    void declare(std::string_view partner, std::string_view connector);

    void add(Metric metric);
    void add(Metric metric, std::string_view partner, std::string_view connector);

    // All series, in the order of metrics.def; gauges are not among them.
    std::vector<Sample> samples() const;

    // The Prometheus text format: the counters, then the gauges that were read (each series once).
    std::string prometheus_text(const std::vector<Reading>& readings = {}) const;

  private:
    struct Registry;
    std::unique_ptr<Registry> registry_;
};

}  // namespace valija::observe
