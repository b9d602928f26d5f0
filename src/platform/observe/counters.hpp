// The counters, declared in metrics.def. Any thread; add() is an atomic addition.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace valija::observe {

enum class Metric {
#define METRIC(enumerator, name, labels, help) enumerator,
#include "platform/observe/metrics.def"
#undef METRIC
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

    // All series, in the order of metrics.def.
    std::vector<Sample> samples() const;

    // The Prometheus text format.
    std::string prometheus_text() const;

 private:
    struct Registry;
    std::unique_ptr<Registry> registry_;
};

}  // namespace valija::observe
