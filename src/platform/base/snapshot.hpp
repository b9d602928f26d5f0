// An immutable value that is replaced as a whole: readers keep what they took, a new one is
// published at once for the next reader. Any thread.
#pragma once

#include <memory>
#include <mutex>

namespace valija {

template <class T>
class Snapshot {
  public:
    Snapshot() = default;

    explicit Snapshot(std::shared_ptr<const T> value) : value_(std::move(value)) {}

    std::shared_ptr<const T> get() const {
        std::scoped_lock const lock(mutex_);
        return value_;
    }

    void set(std::shared_ptr<const T> value) {
        {
            std::scoped_lock const lock(mutex_);
            value_.swap(value);
        }
        // The old value is released here, outside the lock: freeing may be slow.
    }

  private:
    mutable std::mutex mutex_;
    std::shared_ptr<const T> value_;
};

}  // namespace valija
