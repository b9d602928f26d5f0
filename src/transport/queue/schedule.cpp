#include "transport/queue/schedule.hpp"

#include <algorithm>

namespace valija::queue {

Time Schedule::next(int attempts, Time now) const {
    if (steps.empty()) {
        return now + std::chrono::minutes(30);
    }
    const auto index = static_cast<size_t>(std::max(attempts, 1) - 1);
    return now + steps[std::min(index, steps.size() - 1)];
}

}  // namespace valija::queue
