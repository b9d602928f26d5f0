// The protocol log: what was said in SMTP sessions, in Exchange's CSV format (semantics 2.12).
//
// One set of files for all receive connectors (SmtpReceive/RECVyyyymmdd-n.log) and one for all send
// connectors (SmtpSend/SENDyyyymmdd-n.log). A file begins with five header lines, then has a row
// an event:
//   date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context
// event: + connected, - disconnected, > sent by us, < received by us, * information.
//
// Promise: rows of one session keep their order and are in the file when the call returns. A file
// that reaches its size, or the end of the UTC day, is followed by the next; files that are too
// old, or too much for the folder, go, the oldest first. Text of peers is escaped in the one place.
// Content of messages is never written. A row that cannot be written is lost and the mail goes on;
// the first such failure is an event, and so is the first after a success.
// Deviation: `#Software` names Valija. Thread: any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "platform/base/result.hpp"
#include "platform/base/time.hpp"
#include "platform/observe/log.hpp"

namespace valija::observe {

enum class ProtocolSide { Receive, Send };

struct ProtocolLogOptions {
    std::string directory;                       // where SmtpReceive and SmtpSend are made
    uint64_t file_size = 10UL << 20U;            // bytes
    uint64_t folder_size = 250UL << 20U;         // bytes, of each of the two folders
    Duration age = std::chrono::hours(30 * 24);  // 0 = no limit
};

class ProtocolLog {
  public:
    // Nothing is made before the first row.
    ProtocolLog(ProtocolSide side, ProtocolLogOptions options, Log log);
    ~ProtocolLog();
    ProtocolLog(const ProtocolLog&) = delete;
    ProtocolLog& operator=(const ProtocolLog&) = delete;

    // `row` is what follows the time, without a line end.
    void write(Time time, std::string_view row);

  private:
    struct Files;
    std::unique_ptr<Files> files_;
};

// 16 upper-case hexadecimal digits, in order of time, unique in this process: the session of the
// protocol log, the event log and the queue.
std::string new_session_id(Time now);

// The rows of one session. One that has no log to write to costs nothing. Thread: the session's.
class SessionRows {
  public:
    SessionRows() = default;  // writes nothing

    // `connector` as the log shows it; the local end may become known later. All outlive it.
    SessionRows(ProtocolLog& log, const Clock& clock, std::string connector, std::string session,
                std::string remote)
        : log_(&log),
          clock_(&clock),
          connector_(std::move(connector)),
          session_(std::move(session)),
          remote_(std::move(remote)) {}

    void connected(std::string local);
    void disconnected(std::string_view context);
    void sent(std::string_view line);  // a command or a line of a reply, without CRLF
    void received(std::string_view line);
    void note(std::string_view data, std::string_view context);

    // `*<session>;<time>;<n>,receiving message`: the next message of this session begins.
    void message_begins(std::string_view context);

    bool is_on() const { return log_ != nullptr; }

  private:
    void row(char event, std::string_view data, std::string_view context);

    ProtocolLog* log_ = nullptr;
    const Clock* clock_ = nullptr;
    std::string connector_;
    std::string session_;
    std::string local_;
    std::string remote_;
    unsigned sequence_ = 0;
    unsigned messages_ = 0;
};

}  // namespace valija::observe
