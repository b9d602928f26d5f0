#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <optional>

#include "control/service/table.hpp"
#include "directory/partners/partners.hpp"
#include "directory/settings/caution.hpp"
#include "directory/settings/edit.hpp"
#include "platform/base/text.hpp"
#include "programs/commands/commands.hpp"

namespace json = boost::json;

namespace valija::programs {
namespace {

using settings::Change;
using settings::Directory;
using settings::Partner;
using settings::SettingRow;

std::vector<SettingRow> partner_rows() {
    std::vector<SettingRow> rows;
    std::ranges::copy_if(settings::setting_rows(), std::back_inserter(rows),
                         [](const SettingRow& row) { return row.object == "Partner"; });
    return rows;
}

std::string file_of(const std::string& name) { return "etc/partners.d/" + name + ".toml"; }

// domains > --domain, on_failure > --on-failure: one value an option, lists by repetition.
std::string option_of(const SettingRow& row) {
    std::string name = row.key;
    std::ranges::replace(name, '_', '-');
    if (name == "domains" || name == "names" || name == "pins" || name == "routes") name.pop_back();
    return "--" + name;
}

std::string value_name_of(const SettingRow& row) {
    if (row.type == "Bool") return {};
    if (row.type.starts_with("Word(")) return row.type.substr(5, row.type.size() - 6);
    if (row.type.starts_with("Span(")) return "TIME";
    if (row.key == "trust") return "ANCHOR";
    if (row.key == "crl") return "URL";
    if (row.key == "pins") return "SHA256";
    if (row.key == "routes") return "HOST";
    if (row.key == "mx_known") return "HOST-AND-ADDRESSES";
    if (row.key == "contact") return "ADDRESS";
    if (row.key == "certificate") return "CERTIFICATE";
    return option_of(row) == "--domain" ? "DOMAIN" : "NAME";
}

// The options of `partner add` are the settings themselves.
std::vector<Option> setting_options() {
    std::vector<Option> options;
    for (const SettingRow& row : partner_rows()) {
        const bool is_word = !row.default_text.empty() && row.type != "Bool";
        options.push_back({.name = option_of(row),
                           .value_name = value_name_of(row),
                           .help = row.help + (is_word ? " [" + row.default_text + "]" : ""),
                           .need = row.key == "domains" ? Need::Required : Need::Optional,
                           .times = row.type == "TextList" ? Times::Many : Times::Once});
    }
    return options;
}

// The server that runs, if one does, takes what was written; says what happened.
int tell_server(const Invocation& invocation, const std::string& done) {
    const Reload reload = reload_server(invocation);
    fmt::print(stdout, "{}{}\n", done,
               !reload.is_running ? "; no server is running."
               : reload.has_it    ? "; the running server has it."
                                  : ", but the running server did not take it:");
    fmt::print(stderr, "{}", reload.has_it ? "" : reload.problem);
    return reload.exit_status;
}

// One value of an option; of a list all of them, each of which may be a list with commas. Nothing:
// the value does not fit its type.
std::optional<std::string> toml_of(const SettingRow& row, const std::vector<std::string>& words) {
    const auto value = settings::toml_value(row, row.type == "Bool" ? "true" : join(words, ","));
    if (value) return *value;
    fmt::print(stderr, "valija: {}\n", value.error().text());
    return std::nullopt;
}

int run_add(const Invocation& invocation) {
    const std::string name = invocation.one("NAME");
    if (!settings::is_object_name(name)) {
        fmt::print(stderr,
                   "valija: \"{}\" is not a name for a partner: letters, digits, dash, dot and "
                   "underscore, beginning with a letter or digit, at most 64\n",
                   escape_peer_text(name, 80));
        return status::usage;
    }
    const auto directory = settings::load(invocation.home);
    if (!directory) return refuse(directory.error());
    if (directory->partner(name) != nullptr) {
        fmt::print(stderr,
                   "valija: the partner \"{}\" exists; `valija partner set {} …` changes it\n",
                   name, name);
        return status::no;
    }
    for (const std::string& domain : invocation.all("--domain")) {
        const Partner* owner = directory->partner_of(domain);
        if (owner == nullptr) continue;
        fmt::print(stderr, "valija: the domain {} belongs to the partner \"{}\" ({})\n", domain,
                   owner->name, owner->origin.file);
        return status::no;
    }
    std::vector<Change> changes;
    for (const SettingRow& row : partner_rows()) {
        if (!invocation.has(option_of(row))) continue;
        auto value = toml_of(row, invocation.all(option_of(row)));
        if (!value) return status::usage;
        changes.push_back({.key = row.key, .toml_value = std::move(value)});
    }
    return change_partner(invocation, file_of(name), changes);
}

// "send=enforce"; "names=" empties a list or text; nothing: a problem was printed.
std::optional<Change> change_of(const std::string& text) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) {
        fmt::print(stderr, "valija: \"{}\" is not of the form key=value\n",
                   escape_peer_text(text, 60));
        return std::nullopt;
    }
    const std::string key = text.substr(0, equals);
    std::vector<std::string> known;
    for (const SettingRow& row : partner_rows()) {
        known.push_back(row.key);
        if (row.key != key) continue;
        auto value = settings::toml_value(row, std::string_view(text).substr(equals + 1));
        if (value) return Change{.key = key, .toml_value = std::move(*value)};
        fmt::print(stderr, "valija: {}\n", value.error().text());
        return std::nullopt;
    }
    const auto near = nearest(key, known);
    fmt::print(
        stderr, "valija: a partner has no setting \"{}\"{}\n", escape_peer_text(key, 60),
        near ? fmt::format("; did you mean \"{}\"?", *near) : "; it has " + join(known, ", "));
    return std::nullopt;
}

