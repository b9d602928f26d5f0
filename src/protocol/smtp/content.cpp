#include "protocol/smtp/content.hpp"

#include <algorithm>

namespace valija::smtp {
namespace {

// Characters that end a run of plain text.
bool is_plain(char c) { return c != '\r' && c != '\n' && c != '\0'; }

size_t plain_run(std::string_view text) {
    return static_cast<size_t>(std::ranges::find_if_not(text, is_plain) - text.begin());
}

}  // namespace

size_t ContentReader::take(std::string_view input, std::string& out) {
    size_t at = 0;
    while (at < input.size() && !done_) {
        const char c = input[at];
        switch (position_) {
            case Position::LineStart:
                if (c == '.') {
                    position_ = Position::Dot;
                    ++at;
                    break;
                }
                position_ = Position::Text;
                break;
            case Position::Text: {
                const size_t run = plain_run(input.substr(at));
                out.append(input, at, run);
                at += run;
                if (at == input.size()) {
                    break;
                }
                if (input[at] == '\r') {
                    position_ = Position::Cr;
                } else {
                    malformed_ = true;  // a bare LF, or a NUL
                    out += input[at];
                }
                ++at;
                break;
            }
            case Position::Cr:
                if (c == '\n') {
                    out += "\r\n";
                    position_ = Position::LineStart;
                    ++at;
                } else {
                    malformed_ = true;  // a bare CR
                    out += '\r';
                    position_ = Position::Text;
                }
                break;
            case Position::Dot:
                if (c == '\r') {
                    position_ = Position::DotCr;
                    ++at;
                } else {
                    position_ = Position::Text;  // the doubled dot: one of them goes
                }
                break;
            case Position::DotCr:
                if (c == '\n') {
                    done_ = true;
                    ++at;
                } else {
                    malformed_ = true;
                    out += '\r';
                    position_ = Position::Text;
                }
                break;
        }
    }
    return at;
}

void ContentWriter::append(std::string_view chunk, std::string& out) {
    out.reserve(out.size() + chunk.size() + chunk.size() / 32);
    while (!chunk.empty()) {
        if (line_start_ && chunk.front() == '.') {
            out += '.';
        }
        // Up to and including the next LF that follows a CR.
        const size_t lf = chunk.find('\n');
        const size_t length = lf == std::string_view::npos ? chunk.size() : lf + 1;
        const bool ends_line =
            lf != std::string_view::npos && (lf > 0 ? chunk[lf - 1] == '\r' : after_cr_);
        out.append(chunk.substr(0, length));
        line_start_ = ends_line;
        after_cr_ = chunk[length - 1] == '\r';
        chunk.remove_prefix(length);
    }
}

void ContentWriter::finish(std::string& out) {
    if (!line_start_) {
        out += after_cr_ ? "\n" : "\r\n";
    }
    out += ".\r\n";
}

}  // namespace valija::smtp
