// From a document to a struct: types, ranges, unknown keys. What values mean is check.hpp's.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "directory/settings/internal/columns.hpp"
#include "directory/settings/internal/document.hpp"

namespace valija::settings {

using Problems = std::vector<Problem>;

// The value of an entry as the type wants it, or a problem (without its file).
std::optional<Value> value_of(const Type& type, const Entry& entry, const std::string& file,
                              Problems& problems);

// `unknown key "recieve"; did you mean "receive"?`
Problem unknown_key(const std::string& file, const std::string& key, const Place& at,
                    const std::vector<std::string>& known);

// Sections that hold no known key: [delivry].
void check_sections(const Document& document, const std::vector<std::string>& known,
                    const std::string& file, Problems& problems);

// `extra` are keys that are not settings (`kind` of a connector file).
template <class Object>
void read_object(const Document& document, const std::string& file,
                 const std::vector<std::string>& extra, Object& object, Problems& problems) {
    std::vector<std::string> known = extra;
    for (const Column<Object>& column : columns<Object>()) known.push_back(column.key);
    object.origin = {.file = file, .line = 1};
    for (const Entry& entry : document.entries) {
        const Column<Object>* found = nullptr;
        for (const Column<Object>& column : columns<Object>()) {
            if (entry.is_plain_key && column.key == entry.key) found = &column;
        }
        if (found == nullptr) {
            if (std::ranges::find(extra, entry.key) == extra.end()) {
                problems.push_back(unknown_key(file, entry.key, entry.at, known));
            }
            continue;
        }
        object.set[entry.key] = {.file = file, .line = entry.at.line};
        if (const auto value = value_of(found->type, entry, file, problems)) {
            found->put(object, *value);
        }
    }
    check_sections(document, known, file, problems);
}

}  // namespace valija::settings
