// Message content on the wire: the dot rules and nothing else knows them (RFC 5321 4.5.2).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace valija::smtp {

// Reads content from the stream.
//
// Promise: content ends at CRLF.CRLF alone; a bare CR or bare LF anywhere makes the state
// Malformed, yet the reader still finds the true end, so that the session stays in step
// (SMTP smuggling, CVE-2023-51764 and its kin). Constant memory.
class ContentReader {
  public:
    enum class State { More, Complete };

    // Takes bytes from the front of `input`, appends decoded content to `out`, and returns how many
    // bytes were taken: all of them, or fewer if the content ended within.
    size_t take(std::string_view input, std::string& out);

    State state() const { return done_ ? State::Complete : State::More; }

    bool is_malformed() const { return malformed_; }  // a bare CR or LF, or a NUL, was seen

  private:
    enum class Position { LineStart, Text, Cr, Dot, DotCr };
    Position position_ = Position::LineStart;
    bool done_ = false;
    bool malformed_ = false;
};

// Writes content to the stream: doubles dots at line starts and, at the end, adds CRLF if the last
// line lacks it, and ".CRLF".
class ContentWriter {
  public:
    void append(std::string_view chunk, std::string& out);
    void finish(std::string& out);

  private:
    bool line_start_ = true;
    bool after_cr_ = false;
};

}  // namespace valija::smtp
