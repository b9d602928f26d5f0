// Tables and small texts for people, as the commands print them. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/base/time.hpp"

namespace valija::service {

// Columns as wide as their widest cell, two blanks between them, nothing behind the last.
class Table {
  public:
    explicit Table(std::vector<std::string> heads) : rows_{std::move(heads)} {}

    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

    bool is_empty() const { return rows_.size() == 1; }

    // `column` has its figures at the right.
    Table& align_right(size_t column);

    std::string text() const;

  private:
    std::vector<std::vector<std::string>> rows_;
    std::vector<size_t> right_;
};

// "42s", "5m", "2h10m", "3d4h": the two largest units.
std::string short_time(Duration duration);

// "512", "4.2K", "36.0M": bytes for people.
std::string short_size(uint64_t bytes);

// "1 message", "3 messages"
std::string counted(uint64_t count, std::string_view one, std::string_view many);

}  // namespace valija::service
