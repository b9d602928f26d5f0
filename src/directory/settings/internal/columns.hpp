// The rows of settings.def as data: types with their ranges, values, and where each row's value
// lies in its struct.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "directory/settings/directory.hpp"

namespace valija::settings {

enum class Kind { Text, TextList, Bool, Number, Size, Span, SpanList, Word };

struct Type {
    Kind kind = Kind::Text;
    int64_t low = 0;  // Number, Size in bytes, Span in milliseconds
    int64_t high = 0;
    std::vector<std::string> words;
};

Type type_of(const SettingRow& row);

using Value = std::variant<std::string, std::vector<std::string>, bool, int64_t, uint64_t, Duration,
                           std::vector<Duration>>;

// As TOML writes it: "text", ["a", "b"], true, 25, "36M", "5m", ["1m", "5m"].
std::string toml_of(const Value& value);

// "36M", "1024", "64K".
std::optional<uint64_t> parse_size(std::string_view text);
std::string size_text(uint64_t size);

template <class Object>
struct Column {
    std::string key;
    std::variant<std::string Object::*, std::vector<std::string> Object::*, bool Object::*,
                 int64_t Object::*, uint64_t Object::*, Duration Object::*,
                 std::vector<Duration> Object::*>
        member;
    Type type;

    void put(Object& object, const Value& value) const {
        std::visit([&](auto place) { place_value(object.*place, value); }, member);
    }

    Value get(const Object& object) const {
        return std::visit([&](auto place) { return Value(object.*place); }, member);
    }

  private:
    template <class Place>
    static void place_value(Place& place, const Value& value) {
        const Place* found = std::get_if<Place>(&value);
        VALIJA_ENSURE(found != nullptr, "a value has the type of its row");
        place = *found;
    }
};

template <class Object>
const std::vector<Column<Object>>& columns();
template <>
const std::vector<Column<Server>>& columns<Server>();
template <>
const std::vector<Column<Receive>>& columns<Receive>();
template <>
const std::vector<Column<Send>>& columns<Send>();
template <>
const std::vector<Column<Partner>>& columns<Partner>();

// Another default for a row: "preset" of the server.
struct PresetValue {
    std::string_view object, key, text;
};

const std::vector<PresetValue>& preset_values(std::string_view preset);

// The text of settings.def or of a preset, as a value of the row's type.
Value default_value(const Type& type, std::string_view text);

// Sets what is not written in a file to the preset's default.
template <class Object>
void apply_preset(Object& object, std::string_view object_name, std::string_view preset) {
    for (const PresetValue& row : preset_values(preset)) {
        if (row.object != object_name || object.set.contains(std::string(row.key))) continue;
        for (const Column<Object>& column : columns<Object>()) {
            if (column.key == row.key) column.put(object, default_value(column.type, row.text));
        }
    }
}

}  // namespace valija::settings
