// `valija connector list|show|check`: how mail comes and goes, and whether that can work (EH-04).
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "control/explain/check_own.hpp"
#include "control/service/table.hpp"
#include "platform/base/text.hpp"
#include "programs/commands/certificate_common.hpp"

namespace json = boost::json;

namespace valija::programs {
namespace {

// What both kinds have.
struct Connector {
    std::string name;
    std::string kind;
    std::string fqdn;         // as in force
    std::string certificate;  // what is looked for
    std::string where;        // addresses, or address spaces
    std::vector<settings::InForce> settings;
};

template <class Row>
Connector of_row(const Row& row, const std::string& kind, const std::vector<std::string>& where,
                 const std::vector<settings::InForce>& settings) {
    return {.name = row.name,
            .kind = kind,
            .fqdn = row.fqdn,
            .certificate = settings::certificate_name(row),
            .where = join(where, ", "),
            .settings = settings};
}

std::vector<Connector> connectors_of(const settings::Directory& directory) {
    std::vector<Connector> all;
    for (const auto& row : directory.receive) {
        all.push_back(
            of_row(row, "receive", row.listen, settings::in_force(row, directory.server)));
    }
    for (const auto& row : directory.send) {
        all.push_back(of_row(row, "send", row.address_spaces, settings::in_force(row)));
    }
    return all;
}

struct Looked {
    settings::Directory directory;
    keystore::KeyStore keys;
    std::vector<Connector> connectors;  // those that were asked for
};

// A complaint is printed.
std::optional<Looked> look(const Invocation& invocation, int& exit_status) {
    auto directory = settings::load(invocation.home);
    if (!directory) {
        exit_status = refuse(directory.error());
        return std::nullopt;
    }
    auto keys = load_certificates(invocation.home);
    if (!keys) {
        exit_status = complain(keys.error());
        return std::nullopt;
    }
    std::vector<Connector> all = connectors_of(*directory);
    const std::string name = invocation.one("NAME");
    std::erase_if(all, [&](const Connector& one) { return !name.empty() && one.name != name; });
    if (all.empty()) {
        std::vector<std::string> known;
        for (const Connector& one : connectors_of(*directory)) known.push_back(one.name);
        fmt::print(stderr, "valija: there is no connector \"{}\"; there are: {}\n",
                   escape_peer_text(name, 60), join(known, ", "));
        exit_status = status::usage;
        return std::nullopt;
    }
    return Looked{std::move(*directory), std::move(*keys), std::move(all)};
}

std::string certificate_text(const Connector& connector, const keystore::KeyStore& keys, Time now) {
    const auto own = keys.select(connector.certificate, now);
    return own ? escape_peer_text(own->name) : "none fits";
}

int run_list(const Invocation& invocation) {
    int exit_status = status::yes;
    const auto looked = look(invocation, exit_status);
    if (!looked) return exit_status;
    const Time now = SystemClock().now();
    service::Table table({"NAME", "KIND", "FQDN", "CERTIFICATE", "ADDRESSES OR DOMAINS"});
    json::array all;
    for (const Connector& one : looked->connectors) {
        const std::string certificate = certificate_text(one, looked->keys, now);
        table.add({one.name, one.kind, one.fqdn, certificate, one.where});
        all.push_back(json::object{{"name", one.name},
                                   {"kind", one.kind},
                                   {"fqdn", one.fqdn},
                                   {"certificate", certificate},
                                   {"where", one.where}});
    }
    fmt::print(stdout, "{}{}", invocation.json ? json::serialize(all) : table.text(),
               invocation.json ? "\n" : "");
    return exit_status;
}

int run_show(const Invocation& invocation) {
    int exit_status = status::yes;
    const auto looked = look(invocation, exit_status);
    if (!looked) return exit_status;
    json::array all;
    for (const Connector& one : looked->connectors) {
        if (!invocation.json) {
            fmt::print(stdout, "# {} connector {}\n{}", one.kind, one.name,
                       in_force_text(one.settings));
        }
        for (const settings::InForce& row : one.settings) {
            all.push_back(json::object{{"name", one.name},
                                       {"kind", one.kind},
                                       {"key", row.key},
                                       {"value", json::parse(row.value)},
                                       {"origin", row.origin}});
        }
    }
    if (invocation.json) fmt::print(stdout, "{}\n", json::serialize(all));
    return exit_status;
}

struct Finding {
    std::string connector;
    std::string what;
    std::string state;  // ok, warn, FAIL
    std::string evidence;
    std::string fix;
};

Finding look_at_name(const Connector& connector) {
    const bool is_whole = is_host_name(connector.fqdn) && connector.fqdn.contains('.');
    return {connector.name, "fqdn", is_whole ? "ok" : "FAIL", connector.fqdn,
            is_whole ? "" : "give `fqdn` a whole host name, as mail.contoso.com"};
}

// The certificate by semantics 2.3, and what is amiss with it: dates count first.
Finding look_at_certificate(const Connector& connector, const keystore::KeyStore& keys, Time now) {
    using explain::OwnTrouble;
    const auto own = keys.select(connector.certificate, now);
    if (!own) {
        return {connector.name, "certificate", "FAIL",
                fmt::format("none fits {}", connector.certificate),
                fmt::format("valija certificate request --domain {} --out mail.req",
                            connector.certificate)};
    }
    const x509::Certificate& leaf = own->chain.front();
    const std::string evidence =
        fmt::format("{} (keys/{}.crt)", leaf->thumbprint, escape_peer_text(own->name));
    const auto amiss = explain::look_at_own(*own, connector.kind == "send", {}, now);
    if (!amiss.empty()) {
        const auto& first = amiss.front();
        const bool is_fatal =
            first.trouble == OwnTrouble::Expired || first.trouble == OwnTrouble::NotYetValid;
        return {connector.name, "certificate", is_fatal ? "FAIL" : "warn", first.evidence.english(),
                first.fix.english()};
    }
    if (leaf->self_issued) {
        return {connector.name, "certificate", "warn", evidence + ": self-signed",
                "partners need one of a CA that they trust, or pin it"};
    }
    return {connector.name, "certificate", "ok", evidence, ""};
}

// EH-04: mail to partners leaves by the DNS, but for those with hops of their own.
Finding look_at_routing(const Connector& connector, const settings::Directory& directory) {
    std::vector<std::string> routed;
    for (const auto& partner : directory.partners) {
        if (!partner.routes.empty()) routed.push_back(partner.name);
    }
    return {connector.name, "routing", "ok",
            routed.empty() ? "by the DNS (MX)"
                           : fmt::format("by the DNS (MX); partners with `routes` of their own: {}",
                                         join(routed, ", ")),
            ""};
}

int run_check(const Invocation& invocation) {
    int exit_status = status::yes;
    const auto looked = look(invocation, exit_status);
    if (!looked) return exit_status;
    const Time now = SystemClock().now();
    std::vector<Finding> findings;
    for (const Connector& one : looked->connectors) {
        findings.push_back(look_at_name(one));
        findings.push_back(look_at_certificate(one, looked->keys, now));
        if (one.kind == "send") findings.push_back(look_at_routing(one, looked->directory));
    }
    service::Table table({"CONNECTOR", "WHAT", "STATE", "EVIDENCE", "FIX"});
    json::array all;
    for (const Finding& one : findings) {
        if (one.state == "FAIL") exit_status = status::no;
        table.add({one.connector, one.what, one.state, one.evidence, one.fix});
        all.push_back(json::object{{"connector", one.connector},
                                   {"what", one.what},
                                   {"state", one.state},
                                   {"evidence", one.evidence},
                                   {"fix", one.fix}});
    }
    fmt::print(stdout, "{}{}", invocation.json ? json::serialize(all) : table.text(),
               invocation.json ? "\n" : "");
    return exit_status;
}

Command row(std::string verb, std::string summary, int (*handler)(const Invocation&)) {
    Command made{.group = "Configuration",
                 .noun = "connector",
                 .verb = std::move(verb),
                 .summary = std::move(summary),
                 .handler = handler,
                 .json = Json::Yes};
    made.arguments = {{.name = "NAME", .help = "of the connector [all]", .need = Need::Optional}};
    return made;
}

}  // namespace

std::vector<Command> connector_commands() {
    Command list = row("list", "list receive and send connectors", run_list);
    list.arguments.clear();
    list.description =
        "Receive connectors first: the addresses where they listen; send connectors: the\n"
        "domains whose mail they carry. CERTIFICATE is the one of ours that is shown.";
    list.examples = {"valija connector list"};
    Command show = row("show", "print the settings of connectors, with their origin", run_show);
    show.description = "Without NAME all of them. After each value stands where it comes from.";
    show.examples = {"valija connector show Internet"};
    Command check = row("check", "look whether connectors can do their work", run_check);
    check.description =
        "Name, certificate and, for sending, routing. Exit status: 0 all good, 1 something\n"
        "fails. Nothing is changed and nobody is asked; `valija check` goes out and looks.";
    check.examples = {"valija connector check", "valija connector check Internet --json"};
    return {list, show, check};
}

}  // namespace valija::programs
