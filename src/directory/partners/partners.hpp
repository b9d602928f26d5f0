// The partners' rules, ready for the judge: anchors loaded, words turned into values.
//
// Promise: built once for each directory (load); immutable; any thread. A missing or unreadable
// anchor file is a problem with the line of the partner's `trust` key; then nothing is built.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "directory/settings/directory.hpp"
#include "directory/settings/values.hpp"
#include "trust/identity/judge.hpp"

namespace valija::partners {

enum class Mode { Off, Monitor, Enforce };
enum class OnFailure { Defer, Reject };

struct PartnerRules {
    std::string name;
    settings::Origin origin;  // file:line for the ladder's policy step
    std::vector<std::string> domains;
    Mode send = Mode::Monitor;
    Mode receive = Mode::Monitor;
    OnFailure on_failure = OnFailure::Defer;
    std::string certificate;
    bool protect_header_from = false;
    std::vector<std::string> crl;
    std::vector<settings::Route> routes;      // in the order in which they are tried (CI-39)
    std::vector<settings::KnownMx> mx_known;  // at the time of pinning (CI-10, CI-11)
    identity::Rule rule;                      // `domain` is filled per question by rule_for()

    identity::Rule rule_for(std::string_view domain) const;
};

// Directory and partner rules: what a running server holds as one snapshot.
struct World {
    settings::Directory directory;
    std::map<std::string, std::shared_ptr<const PartnerRules>> by_domain;
    std::vector<std::shared_ptr<const PartnerRules>> partners;

    std::shared_ptr<const PartnerRules> partner_of(std::string_view domain) const;

    // Where the key of a partner's file is written, "etc/partners.d/a.toml:3"; of a key that is
    // not written, the file.
    std::string written_at(const PartnerRules& partner, const std::string& key) const;
};

// Reads anchors from `home`/etc/anchors/<name>.pem.
std::expected<std::shared_ptr<const World>, std::vector<settings::Problem>> make_world(
    const std::string& home, settings::Directory directory);

// load() and make_world() in one.
std::expected<std::shared_ptr<const World>, std::vector<settings::Problem>> load_world(
    const std::string& home, const settings::Overlay& overlay = {});

}  // namespace valija::partners
