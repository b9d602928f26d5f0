// Events: typed by name, with fields that a child inherits from its parent.
//
// Promise: emit() needs no I/O on the caller's thread beyond a bounded queue and cannot fail.
// Fields are escaped here, so a peer cannot forge a line. Events are declared in events.def.
// Any thread. Output: `<ISO time> <level> <event id> key=value …`, one line each; fields without a
// value are left out.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace valija::observe {

enum class Level { Debug, Info, Warning, Error };

enum class Event {
#define EVENT(name, id, level, exchange_id, meaning) name,
#include "platform/observe/events.def"
#undef EVENT
};

struct EventRow {
    std::string_view id;
    Level level;
    int exchange_id;
    std::string_view meaning;
};

const EventRow& event_row(Event event);

using Field = std::pair<std::string, std::string>;

// Where lines go. Implementations must be usable from any thread.
class Sink {
  public:
    virtual ~Sink() = default;
    virtual void write(Level level, std::string_view line) = 0;
};

// Lines to a file that rotates by size (10 files), or to standard error for an empty path.
std::shared_ptr<Sink> make_sink(const std::string& path, Level least);

// Nothing is written; for tests and tools.
std::shared_ptr<Sink> make_null_sink();

class Log {
  public:
    explicit Log(std::shared_ptr<Sink> sink);

    // A child with more fields; cheap enough for one a session.
    Log with(std::initializer_list<Field> fields) const;

    void emit(Event event, std::initializer_list<Field> fields = {}) const;

  private:
    std::shared_ptr<Sink> sink_;
    std::string inherited_;
};

}  // namespace valija::observe
