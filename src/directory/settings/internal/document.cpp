#include "directory/settings/internal/document.hpp"

#include <toml++/toml.h>

#include <algorithm>

namespace valija::settings {
namespace {

Place place_of(const toml::source_position& position) {
    return {.line = position.line, .column = position.column};
}

Scalar scalar_of(const toml::node& node) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* number = node.as_integer()) return number->get();
    if (const auto* truth = node.as_boolean()) return truth->get();
    return {};
}

bool is_plain(std::string_view key) {
    return !key.empty() && std::ranges::all_of(key, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    });
}

class Flattener {
  public:
    explicit Flattener(Document& document) : document_(document) {}

    void take(const toml::table& table, const std::string& path, bool is_plain_path,
              bool is_inline) {
        for (const auto& [key, node] : table) {
            const std::string name(key.str());
            const std::string full = path.empty() ? name : path + "." + name;
            const bool plain = is_plain_path && is_plain(name);
            const toml::table* inner = node.as_table();
            const bool inline_now = is_inline || (inner != nullptr && inner->is_inline());
            if (inner == nullptr || (inner->empty() && inner->is_inline())) {
                document_.entries.push_back(entry(full, plain, key, node, is_inline));
                continue;
            }
            if (!inline_now) {
                document_.sections.push_back({.key = full, .at = place_of(node.source().begin)});
            }
            take(*inner, full, plain, inline_now);
        }
    }

  private:
    static Entry entry(const std::string& full, bool plain, const toml::key& key,
                       const toml::node& node, bool is_inline) {
        Entry made{.key = full,
                   .is_plain_key = plain,
                   .at = place_of(key.source().begin),
                   .begin = place_of(node.source().begin),
                   .end = place_of(node.source().end),
                   .is_inside_inline_table = is_inline,
                   .value = scalar_of(node)};
        if (const toml::array* array = node.as_array()) {
            made.is_list = true;
            for (const toml::node& element : *array) {
                made.elements.push_back(
                    {.value = scalar_of(element), .at = place_of(element.source().begin)});
            }
        }
        return made;
    }

    Document& document_;
};

bool is_before(const Place& a, const Place& b) {
    return a.line != b.line ? a.line < b.line : a.column < b.column;
}

// Dotted keys make tables too, but only a "[" at the place makes a section.
bool is_header(std::string_view text, const Place& at) {
    size_t start = 0;
    for (unsigned line = 1; line < at.line; ++line) {
        start = text.find('\n', start);
        if (start == std::string_view::npos) return false;
        ++start;
    }
    const size_t first = text.find_first_not_of(" \t", start);
    return first != std::string_view::npos && text[first] == '[';
}

}  // namespace

Parsed parse_document(std::string_view text) {
    Parsed parsed;
    try {
        const toml::table table = toml::parse(text);
        Flattener(parsed.document).take(table, "", true, false);
    } catch (const toml::parse_error& error) {
        return {.document = {},
                .error = SyntaxError{.at = place_of(error.source().begin),
                                     .text = std::string(error.description())}};
    }
    std::erase_if(parsed.document.sections,
                  [&](const Section& section) { return !is_header(text, section.at); });
    std::ranges::sort(parsed.document.entries, is_before, &Entry::at);
    std::ranges::sort(parsed.document.sections, is_before, &Section::at);
    return parsed;
}

}  // namespace valija::settings
