#include <fmt/format.h>

#include <algorithm>

#include "directory/settings/internal/columns.hpp"

namespace valija::settings {
namespace {

bool is_of_preset(std::string_view preset, std::string_view object, std::string_view key) {
    return std::ranges::any_of(preset_values(preset), [&](const PresetValue& row) {
        return row.object == object && row.key == key;
    });
}

template <class Object>
std::vector<InForce> list(const Object& object, std::string_view name, std::string_view preset) {
    std::vector<InForce> all;
    for (const Column<Object>& column : columns<Object>()) {
        std::string origin = "default";
        if (const auto found = object.set.find(column.key); found != object.set.end()) {
            origin = fmt::format("{}:{}", found->second.file, found->second.line);
        } else if (is_of_preset(preset, name, column.key)) {
            origin = fmt::format("preset {}", preset);
        }
        all.push_back(
            {.key = column.key, .value = toml_of(column.get(object)), .origin = std::move(origin)});
    }
    return all;
}

}  // namespace

std::vector<InForce> in_force(const Server& server) {
    return list(server, "Server", server.preset);
}

std::vector<InForce> in_force(const Receive& connector, const Server& server) {
    return list(connector, "Receive", server.preset);
}

std::vector<InForce> in_force(const Send& connector) { return list(connector, "Send", ""); }

std::vector<InForce> in_force(const Partner& partner) { return list(partner, "Partner", ""); }

}  // namespace valija::settings
