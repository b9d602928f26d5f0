// When to try again. Pure.
#pragma once

#include <vector>

#include "platform/base/time.hpp"

namespace valija::queue {

// The steps of the `retry` setting: the n-th failure (counted from 1) waits for the n-th step,
// later ones for the last.
struct Schedule {
    std::vector<Duration> steps{std::chrono::minutes(1), std::chrono::minutes(5),
                                std::chrono::minutes(15), std::chrono::minutes(30)};
    Time next(int attempts, Time now) const;
};

}  // namespace valija::queue
