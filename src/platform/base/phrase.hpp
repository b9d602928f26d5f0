// Sentences for people, in English and Spanish: one catalogue, phrases_*.inc.
//
// Promise: `say("… {} …", values)` compiles only if the sentence is in the catalogue, with a
// Spanish twin and the right number of values. A Text keeps sentence and values apart, so the
// language is chosen when it is read, also after it lay in the queue's record. Values (names,
// numbers, words of peers) are the same in every language. Logs and events are English.
// Not here: escaping; who puts text of a peer into a Text has escaped it (escape_peer_text).
// Placeholders: {} in order, or {0}, {1}, … where the other language needs another order.
#pragma once

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace valija {

enum class Language { English, Spanish };

std::optional<Language> language_of(std::string_view word);  // "en", "es"

struct PhraseRow {
    std::string_view english;
    std::string_view spanish;
};

// clang-format off
inline constexpr PhraseRow kPhrases[] = {
#define PHRASE(english, spanish) {english, spanish},
#include "platform/base/phrases_chain.inc"
#include "platform/base/phrases_check.inc"
#include "platform/base/phrases_identity.inc"
#include "platform/base/phrases_path.inc"
#include "platform/base/phrases_revocation.inc"
#undef PHRASE
};
// clang-format on

// How many values a sentence takes: one more than its highest placeholder.
constexpr size_t values_of(std::string_view sentence) {
    size_t highest = 0;
    size_t next = 0;
    for (size_t i = 0; i + 1 < sentence.size(); ++i) {
        if (sentence[i] != '{') {
            continue;
        }
        const bool is_numbered = sentence[i + 1] >= '0' && sentence[i + 1] <= '9';
        const size_t index = is_numbered ? static_cast<size_t>(sentence[i + 1] - '0') : next++;
        highest = index + 1 > highest ? index + 1 : highest;
    }
    return highest;
}

constexpr const PhraseRow* find_phrase(std::string_view english) {
    for (const PhraseRow& row : kPhrases) {
        if (row.english == english) {
            return &row;
        }
    }
    return nullptr;
}

void not_in_the_catalogue();  // never defined: a call of it stops the compiler
void wrong_number_of_values();

template <class... Values>
class Phrase {
  public:
    // NOLINTNEXTLINE(google-explicit-constructor): a literal is meant to become one.
    consteval Phrase(const char* english) : english_(english) {
        const PhraseRow* row = find_phrase(english_);
        if (row == nullptr) {
            not_in_the_catalogue();
        } else if (values_of(row->english) != sizeof...(Values) ||
                   values_of(row->spanish) != sizeof...(Values)) {
            wrong_number_of_values();
        }
    }

    std::string_view english() const { return english_; }

  private:
    std::string_view english_;
};

class Text {
  public:
    Text() = default;

    // The same in every language: names, numbers, words of peers (escaped already).
    static Text verbatim(std::string words);

    static Text sentence(std::string_view english, std::vector<Text> values);

    std::string in(Language language) const;

    std::string english() const { return in(Language::English); }

    bool empty() const { return parts_.empty(); }

    Text& operator+=(const Text& more);

    friend Text operator+(Text a, const Text& b) { return a += b; }

    // Compact, without tab and line end; and back. What is no record is taken as verbatim words;
    // control characters come back escaped.
    std::string record() const;
    static Text from_record(std::string_view record);

  private:
    struct Part {
        std::string words;  // a sentence's English, or the words themselves
        std::vector<Text> values;
        bool is_sentence = false;
    };

    friend struct TextReader;

    std::vector<Part> parts_;
};

template <class Value>
Text text_value(const Value& value) {
    if constexpr (std::is_same_v<Value, Text>) {
        return value;
    } else {
        return Text::verbatim(fmt::format("{}", value));
    }
}

template <class... Values>
Text say(std::type_identity_t<Phrase<Values...>> phrase, const Values&... values) {
    return Text::sentence(phrase.english(), {text_value(values)...});
}

}  // namespace valija
