// `valija partner pin`: one look-up of the partner's MX hosts, kept in its file (CI-09..11).
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "control/service/table.hpp"
#include "directory/settings/values.hpp"
#include "platform/base/text.hpp"
#include "platform/net/loops.hpp"
#include "platform/net/resolver.hpp"
#include "platform/net/task_group.hpp"
#include "programs/commands/commands.hpp"

namespace valija::programs {
namespace {

using settings::Partner;

constexpr size_t kMostHosts = 100;

struct Host {
    std::string domain;
    std::string name;
    std::vector<std::string> addresses;
    bool is_signed = false;  // the MX answer, and the addresses
};

struct Found {
    std::vector<Host> hosts;
    std::string failure;  // empty: all was looked up
};

Task<void> look_up_host(net::Resolver* resolver, Host host, Found* found) {
    if (!settings::is_full_name(host.name)) {
        found->failure = fmt::format("{} is no host name", escape_peer_text(host.name, 100));
        co_return;
    }
    const auto answer = co_await resolver->addresses(host.name);
    if (!answer) {
        found->failure = answer.error().text();
        co_return;
    }
    if (answer->records.empty()) {
        co_return;  // nobody can be reached there
    }
    host.addresses = answer->records;
    host.is_signed = host.is_signed && answer->secure;
    found->hosts.push_back(std::move(host));
}

// Without MX records the domain itself is the host (RFC 5321 5.1).
Task<void> look_up_domain(net::Resolver* resolver, std::string domain, Found* found) {
    auto answer = co_await resolver->mx(domain);
    if (!answer) {
        found->failure = answer.error().text();
        co_return;
    }
    if (answer->records.empty()) {
        answer->records.push_back({.preference = 0, .host = domain});
    }
    const size_t before = found->hosts.size();
    for (const net::MxRecord& record : answer->records) {
        if (record.host.empty()) {
            found->failure = fmt::format("{} takes no mail (null MX)", domain);
        } else if (found->hosts.size() < kMostHosts) {
            Host host{.domain = domain, .name = record.host, .is_signed = answer->secure};
            co_await look_up_host(resolver, std::move(host), found);
        }
        if (!found->failure.empty()) {
            co_return;
        }
    }
    if (found->hosts.size() == before) {
        found->failure = fmt::format(
            "{} has neither an MX host with an address nor an address, as the resolver says",
            domain);
    }
}

Task<void> look_up_all(net::Resolver* resolver, std::vector<std::string> domains, Found* found) {
    for (const std::string& domain : domains) {
        if (found->failure.empty()) {
            co_await look_up_domain(resolver, domain, found);
        }
    }
}

Result<Found> look_up(const settings::Server& server, const std::vector<std::string>& domains) {
    auto resolver = net::make_resolver({.forward = server.dns_forward,
                                        .trust_anchor = server.dns_trust_anchor,
                                        .deadline = server.dns_deadline});
    if (!resolver) {
        return std::unexpected(resolver.error());
    }
    Found found;
    net::Loops loops(1);
    net::TaskGroup group("pin", 1, observe::Log(observe::make_null_sink()));
    group.spawn(loops.next().get_executor(), look_up_all(resolver->get(), domains, &found));
    loops.run();
    // Each look-up ends by its own deadline: MX, and the addresses of each host.
    group.drain(server.dns_deadline * static_cast<int>(kMostHosts + domains.size()));
    return found;
}

bool is_found(const std::vector<Host>& hosts, std::string_view name) {
    return std::ranges::find(hosts, name, &Host::name) != hosts.end();
}

// What the file is to say. Of one domain of several: what was known of the others stays.
struct Pinned {
    std::vector<std::string> names;
    std::vector<std::string> known;
};

Pinned pinned_of(const Partner& partner, const std::vector<Host>& hosts, bool all_domains) {
    Pinned pinned{.names = partner.names, .known = {}};
    for (const std::string& text : partner.mx_known) {
        const auto known = settings::read_known_mx(text);
        if (!known || is_found(hosts, known->host)) {
            continue;
        }
        if (all_domains) {
            std::erase(pinned.names, known->host);  // names set by hand are not among mx_known
        } else {
            pinned.known.push_back(text);
        }
    }
    for (const Host& host : hosts) {
        std::string line = join(host.addresses, " ");
        line = line.empty() ? host.name : host.name + " " + line;
        if (std::ranges::find(pinned.known, line) == pinned.known.end()) {
            pinned.known.push_back(std::move(line));
        }
        if (std::ranges::find(pinned.names, host.name) == pinned.names.end()) {
            pinned.names.push_back(host.name);
        }
    }
    return pinned;
}

void print_hosts(const std::vector<Host>& hosts) {
    service::Table table({"DOMAIN", "MX HOST", "ADDRESSES", "DNSSEC"});
    for (const Host& host : hosts) {
        table.add({host.domain, host.name, join(host.addresses, ", "),
                   host.is_signed ? "signed" : "not signed"});
    }
    fmt::print(stdout, "{}", table.text());
    std::fflush(stdout);  // before the warning, also where both go to one file
    if (!std::ranges::all_of(hosts, &Host::is_signed)) {
        fmt::print(stderr,
                   "valija: warning: not all of this was signed (DNSSEC); compare the hosts with "
                   "the partner by telephone before you rely on them\n");
    }
}

int run_pin(const Invocation& invocation) {
    const auto directory = settings::load(invocation.home);
    if (!directory) {
        return refuse(directory.error());
    }
    const Partner* partner = find_partner(*directory, invocation.one("NAME"));
    if (partner == nullptr) {
        return status::no;
    }
    std::vector<std::string> domains = partner->domains;
    if (invocation.has("--domain")) {
        domains = {lower(invocation.one("--domain"))};
        if (std::ranges::find(partner->domains, domains.front()) == partner->domains.end()) {
            fmt::print(stderr, "valija: {} is no domain of the partner \"{}\"\n",
                       escape_peer_text(domains.front(), 100), partner->name);
            return status::no;
        }
    }
    const auto found = look_up(directory->server, domains);
    if (!found || !found->failure.empty()) {
        fmt::print(stderr, "valija: nothing is written: {}\n",
                   escape_peer_text(found ? found->failure : found.error().text()));
        return status::unknown;
    }
    print_hosts(found->hosts);
    const bool all_domains = domains == partner->domains;  // also by --domain, where it has one
    const Pinned pinned = pinned_of(*partner, found->hosts, all_domains);
    return change_partner(invocation, partner->origin.file,
                          {{.key = "names", .toml_value = settings::toml_list(pinned.names)},
                           {.key = "mx_known", .toml_value = settings::toml_list(pinned.known)}});
}

}  // namespace

Command partner_pin_command() {
    return {.group = "Partners",
            .noun = "partner",
            .verb = "pin",
            .arguments = {{.name = "NAME", .help = "the partner's name"}},
            .options = {{.name = "--domain",
                         .value_name = "DOMAIN",
                         .help = "only this domain of the partner [all of them]"}},
            .summary = "look up the partner's MX hosts once and keep them as its names",
            .description =
                "Writes the hosts to \"names\" and, with their addresses, to \"mx_known\" of the\n"
                "partner's file. From then on their certificates prove the partner whatever DNS\n"
                "says, and a change in DNS is told as the event partner.mx-changed. Shows whether\n"
                "the answers were signed (DNSSEC).",
            .examples = {"valija partner pin woodgrovebank"},
            .handler = run_pin,
            .runs = Runs::Both};
}

}  // namespace valija::programs