int run_set(const Invocation& invocation) {
    std::vector<Change> changes;
    for (const std::string& text : invocation.all("KEY=VALUE")) {
        auto made = change_of(text);
        if (!made) return status::usage;
        changes.push_back(std::move(*made));
    }
    const auto directory = settings::load(invocation.home);
    if (!directory) return refuse(directory.error());
    const Partner* partner = find_partner(*directory, invocation.one("NAME"));
    return partner == nullptr ? status::no
                              : change_partner(invocation, partner->origin.file, changes);
}

int run_remove(const Invocation& invocation) {
    const auto directory = settings::load(invocation.home);
    if (!directory) return refuse(directory.error());
    const Partner* partner = find_partner(*directory, invocation.one("NAME"));
    if (partner == nullptr) return status::no;
    const auto removed = settings::remove_file(invocation.home, partner->origin.file);
    if (!removed) return refuse(removed.error());
    return tell_server(invocation, partner->origin.file + " is removed");
}

json::value json_of(const Partner& partner) {
    json::object object{{"name", partner.name}, {"file", partner.origin.file}};
    json::object values;
    for (const auto& row : settings::in_force(partner)) {
        values[row.key] = json::object{{"value", json::parse(row.value)}, {"origin", row.origin}};
    }
    object["domains"] = json::value_from(partner.domains);
    object["send"] = partner.send;
    object["receive"] = partner.receive;
    object["settings"] = std::move(values);
    return object;
}

int run_list(const Invocation& invocation) {
    const auto directory = settings::load(invocation.home);
    if (!directory) return refuse(directory.error());
    if (invocation.json) {
        json::array all;
        for (const Partner& partner : directory->partners) all.push_back(json_of(partner));
        fmt::print(stdout, "{}\n", json::serialize(all));
        return status::yes;
    }
    service::Table table({"PARTNER", "SEND", "RECEIVE", "TRUST", "REVOCATION", "DOMAINS"});
    for (const Partner& partner : directory->partners) {
        table.add({partner.name, partner.send, partner.receive,
                   partner.trust.empty() ? "system" : join(partner.trust, ", "), partner.revocation,
                   join(partner.domains, ", ")});
    }
    fmt::print(stdout, "{}",
               table.is_empty() ? "There is no partner yet; see `valija partner add "
                                  "--help`.\n"
                                : table.text());
    return status::yes;
}

int run_show(const Invocation& invocation) {
    const auto directory = settings::load(invocation.home);
    if (!directory) return refuse(directory.error());
    const Partner* partner = find_partner(*directory, invocation.one("NAME"));
    if (partner == nullptr) return status::no;
    fmt::print(stdout, "{}",
               invocation.json ? json::serialize(json_of(*partner)) + "\n"
                               : in_force_text(settings::in_force(*partner)));
    return status::yes;
}

