// A recording of the counters over time: CSV, a row a sample, a column a series (EX-83).
//
// Promise: a header row stands above the rows it is true for. It is written where the file is empty
// and again wherever the set of series is another than in the header before. A sample that could
// not be taken is a row with its time and empty values, so that the gap is seen. What a former
// recording left in the file is gone on with. Pure: time and content are arguments.
// Rows end in LF and are quoted as RFC 4180 says. The first column is called `time`, ISO 8601 UTC.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.hpp"
#include "platform/base/time.hpp"

namespace valija::service {

struct SeriesValue {
    std::string series;  // name{partner="woodgrovebank",connector="Inet"}
    std::string value;
};

// What the server answers to "counters" in JSON. Fault Input for anything else.
Result<std::vector<SeriesValue>> series_of(std::string_view json_answer);

class Recording {
  public:
    // Takes the lines that the file has already, one by one and without their ends. False: this
    // line is of no recording.
    bool recall(std::string_view line);

    // The file was found empty (new, or put aside by log rotation): the next row needs its header.
    void forget();

    // The text to append for a sample, header included where one is due; nullopt: no answer.
    std::string rows(Time time, const std::optional<std::vector<SeriesValue>>& sample);

  private:
    std::string header_;  // the last one, without its end; empty: none yet
    size_t columns_ = 0;  // without the time
};

}  // namespace valija::service
