// A TOML text as a flat list of entries with their places: what parser and editor both need.
//
// Promise: pure; any bytes are taken; toml++ stays behind document.cpp. Places count from 1,
// columns in code points.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace valija::settings {

struct Place {
    unsigned line = 0;
    unsigned column = 0;
};

// monostate: a kind that no setting has (date, table, float).
using Scalar = std::variant<std::monostate, std::string, int64_t, bool>;

struct Element {
    Scalar value;
    Place at;
};

struct Entry {
    std::string key;           // dotted
    bool is_plain_key = true;  // false: a part of the key has a dot or is quoted oddly
    Place at;                  // of the key
    Place begin, end;          // of the value, end exclusive
    bool is_list = false;
    bool is_inside_inline_table = false;
    Scalar value;
    std::vector<Element> elements;  // of a list
};

struct Section {
    std::string key;  // dotted, as in [a.b]
    Place at;
};

struct Document {
    std::vector<Entry> entries;     // in order of place
    std::vector<Section> sections;  // the same
};

struct SyntaxError {
    Place at;
    std::string text;
};

struct Parsed {
    Document document;
    std::optional<SyntaxError> error;  // then the document is empty
};

Parsed parse_document(std::string_view text);

}  // namespace valija::settings
