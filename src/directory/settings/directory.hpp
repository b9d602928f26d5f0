// The directory: all that the operator has decided, as an immutable value.
//
// Promise: load() reads text files only (`etc/valija.toml`, `etc/connectors.d/*.toml`,
// `etc/partners.d/*.toml`), validates them as a whole, and gives either a complete directory or all
// problems, each with file:line:column and, for an unknown key, the nearest known one. Values have
// their types and ranges of settings.def. Immutable; shared as a snapshot.
// Not here: certificates and anchors of partners (directory/partners), editing (edit.hpp).
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.hpp"
#include "platform/base/time.hpp"

namespace valija::settings {

struct Problem {
    std::string file;
    unsigned line = 0;  // 0: the file as a whole
    unsigned column = 0;
    std::string text;  // with its hint: unknown key "recieve"; did you mean "receive"?

    std::string where() const;  // "etc/partners.d/a.toml:3:1: text"
};

struct Origin {
    std::string file;  // relative to --home
    unsigned line = 0;
};

// The typed structs Server, Receive, Send and Partner, a field for each row: Text std::string,
// TextList std::vector<std::string>, Bool bool, Number int64_t, Size uint64_t, Span Duration,
// SpanList std::vector<Duration>, Word std::string (one of its words).
// A struct made by hand holds the defaults of the table, as a loaded one does where nothing is
// written.
#include "directory/settings/settings_structs.inc"

// By what a connector chooses its certificate of ours: `certificate` where it is set, or the fqdn.
template <class Connector>
const std::string& certificate_name(const Connector& connector) {
    return connector.certificate.empty() ? connector.fqdn : connector.certificate;
}

struct Directory {
    Server server;
    std::vector<Receive> receive;  // at least one: the default connector is called "Inet"
    std::vector<Send> send;        // at least one: the default connector is called "Internet"
    std::vector<Partner> partners;

    bool accepts(std::string_view domain) const;
    // Lower case: our hostname and the fqdn of every receive connector.
    std::vector<std::string> own_names() const;
    const Partner* partner_of(std::string_view domain) const;  // exact domain only
    const Partner* partner(std::string_view name) const;
    // The most specific address space wins, then the name.
    const Send& connector_for(std::string_view domain) const;
};

// Files as text by their path relative to --home: lets an edit be validated before it is written.
using Overlay = std::map<std::string, std::optional<std::string>>;  // nullopt: removed

std::expected<Directory, std::vector<Problem>> load(const std::string& home,
                                                    const Overlay& overlay = {});

// One row of the table as text, for help, config show and reference pages.
struct SettingRow {
    std::string object, key, type, default_text, when, help;
};

const std::vector<SettingRow>& setting_rows();

// A setting as it is in force, for people: `key`, its value as TOML writes it, where it was written
// ("etc/valija.toml:3") or why it has this value ("default", "preset exchange-edge").
struct InForce {
    std::string key, value, origin;
};

std::vector<InForce> in_force(const Server& server);
std::vector<InForce> in_force(const Receive& connector, const Server& server);
std::vector<InForce> in_force(const Send& connector);
std::vector<InForce> in_force(const Partner& partner);

}  // namespace valija::settings
