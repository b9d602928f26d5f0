// Keeps what was logged. Any thread.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "platform/observe/log.hpp"

namespace valija::test {

class LinesSink final : public observe::Sink {
  public:
    void write(observe::Level level, std::string_view line) override {
        std::scoped_lock const lock(mutex_);
        levels_.push_back(level);
        lines_.emplace_back(line);
    }

    std::vector<std::string> lines() const {
        std::scoped_lock const lock(mutex_);
        return lines_;
    }

    std::vector<observe::Level> levels() const {
        std::scoped_lock const lock(mutex_);
        return levels_;
    }

    // How many lines have this text in them.
    size_t count(std::string_view text) const {
        size_t found = 0;
        for (const std::string& line : lines()) found += line.find(text) != std::string::npos;
        return found;
    }

  private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
    std::vector<observe::Level> levels_;
};

}  // namespace valija::test