Argument name_argument() { return {.name = "NAME", .help = "the partner's name"}; }

Command add_command() {
    return {
        .group = "Partners",
        .noun = "partner",
        .verb = "add",
        .arguments = {{.name = "NAME",
                       .help = "a short name: letters, digits, dash, dot, underscore"}},
        .options = setting_options(),
        .summary = "add a partner organisation and its rule",
        .description =
            "Writes etc/partners.d/NAME.toml. With \"monitor\" mail flows as ever and what\n"
            "\"enforce\" would have refused is counted; with \"enforce\" mail passes only where\n"
            "the partner's certificate proves its domain, else it waits.\n"
            "Put the partner's CA certificate into etc/anchors/ANCHOR.pem first.",
        .examples = {"valija partner add woodgrovebank --domain woodgrovebank.com \\\n"
                     "    --trust woodgrove-root --send enforce --receive enforce"},
        .handler = run_add,
        .runs = Runs::Both};
}

Command set_command() {
    return {.group = "Partners",
            .noun = "partner",
            .verb = "set",
            .arguments = {name_argument(),
                          {.name = "KEY=VALUE",
                           .help = "a setting of the partner's file; lists with commas; nothing "
                                   "after = empties it",
                           .times = Times::Many}},
            .summary = "change settings of a partner",
            .description =
                "Changes only what is named; comments and order of the file stay. Nothing is\n"
                "written if the configuration as a whole would be wrong.\n"
                "`valija partner show NAME` prints the keys and their values.",
            .examples = {"valija partner set woodgrovebank send=enforce receive=enforce",
                         "valija partner set woodgrovebank domains=woodgrovebank.com,wgb.example"},
            .handler = run_set,
            .runs = Runs::Both};
}

}  // namespace

const Partner* find_partner(const Directory& directory, const std::string& name) {
    const Partner* found = directory.partner(name);
    if (found != nullptr) return found;
    std::vector<std::string> known;
    for (const Partner& partner : directory.partners) known.push_back(partner.name);
    const auto near = nearest(name, known);
    fmt::print(
        stderr, "valija: no partner is called \"{}\"{}\n", escape_peer_text(name, 60),
        near ? fmt::format("; did you mean \"{}\"?", *near) : "; `valija partner list` shows them");
    return nullptr;
}

// All is validated, the anchors too, before a byte is written.
int change_partner(const Invocation& invocation, const std::string& file,
                   const std::vector<Change>& changes) {
    const auto text = settings::changed_text(invocation.home, file, changes);
    if (!text) return refuse(text.error());
    const auto world = partners::load_world(invocation.home, {{file, *text}});
    if (!world) return refuse(world.error());
    const auto written = settings::change_file(invocation.home, file, changes);
    if (!written) return refuse(written.error());
    for (const settings::Caution& caution : settings::cautions((*world)->directory)) {
        if (caution.file == file) {
            fmt::print(stderr, "valija: warning: {}; {}\n", caution.text.english(),
                       caution.fix.english());
        }
    }
    return tell_server(invocation, file + " is written");
}

std::vector<Command> partner_commands() {
    return {
        add_command(),
        set_command(),
        partner_pin_command(),
        {.group = "Partners",
         .noun = "partner",
         .verb = "remove",
         .arguments = {name_argument()},
         .summary = "remove a partner and its rule",
         .description =
             "Its mail is then handled as anybody's. Anchors and certificates stay where they\n"
             "are.",
         .examples = {"valija partner remove woodgrovebank"},
         .handler = run_remove,
         .runs = Runs::Both},
        {.group = "Partners",
         .noun = "partner",
         .verb = "list",
         .summary = "list the partners and their rules",
         .description = "Reads the files; needs no running server.",
         .examples = {"valija partner list", "valija partner list --json"},
         .handler = run_list,
         .json = Json::Yes},
        {.group = "Partners",
         .noun = "partner",
         .verb = "show",
         .arguments = {name_argument()},
         .summary = "print all settings of a partner, and where they come from",
         .description = "Reads the files; needs no running server.",
         .examples = {"valija partner show woodgrovebank"},
         .handler = run_show,
         .json = Json::Yes},
    };
}

}  // namespace valija::programs
