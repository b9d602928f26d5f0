#include "protocol/smtp/reply.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace valija::smtp {
namespace {

constexpr size_t kMostLines = 100;
constexpr size_t kLongestText = 512;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "5.7.0" at the front: class, subject and detail of RFC 3463. 0: none.
size_t enhanced_length(std::string_view text) {
    size_t at = 0;
    for (int part = 0; part < 3; ++part) {
        size_t digits = 0;
        while (at < text.size() && is_digit(text[at]) && digits < 3) {
            ++at;
            ++digits;
        }
        const bool last = part == 2;
        const bool dot = at < text.size() && text[at] == '.';
        if (digits == 0 || (part == 0 && digits != 1) || (!last && !dot)) {
            return 0;
        }
        at += last ? 0 : 1;
    }
    return at == text.size() || text[at] == ' ' ? at : 0;
}

}  // namespace

Reply reply(int code, std::string enhanced, std::string text) {
    return {.code = code, .enhanced = std::move(enhanced), .lines = {std::move(text)}};
}

std::string Reply::wire() const {
    std::string out;
    for (size_t i = 0; i < lines.size(); ++i) {
        const char separator = i + 1 == lines.size() ? ' ' : '-';
        out += fmt::format("{}{}{}{}{}\r\n", code, separator, enhanced, enhanced.empty() ? "" : " ",
                           lines[i]);
    }
    return out;
}

std::string Reply::text() const {
    std::string out = fmt::format("{}{}{}", code, enhanced.empty() ? "" : " ", enhanced);
    for (const std::string& line : lines) {
        out += line.empty() ? "" : " " + line;
    }
    return out;
}

ReplyReader::Progress ReplyReader::hear(std::string_view line) {
    const bool well_formed = line.size() >= 3 && line[0] >= '2' && line[0] <= '5' &&
                             std::ranges::all_of(line.substr(0, 3), is_digit) &&
                             (line.size() == 3 || line[3] == ' ' || line[3] == '-');
    if (!well_formed || reply_.lines.size() >= kMostLines) {
        return Progress::Malformed;
    }
    const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    if (reply_.lines.empty()) {
        reply_.code = code;
    } else if (reply_.code != code) {
        return Progress::Malformed;
    }
    const bool more = line.size() > 3 && line[3] == '-';
    std::string_view text = line.size() > 4 ? line.substr(4) : std::string_view();
    if (const size_t length = enhanced_length(text); length > 0) {
        if (reply_.lines.empty()) {
            reply_.enhanced = text.substr(0, length);
        }
        text.remove_prefix(std::min(length + 1, text.size()));
    }
    reply_.lines.emplace_back(text.substr(0, kLongestText));
    return more ? Progress::More : Progress::Complete;
}

Reply ReplyReader::take() {
    Reply complete = std::move(reply_);
    reply_ = {};
    return complete;
}

}  // namespace valija::smtp
