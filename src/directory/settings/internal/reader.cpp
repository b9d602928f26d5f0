#include "directory/settings/internal/reader.hpp"

#include <fmt/format.h>

#include "platform/base/text.hpp"

namespace valija::settings {
namespace {

constexpr size_t most_elements = 10'000;
constexpr size_t longest_text = 4096;

std::string quoted(std::string_view text) {
    return fmt::format("\"{}\"", escape_peer_text(text, 100));
}

std::string list_of(const std::vector<std::string>& words) {
    std::vector<std::string> all;
    for (const std::string& word : words) all.push_back(quoted(word));
    if (all.size() < 2) return join(all, "");
    const std::string last = all.back();
    all.pop_back();
    return join(all, ", ") + " or " + last;
}

std::string expected_text(const Type& type) {
    switch (type.kind) {
        case Kind::Text:
            return "a text in quotes";
        case Kind::TextList:
            return "a list of texts, such as [\"one\", \"two\"]";
        case Kind::Bool:
            return "true or false (without quotes)";
        case Kind::Number:
            return fmt::format("a number from {} to {} (without quotes)", type.low, type.high);
        case Kind::Size:
            return fmt::format("a size from {} to {}, such as \"36M\"",
                               size_text(static_cast<uint64_t>(type.low)),
                               size_text(static_cast<uint64_t>(type.high)));
        case Kind::Span:
            return fmt::format("a time from {} to {}, such as \"5m\" or \"1h30m\"",
                               duration_text(Duration(type.low)),
                               duration_text(Duration(type.high)));
        case Kind::SpanList:
            return "a list of times, such as [\"1m\", \"5m\", \"30m\"]";
        case Kind::Word:
            return "one of " + list_of(type.words);
    }
    broken_invariant("type.kind", "a type has a known kind", __FILE__, __LINE__);
}

class Converter {
  public:
    Converter(const Type& type, const Entry& entry) : type_(type), entry_(entry) {}

    std::optional<Value> value() {
        if (is_list_kind() != entry_.is_list) return std::nullopt;
        switch (type_.kind) {
            case Kind::Text:
                return text(entry_.value);
            case Kind::TextList:
                return texts();
            case Kind::Bool:
                return truth();
            case Kind::Number:
                return number();
            case Kind::Size:
                return size();
            case Kind::Span:
                return span();
            case Kind::SpanList:
                return spans();
            case Kind::Word:
                return word();
        }
        return std::nullopt;
    }

    Place where() const { return where_; }

  private:
    bool is_list_kind() const {
        return type_.kind == Kind::TextList || type_.kind == Kind::SpanList;
    }

    static std::optional<std::string> text(const Scalar& scalar) {
        const std::string* found = std::get_if<std::string>(&scalar);
        const auto is_control = [](char c) {
            return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
        };
        if (found == nullptr || found->size() > longest_text ||
            std::ranges::any_of(*found, is_control)) {
            return std::nullopt;
        }
        return *found;
    }

    std::optional<Value> texts() {
        std::vector<std::string> all;
        if (entry_.elements.size() > most_elements) return std::nullopt;
        for (const Element& element : entry_.elements) {
            const auto one = text(element.value);
            if (!one) {
                where_ = element.at;
                return std::nullopt;
            }
            all.push_back(*one);
        }
        return all;
    }

    std::optional<Value> truth() const {
        const bool* found = std::get_if<bool>(&entry_.value);
        return found == nullptr ? std::optional<Value>() : Value(*found);
    }

    std::optional<Value> number() const {
        const int64_t* found = std::get_if<int64_t>(&entry_.value);
        if (found == nullptr || *found < type_.low || *found > type_.high) return std::nullopt;
        return *found;
    }

    // A plain number of bytes, or a text with a unit.
    std::optional<Value> size() const {
        std::optional<uint64_t> found;
        if (const int64_t* bytes = std::get_if<int64_t>(&entry_.value); bytes != nullptr) {
            if (*bytes >= 0) found = static_cast<uint64_t>(*bytes);
        } else if (const auto written = text(entry_.value)) {
            found = parse_size(*written);
        }
        if (!found || *found < static_cast<uint64_t>(type_.low) ||
            *found > static_cast<uint64_t>(type_.high)) {
            return std::nullopt;
        }
        return *found;
    }

    std::optional<Value> span() const {
        const auto written = text(entry_.value);
        const auto found = written ? parse_duration(*written) : std::nullopt;
        if (!found || found->count() < type_.low || found->count() > type_.high) {
            return std::nullopt;
        }
        return *found;
    }

    std::optional<Value> spans() {
        std::vector<Duration> all;
        if (entry_.elements.size() > most_elements) return std::nullopt;
        for (const Element& element : entry_.elements) {
            const auto written = text(element.value);
            const auto found = written ? parse_duration(*written) : std::nullopt;
            if (!found) {
                where_ = element.at;
                return std::nullopt;
            }
            all.push_back(*found);
        }
        return all;
    }

    std::optional<Value> word() const {
        const auto written = text(entry_.value);
        if (!written || std::ranges::find(type_.words, *written) == type_.words.end()) {
            return std::nullopt;
        }
        return *written;
    }

    const Type& type_;
    const Entry& entry_;
    Place where_ = entry_.begin;
};

}  // namespace

std::optional<Value> value_of(const Type& type, const Entry& entry, const std::string& file,
                              Problems& problems) {
    Converter converter(type, entry);
    auto value = converter.value();
    if (value) return value;
    std::string text = fmt::format("\"{}\" wants {}", entry.key, expected_text(type));
    const std::string* written = std::get_if<std::string>(&entry.value);
    if (written != nullptr) {
        text += ", not " + quoted(*written);
        if (const auto near = nearest(*written, type.words)) {
            text += fmt::format("; did you mean \"{}\"?", *near);
        }
    }
    problems.push_back({.file = file,
                        .line = converter.where().line,
                        .column = converter.where().column,
                        .text = text});
    return std::nullopt;
}

Problem unknown_key(const std::string& file, const std::string& key, const Place& at,
                    const std::vector<std::string>& known) {
    std::string text = "unknown key " + quoted(key);
    if (const auto near = nearest(key, known)) {
        text += fmt::format("; did you mean \"{}\"?", *near);
    }
    return {.file = file, .line = at.line, .column = at.column, .text = text};
}

void check_sections(const Document& document, const std::vector<std::string>& known,
                    const std::string& file, Problems& problems) {
    for (const Section& section : document.sections) {
        const auto belongs = [&](const std::string& key) {
            return key.starts_with(section.key + ".");
        };
        const auto has_entry = [&](const Entry& entry) { return belongs(entry.key); };
        // Where it has entries, they are reported one by one.
        if (std::ranges::any_of(known, belongs) ||
            std::ranges::any_of(document.entries, has_entry)) {
            continue;
        }
        problems.push_back(unknown_key(file, section.key, section.at, known));
    }
}

}  // namespace valija::settings
