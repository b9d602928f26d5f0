// Which changes at partners were told already: a change is an event once a day, not once a message.
//
// Promise: any thread; bounded: when it is full everything is told anew.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "platform/base/time.hpp"

namespace valija::deliver {

class ToldChanges {
  public:
    // Whether this was not told in the last day; from now on it was.
    bool is_news(const std::string& change, Time now) {
        constexpr size_t kMost = 1000;
        std::scoped_lock const lock(mutex_);
        if (told_.size() >= kMost && !told_.contains(change)) {
            told_.clear();
        }
        Time& last = told_[change];
        const bool is_new = now - last >= std::chrono::hours(24) || last > now;
        last = is_new ? now : last;
        return is_new;
    }

  private:
    std::mutex mutex_;
    std::map<std::string, Time> told_;
};

}  // namespace valija::deliver
