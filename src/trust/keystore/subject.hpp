// The subject of a certificate request, as an administrator types it: "DC=contoso, DC=com,
// CN=mail1.contoso.com" (EX-100 to EX-110).
//
// Promise: the text becomes components in the order in which they are encoded (the table of
// EX-100; DC from the root down, whatever the order typed), or a fault that says what is wrong and
// at which character. Lenient: keys in any case, blanks around `=` and separators, comma or
// semicolon, no separator at all where a known key follows a blank ("C=us o=contoso corp"), quotes
// around the whole or around a value, a backslash before any character.
// Types, sizes and frequencies of the table are enforced; what is legal but unwise is a warning.
// Not here: the encoding (x509/writing.hpp). Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.hpp"

namespace valija::keystore {

// One row of the table of EX-100.
struct SubjectRule {
    enum class Type { Ascii, Unicode };

    std::string_view abbreviation;
    std::string_view name;  // for people
    Type type;
    size_t most_characters;
    size_t most_times;  // 0: any number
    int order;
};

// In the order of encoding.
const std::vector<SubjectRule>& subject_rules();

struct SubjectComponent {
    std::string abbreviation;  // of the table
    std::string value;         // UTF-8

    friend bool operator==(const SubjectComponent&, const SubjectComponent&) = default;
};

struct Subject {
    std::vector<SubjectComponent> components;  // in the order of encoding
    std::vector<std::string> warnings;

    std::vector<std::string> values_of(std::string_view abbreviation) const;
    std::string text() const;  // leaf first, as the logs print it (EX-88)
};

// `known_domains` help to tell "DC=com, DC=contoso" from "DC=contoso, DC=com".
Result<Subject> parse_subject(std::string_view text,
                              const std::vector<std::string>& known_domains = {});

// Type and size by the table. Gives what is wrong with the value, or "".
std::string wrong_component(const SubjectComponent& component);

// A dNSName that we put into a request or a certificate (EX-114): ASCII letters, digits, dashes,
// labels of 1 to 63, at most 253 in all; `*` may be the first label as a whole. Gives what is wrong
// with it, or "".
std::string wrong_dns_name(std::string_view name);

}  // namespace valija::keystore
