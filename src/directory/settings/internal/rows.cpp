// What is made from settings.def: rows as text, and the columns of each struct.
#include "directory/settings/internal/columns.hpp"

namespace valija::settings {
namespace {

const SettingRow& row_of(std::string_view object, std::string_view key) {
    for (const SettingRow& row : setting_rows()) {
        if (row.object == object && row.key == key) return row;
    }
    broken_invariant("row", "every column has its row", __FILE__, __LINE__);
}

template <class Object, class Member>
Column<Object> column(std::string_view object, std::string_view key, Member Object::* member) {
    return {.key = std::string(key), .member = member, .type = type_of(row_of(object, key))};
}

}  // namespace

const std::vector<SettingRow>& setting_rows() {
    static const std::vector<SettingRow> rows{
#define SETTING(object, field, key, type, text, when, help) \
    {#object, key, #type, text, #when, help},
#include "directory/settings/settings.def"
#undef SETTING
    };
    return rows;
}

#define SETTING(object, field, key, type, text, when, help) SETTING_##object(object, field, key)
#define SETTING_COLUMN(object, field, key) column(#object, key, &object::field),

#define SETTING_Server(object, field, key) SETTING_COLUMN(object, field, key)
#define SETTING_Receive(object, field, key)
#define SETTING_Send(object, field, key)
#define SETTING_Partner(object, field, key)

template <>
const std::vector<Column<Server>>& columns<Server>() {
    static const std::vector<Column<Server>> all{
#include "directory/settings/settings.def"
    };
    return all;
}

#undef SETTING_Server
#undef SETTING_Receive
#define SETTING_Server(object, field, key)
#define SETTING_Receive(object, field, key) SETTING_COLUMN(object, field, key)

template <>
const std::vector<Column<Receive>>& columns<Receive>() {
    static const std::vector<Column<Receive>> all{
#include "directory/settings/settings.def"
    };
    return all;
}

#undef SETTING_Receive
#undef SETTING_Send
#define SETTING_Receive(object, field, key)
#define SETTING_Send(object, field, key) SETTING_COLUMN(object, field, key)

template <>
const std::vector<Column<Send>>& columns<Send>() {
    static const std::vector<Column<Send>> all{
#include "directory/settings/settings.def"
    };
    return all;
}

#undef SETTING_Send
#undef SETTING_Partner
#define SETTING_Send(object, field, key)
#define SETTING_Partner(object, field, key) SETTING_COLUMN(object, field, key)

template <>
const std::vector<Column<Partner>>& columns<Partner>() {
    static const std::vector<Column<Partner>> all{
#include "directory/settings/settings.def"
    };
    return all;
}

// exchange-edge: the limits and waits of an Exchange 2007 edge server, as its documentation prints
// them; where its pages disagree, the larger value.
const std::vector<PresetValue>& preset_values(std::string_view preset) {
    static const std::vector<PresetValue> none;
    static const std::vector<PresetValue> exchange_edge{
        {"Receive", "max_message_size", "36M"},
        {"Receive", "max_header_size", "256K"},
        {"Receive", "max_recipients", "200"},
        {"Receive", "max_errors", "5"},
        {"Receive", "max_hops", "30"},
        {"Receive", "max_sessions", "5000"},
        {"Receive", "max_sessions_per_source", "20"},
        {"Receive", "idle_timeout", "1m"},
        {"Server", "queue.life", "2d"},
        {"Server", "queue.retry", "1m, 1m, 1m, 1m, 10m, 10m, 10m, 10m, 10m, 10m, 30m"},
    };
    return preset == "exchange-edge" ? exchange_edge : none;
}

}  // namespace valija::settings
