#include "directory/settings/internal/text_edit.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "directory/settings/internal/document.hpp"
#include "platform/base/text.hpp"

namespace valija::settings {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

size_t line_start(std::string_view text, unsigned line) {
    size_t at = 0;
    for (unsigned now = 1; now < line; ++now) {
        const size_t end = text.find('\n', at);
        if (end == std::string_view::npos) return text.size();
        at = end + 1;
    }
    return at;
}

// Columns count code points; TOML texts may begin with a byte order mark, which counts for none.
size_t offset_of(std::string_view text, const Place& place) {
    size_t at = line_start(text, place.line);
    if (at == 0 && text.starts_with("\xEF\xBB\xBF")) at = 3;
    for (unsigned now = 1; now < place.column && at < text.size(); ++now) {
        ++at;
        while (at < text.size() && is_continuation(text[at])) ++at;
    }
    return at;
}

// Behind the line that holds `at`.
size_t next_line(std::string_view text, size_t at) {
    const size_t end = text.find('\n', at);
    return end == std::string_view::npos ? text.size() : end + 1;
}

// The deepest section that the key can be written in: [dns] for dns.forward.
const Section* section_of(const Document& document, std::string_view key) {
    const Section* best = nullptr;
    for (const Section& section : document.sections) {
        const bool fits = key.starts_with(section.key + ".");
        if (fits && (best == nullptr || section.key.size() > best->key.size())) best = &section;
    }
    return best;
}

// A new line goes behind the last entry of its section, before the next header.
size_t insertion_point(std::string_view text, const Document& document, const Section* section) {
    const unsigned from = section == nullptr ? 0 : section->at.line;
    unsigned to = ~0U;
    for (const Section& other : document.sections) {
        if (other.at.line > from) to = std::min(to, other.at.line);
    }
    size_t at = 0;
    if (section != nullptr) at = next_line(text, offset_of(text, section->at));
    bool has_entry = section != nullptr;
    for (const Entry& entry : document.entries) {
        if (entry.at.line <= from || entry.at.line >= to) continue;
        at = std::max(at, next_line(text, offset_of(text, entry.end)));
        has_entry = true;
    }
    if (has_entry) return at;
    return to == ~0U ? text.size() : line_start(text, to);
}

std::string inserted(const std::string& text, const Document& document, const Change& change) {
    const std::string_view end = text.contains("\r\n") ? "\r\n" : "\n";
    const Section* section = section_of(document, change.key);
    const size_t at = insertion_point(text, document, section);
    const std::string key =
        section == nullptr ? change.key : change.key.substr(section->key.size() + 1);
    const bool needs_end = at > 0 && text[at - 1] != '\n';
    return fmt::format("{}{}{} = {}{}{}", text.substr(0, at), needs_end ? end : "", key,
                       *change.toml_value, end, text.substr(at));
}

Result<std::string> changed(const std::string& text, const Entry& entry, const Change& change) {
    const size_t begin = offset_of(text, entry.begin);
    const size_t end = offset_of(text, entry.end);
    VALIJA_ENSURE(begin < end && end <= text.size(), "a value lies within its text");
    if (change.toml_value) return text.substr(0, begin) + *change.toml_value + text.substr(end);
    if (entry.is_inside_inline_table) {
        return fault(FaultKind::Input, fmt::format("\"{}\" is written within braces on line {}; "
                                                   "please remove it by hand",
                                                   entry.key, entry.at.line));
    }
    const size_t start = line_start(text, entry.at.line);
    return text.substr(0, start) + text.substr(next_line(text, end));
}

bool has_inline_parent(const Document& document, std::string_view key) {
    return std::ranges::any_of(document.entries, [&](const Entry& entry) {
        const size_t dot = entry.key.rfind('.');
        return entry.is_inside_inline_table && dot != std::string::npos &&
               key.starts_with(entry.key.substr(0, dot + 1));
    });
}

}  // namespace

Result<std::string> apply_change(const std::string& text, const Change& change) {
    const Parsed parsed = parse_document(text);
    if (parsed.error) {
        return fault(FaultKind::Input, fmt::format("line {} is not well-formed TOML: {}",
                                                   parsed.error->at.line, parsed.error->text));
    }
    const auto& entries = parsed.document.entries;
    const auto found = std::ranges::find(entries, change.key, &Entry::key);
    if (found != entries.end()) return changed(text, *found, change);
    if (!change.toml_value) return text;
    if (has_inline_parent(parsed.document, change.key)) {
        return fault(FaultKind::Input,
                     fmt::format("\"{}\" belongs within braces that are there already; please add "
                                 "it by hand",
                                 change.key));
    }
    return inserted(text, parsed.document, change);
}

}  // namespace valija::settings
