#include "platform/base/phrase.hpp"

#include <charconv>

#include "platform/base/text.hpp"

namespace valija {
namespace {

constexpr size_t kDeepest = 4;
constexpr size_t kMostParts = 64;

std::string packed(std::string_view words) {
    std::string out;
    for (const char c : words) {
        if (c == '\t' || c == '\n' || c == '\\') {
            out += '\\';
            out += c == '\t' ? 't' : (c == '\n' ? 'n' : '\\');
        } else {
            out += c;
        }
    }
    return out;
}

// What is unprintable is escaped; backslashes stay, for they may be of an escape already.
std::string printable(std::string_view words) {
    std::string out;
    for (const std::string_view piece : split(words, '\\')) {
        out += escape_peer_text(piece, piece.size() * 4 + 1) + '\\';
    }
    out.pop_back();
    return out;
}

std::string unpacked(std::string_view words) {
    std::string out;
    for (size_t i = 0; i < words.size(); ++i) {
        if (words[i] != '\\' || i + 1 == words.size()) {
            out += words[i];
            continue;
        }
        const char next = words[++i];
        out += next == 't' ? '\t' : (next == 'n' ? '\n' : next);
    }
    return printable(out);
}

// Fills the placeholders; one that has no value stays as it stands.
std::string filled(std::string_view sentence, const std::vector<std::string>& values) {
    std::string out;
    size_t next = 0;
    while (!sentence.empty()) {
        const size_t open = sentence.find('{');
        const size_t close = sentence.find('}', open);
        if (open == std::string_view::npos || close == std::string_view::npos) {
            return out += sentence;
        }
        out += sentence.substr(0, open);
        const std::string_view number = sentence.substr(open + 1, close - open - 1);
        size_t index = 0;
        const bool is_numbered =
            std::from_chars(number.data(), number.data() + number.size(), index).ec == std::errc{};
        if (!is_numbered) {
            index = next++;
        }
        out += index < values.size() ? std::string_view(values[index])
                                     : sentence.substr(open, close - open + 1);
        sentence.remove_prefix(close + 1);
    }
    return out;
}

}  // namespace

std::optional<Language> language_of(std::string_view word) {
    if (word == "en") {
        return Language::English;
    }
    return word == "es" ? std::optional(Language::Spanish) : std::nullopt;
}

Text Text::verbatim(std::string words) {
    Text text;
    if (!words.empty()) {
        text.parts_.push_back({.words = std::move(words), .values = {}, .is_sentence = false});
    }
    return text;
}

Text Text::sentence(std::string_view english, std::vector<Text> values) {
    Text text;
    text.parts_.push_back(
        {.words = std::string(english), .values = std::move(values), .is_sentence = true});
    return text;
}

std::string Text::in(Language language) const {
    std::string out;
    for (const Part& part : parts_) {
        if (!part.is_sentence) {
            out += part.words;
            continue;
        }
        std::vector<std::string> values;
        values.reserve(part.values.size());
        for (const Text& value : part.values) {
            values.push_back(value.in(language));
        }
        const PhraseRow* row = language == Language::English ? nullptr : find_phrase(part.words);
        out += filled(row == nullptr ? std::string_view(part.words) : row->spanish, values);
    }
    return out;
}

Text& Text::operator+=(const Text& more) {
    const std::vector<Part> added = more.parts_;  // `more` may be this text itself
    parts_.insert(parts_.end(), added.begin(), added.end());
    return *this;
}

// A part: S or V, the number of values, the length of the words, the words; then the values, each
// as the number of its parts and the parts.
std::string Text::record() const {
    std::string out;
    for (const Part& part : parts_) {
        const std::string words = packed(part.words);
        out += fmt::format("{}{}:{}:{}", part.is_sentence ? 'S' : 'V', part.values.size(),
                           words.size(), words);
        for (const Text& value : part.values) {
            out += fmt::format("{};{}", value.parts_.size(), value.record());
        }
    }
    return out;
}

// Reads a record; hostile: every count is checked before it is used.
struct TextReader {
    std::string_view rest;
    size_t parts_left = kMostParts;

    std::optional<size_t> number(char end) {
        size_t value = 0;
        const auto [at, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
        const auto used = static_cast<size_t>(at - rest.data());
        if (error != std::errc{} || used >= rest.size() || rest[used] != end) {
            return std::nullopt;
        }
        rest.remove_prefix(used + 1);
        return value;
    }

    std::optional<Text::Part> part(size_t depth) {
        if (rest.empty() || parts_left == 0 || (rest.front() != 'S' && rest.front() != 'V')) {
            return std::nullopt;
        }
        --parts_left;
        Text::Part read;
        read.is_sentence = rest.front() == 'S';
        rest.remove_prefix(1);
        const auto values = number(':');
        const auto length = values ? number(':') : std::nullopt;
        if (!length || *values > kMostParts || *length > rest.size() ||
            (*values > 0 && depth == kDeepest)) {
            return std::nullopt;
        }
        read.words = unpacked(rest.substr(0, *length));
        rest.remove_prefix(*length);
        for (size_t i = 0; i < *values; ++i) {
            const auto count = number(';');
            auto value = count ? text(*count, depth + 1) : std::nullopt;
            if (!value) {
                return std::nullopt;
            }
            read.values.push_back(std::move(*value));
        }
        return read;
    }

    std::optional<Text> text(size_t count, size_t depth) {
        Text read;
        for (size_t i = 0; i < count; ++i) {
            auto next = part(depth);
            if (!next) {
                return std::nullopt;
            }
            read.parts_.push_back(std::move(*next));
        }
        return read;
    }
};

Text Text::from_record(std::string_view record) {
    TextReader reader{.rest = record};
    Text text;
    while (!reader.rest.empty()) {
        auto part = reader.part(0);
        if (!part) {
            return verbatim(unpacked(record));
        }
        text.parts_.push_back(std::move(*part));
    }
    return text;
}

}  // namespace valija
