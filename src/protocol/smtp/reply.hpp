// SMTP replies: ours, and reading those of a peer (RFC 5321 4.2, RFC 2034).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace valija::smtp {

struct Reply {
    int code = 0;
    std::string enhanced;            // "5.7.0", empty if there is none
    std::vector<std::string> lines;  // at least one; without code and enhanced code

    bool is_positive() const { return code >= 200 && code < 400; }

    bool is_temporary() const { return code >= 400 && code < 500; }

    bool is_permanent() const { return code >= 500 && code < 600; }

    // As sent, each line with CRLF.
    std::string wire() const;

    // On one line, for logs and reports: "454 4.7.5 Certificate validation failure".
    std::string text() const;
};

Reply reply(int code, std::string enhanced, std::string text);

// Puts lines of a peer together to a reply.
//
// Promise: bounded (100 lines, 512 bytes kept of each); a line that is not a reply line, or whose
// code differs from the first, makes the result malformed, and the session must end.
class ReplyReader {
  public:
    enum class Progress { More, Complete, Malformed };
    Progress hear(std::string_view line);  // without CRLF

    // After Complete: the reply; the reader starts anew.
    Reply take();

  private:
    Reply reply_;
};

}  // namespace valija::smtp
