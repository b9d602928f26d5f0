#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "control/service/table.hpp"
#include "directory/partners/partners.hpp"
#include "directory/settings/caution.hpp"
#include "platform/base/text.hpp"
#include "platform/net/resolver.hpp"
#include "programs/commands/certificate_common.hpp"

namespace json = boost::json;

namespace valija::programs {
namespace {

using settings::Directory;
using settings::Problem;

struct Findings {
    std::vector<Problem> problems;  // the server would refuse them, or could not work with them
    std::vector<std::string> warnings;
    std::shared_ptr<const partners::World> world;
    size_t certificates = 0;
};

// The certificate for a name that connectors show.
void check_certificate(const std::string& name, const std::string& connectors,
                       const keystore::KeyStore& keys, Time now, Findings& findings) {
    const auto own = keys.select(name, now);
    if (!own) {
        findings.warnings.push_back(fmt::format(
            "keys/ holds no certificate for {} ({}): no TLS until there is one", name, connectors));
        return;
    }
    const Time end = own->chain.front()->not_after;
    if (end < now) {
        findings.warnings.push_back(fmt::format("the certificate keys/{}.crt ({}) expired on {}",
                                                own->name, connectors, iso_time(end)));
    }
}

void check_certificates(const Invocation& invocation, Findings& findings) {
    const auto loaded = load_certificates(invocation.home);
    if (!loaded) {
        findings.problems.push_back({.file = "keys", .text = loaded.error().text()});
        return;
    }
    const keystore::KeyStore& keys = *loaded;
    findings.certificates = keys.certificates().size();
    // No reason not to start: whoever has no certificate then is told below.
    for (const auto& problem : keys.problems()) {
        findings.warnings.push_back(
            fmt::format("keys/{}: {}", escape_peer_text(problem.file), problem.text));
    }
    const Time now = SystemClock().now();
    const Directory& directory = findings.world->directory;
    for (const auto& [name, users] : certificate_users(directory)) {
        check_certificate(name, join(users, ", "), keys, now, findings);
    }
    for (const settings::Caution& caution : settings::cautions(directory)) {
        findings.warnings.push_back(
            fmt::format("{}: {}; {}", caution.file, caution.text.english(), caution.fix.english()));
    }
}

void check_resolver(Findings& findings) {
    const std::string& anchor = findings.world->directory.server.dns_trust_anchor;
    if (auto checked = net::check_trust_anchor(anchor); !checked) {
        findings.problems.push_back({.file = "etc/valija.toml", .text = checked.error().text()});
    }
}

std::string summary_of(const Findings& findings) {
    const size_t problems = findings.problems.size();
    if (problems > 0) {
        return fmt::format("{} found; the configuration cannot be used as it is.",
                           service::counted(problems, "problem", "problems"));
    }
    const auto& partners = findings.world->partners;
    const auto enforced = std::ranges::count_if(partners, [](const auto& partner) {
        return partner->send == partners::Mode::Enforce ||
               partner->receive == partners::Mode::Enforce;
    });
    const Directory& directory = findings.world->directory;
    return fmt::format(
        "The configuration is good: {} ({} enforced), {}, {}, {}.",
        service::counted(partners.size(), "partner", "partners"), enforced,
        service::counted(directory.receive.size(), "receive connector", "receive connectors"),
        service::counted(directory.send.size(), "send connector", "send connectors"),
        service::counted(findings.certificates, "certificate", "certificates"));
}

void print_json(const Findings& findings) {
    json::array problems;
    for (const Problem& problem : findings.problems) {
        problems.push_back(json::object{{"file", problem.file},
                                        {"line", problem.line},
                                        {"column", problem.column},
                                        {"text", problem.text}});
    }
    fmt::print(stdout, "{}\n",
               json::serialize(json::object{{"good", findings.problems.empty()},
                                            {"problems", std::move(problems)},
                                            {"warnings", json::value_from(findings.warnings)},
                                            {"summary", summary_of(findings)}}));
}

int run_check(const Invocation& invocation) {
    Findings findings;
    auto world = partners::load_world(invocation.home);
    if (world) {
        findings.world = *world;
        check_certificates(invocation, findings);
        check_resolver(findings);
    } else {
        findings.problems = world.error();
    }
    const int exit_status = findings.problems.empty() ? status::yes : status::configuration;
    if (invocation.json) {
        print_json(findings);
        return exit_status;
    }
    for (const Problem& problem : findings.problems) fmt::print(stdout, "{}\n", problem.where());
    for (const auto& warning : findings.warnings) fmt::print(stdout, "warning: {}\n", warning);
    fmt::print(stdout, "{}\n", summary_of(findings));
    return exit_status;
}

struct Section {
    std::string title, kind, name;
    std::vector<settings::InForce> rows;
};

std::vector<Section> sections_of(const Directory& directory) {
    std::vector<Section> all{{"valija.toml", "server", "", settings::in_force(directory.server)}};
    for (const auto& row : directory.receive) {
        all.push_back({"receive connector " + row.name, "receive", row.name,
                       settings::in_force(row, directory.server)});
    }
    for (const auto& row : directory.send) {
        all.push_back({"send connector " + row.name, "send", row.name, settings::in_force(row)});
    }
    for (const auto& row : directory.partners) {
        all.push_back({"partner " + row.name, "partner", row.name, settings::in_force(row)});
    }
    return all;
}

int run_show(const Invocation& invocation) {
    const auto directory = settings::load(invocation.home);
    if (!directory) return refuse(directory.error());
    json::array all;
    bool is_first = true;
    for (const Section& section : sections_of(*directory)) {
        if (invocation.json) {
            for (const auto& row : section.rows) {
                all.push_back(json::object{{"object", section.kind},
                                           {"name", section.name},
                                           {"key", row.key},
                                           {"value", json::parse(row.value)},
                                           {"origin", row.origin}});
            }
            continue;
        }
        fmt::print(stdout, "{}# {}\n{}", is_first ? "" : "\n", section.title,
                   in_force_text(section.rows));
        is_first = false;
    }
    if (invocation.json) fmt::print(stdout, "{}\n", json::serialize(all));
    return status::yes;
}

}  // namespace

std::vector<Command> config_commands() {
    return {
        {.group = "Configuration",
         .noun = "config",
         .verb = "check",
         .summary = "check files, anchors and certificates; print what is wrong",
         .description =
             "Reads etc/ as a whole, the partners' anchors and our own certificates and keys,\n"
             "and prints every problem with its file, line and column. Changes nothing and\n"
             "needs no running server. Exit status 78 if there is a problem; warnings do not\n"
             "count.",
         .examples = {"valija config check", "valija config check --json"},
         .handler = run_check,
         .json = Json::Yes},
        {.group = "Configuration",
         .noun = "config",
         .verb = "show",
         .summary = "print every setting in force, and where it comes from",
         .description =
             "Prints each setting as it would be written, with the file and line where it is\n"
             "written, or \"default\". What is not known here is not a setting.",
         .examples = {"valija config show", "valija config show --json"},
         .handler = run_show,
         .json = Json::Yes},
    };
}

}  // namespace valija::programs
