// The one input buffer of a connection: bytes in, lines or chunks out. CR and LF are looked at here
// and nowhere else on the way of commands and replies.
//
// A line ends at LF. It is `bare` unless that LF follows a CR and no other CR is in the line: the
// caller decides what to do with such a line, but never waits for more (a peer that speaks bare LF
// would hang). Of a line longer than the limit nothing is kept, however long it gets.
// Pure; views are valid until the next append().
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace valija::channel::internal {

class InputBuffer {
  public:
    struct Line {
        std::string_view text;
        bool too_long = false;
        bool bare = false;
    };

    void append(std::string_view bytes);

    // The next line if it is there, taken out; else nothing, and more must be appended.
    std::optional<Line> next_line(size_t limit);

    bool has_line() const;

    std::string_view view() const { return std::string_view(bytes_).substr(begin_); }

    void consume(size_t count);

    bool empty() const { return begin_ == bytes_.size() && !skipping_; }

    // Gives memory back while there is nothing to keep; before a wait that may be long.
    void release();

  private:
    void skip(std::string_view part);
    size_t find_end() const;

    std::string bytes_;
    size_t begin_ = 0;
    mutable size_t searched_ = 0;  // no LF in bytes_ from begin_ to here

    bool skipping_ = false;  // within a line that is too long
    bool skipped_bare_ = false;
    bool skipped_cr_ = false;  // the last byte skipped was CR
};

}  // namespace valija::channel::internal
