#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cstdio>
#include <future>

#include "control/service/table.hpp"
#include "directory/settings/directory.hpp"
#include "platform/base/text.hpp"
#include "platform/net/fetcher.hpp"
#include "platform/store/file.hpp"
#include "programs/commands/commands.hpp"
#include "trust/revocation/crl.hpp"

namespace json = boost::json;

namespace valija::programs {
namespace {

using revocation::CrlIndex;

constexpr size_t kLargestFile = 96UL << 20U;  // PEM of the largest list
constexpr size_t kMostShown = 1000;

int run_list(const Invocation& invocation) { return ask_server(invocation, "crl list"); }

int run_fetch(const Invocation& invocation) {
    std::map<std::string, std::string> arguments;
    if (invocation.has("URL")) arguments["url"] = invocation.one("URL");
    return ask_server(invocation, "crl fetch", std::move(arguments));
}

// Through the proxy of the directory, where one is named.
Result<std::string> bytes_of(const Invocation& invocation) {
    const std::string place = invocation.one("URL|FILE");
    if (place.find("://") == std::string::npos) {
        return store::read_file(place, kLargestFile);
    }
    net::Proxy proxy;
    if (!invocation.home.empty()) {
        const auto directory = settings::load(invocation.home);
        if (directory) {
            proxy = {.url = directory->server.proxy_url, .bypass = directory->server.proxy_bypass};
        }
    }
    net::Fetcher fetcher(proxy);
    std::promise<Result<std::string>> fetched;
    fetcher.fetch(place, [&](Result<std::string> bytes) { fetched.set_value(std::move(bytes)); });
    return fetched.get_future().get();
}

std::string scope_text(const revocation::Scope& scope) {
    std::vector<std::string> parts;
    if (scope.only_user) parts.emplace_back("end certificates only");
    if (scope.only_ca) parts.emplace_back("CA certificates only");
    if (scope.reasons != revocation::kAllReasons) parts.emplace_back("some reasons only");
    for (const std::string& place : scope.places) {
        parts.push_back(place.starts_with("url ") ? place.substr(4) : "a directory name");
    }
    return parts.empty() ? "all certificates of the issuer" : join(parts, ", ");
}

json::object json_of(const CrlIndex::Listed& listed) {
    return {{"serial", listed.serial},
            {"revoked_at", iso_time(listed.entry.revoked_at)},
            {"reason", listed.entry.reason}};
}

// What the answer holds, for both forms.
struct Shown {
    const CrlIndex& list;
    std::vector<CrlIndex::Listed> entries;  // the first ones, or the one that was asked for
};

json::object json_of(const Shown& shown) {
    const revocation::CrlFacts& facts = shown.list.facts();
    json::array entries;
    for (const auto& listed : shown.entries) entries.push_back(json_of(listed));
    json::object all{
        {"issuer", facts.issuer_text},
        {"number", facts.has_number ? json::value(hex(facts.number)) : json::value()},
        {"delta", facts.is_delta},
        {"this_update", iso_time(facts.this_update)},
        {"next_update",
         facts.has_next_update ? json::value(iso_time(facts.next_update)) : json::value()},
        {"scope", scope_text(facts.scope)},
        {"freshest", json::value_from(facts.freshest_urls)},
        {"count", shown.list.size()}};
    all["entries"] = std::move(entries);
    return all;
}

void print_facts(const CrlIndex& list) {
    const revocation::CrlFacts& facts = list.facts();
    const auto row = [](std::string_view name, const std::string& value) {
        fmt::print("{:<12} {}\n", name, escape_peer_text(value));
    };
    row("issuer", facts.issuer_text);
    row("number", facts.has_number ? hex(facts.number) : "none");
    if (facts.is_delta) row("delta of", hex(facts.base_number) + " and later");
    row("this update", iso_time(facts.this_update));
    row("next update", facts.has_next_update ? iso_time(facts.next_update) : "not said");
    row("scope", scope_text(facts.scope));
    for (const std::string& url : facts.freshest_urls) row("deltas at", url);
    row("entries", std::to_string(list.size()));
}

// RFC 5280 5.3.1.
std::string reason_name(int reason) {
    constexpr std::array kNames{
        "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
        "superseded",    "cessationOfOperation", "certificateHold", "7",
        "removeFromCRL", "privilegeWithdrawn",   "aACompromise"};
    if (reason < 0) return "-";
    return static_cast<size_t>(reason) < kNames.size() ? kNames[static_cast<size_t>(reason)]
                                                       : std::to_string(reason);
}

void print_entries(const std::vector<CrlIndex::Listed>& entries) {
    service::Table table({"SERIAL", "REVOKED AT", "REASON"});
    for (const auto& listed : entries) {
        table.add(
            {listed.serial, iso_time(listed.entry.revoked_at), reason_name(listed.entry.reason)});
    }
    if (!table.is_empty()) fmt::print("\n{}", table.text());
}

// "0A:1B", "0xa1b" or "a1b"; nothing: no hexadecimal number.
std::optional<std::string> serial_of(std::string_view text) {
    if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
    std::string digits;
    for (const char c : text) {
        if (c == ':' || c == ' ') continue;
        if (std::string_view("0123456789abcdefABCDEF").find(c) == std::string_view::npos) return {};
        digits += c;
    }
    if (digits.size() % 2 == 1) digits.insert(0, 1, '0');
    std::string bytes;
    for (size_t i = 0; i < digits.size(); i += 2) {
        unsigned octet = 0;
        std::from_chars(digits.data() + i, digits.data() + i + 2, octet, 16);
        if (!bytes.empty() || octet != 0) bytes += static_cast<char>(octet);
    }
    return digits.empty() ? std::nullopt : std::optional(bytes);
}

std::optional<size_t> count_of(const Invocation& invocation) {
    if (!invocation.has("--entries")) return 10;
    const std::string text = invocation.one("--entries");
    size_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || end != text.data() + text.size() || count > kMostShown) return {};
    return count;
}

int print_shown(const Invocation& invocation, const Shown& shown) {
    if (invocation.json) {
        fmt::print("{}\n", json::serialize(json_of(shown)));
    } else {
        print_facts(shown.list);
        print_entries(shown.entries);
    }
    if (!invocation.has("--serial")) return status::yes;
    if (!invocation.json && shown.entries.empty())
        fmt::print("\nThis serial number is not in it.\n");
    return shown.entries.empty() ? status::no : status::yes;
}

int run_show(const Invocation& invocation) {
    const auto count = count_of(invocation);
    const auto serial = serial_of(invocation.one("--serial"));
    if (!count) {
        fmt::print(stderr, "valija: --entries is a number up to {}\n", kMostShown);
        return status::usage;
    }
    if (invocation.has("--serial") && !serial) {
        fmt::print(stderr, "valija: --serial is hexadecimal, as 0A1B2C or 0A:1B:2C\n");
        return status::usage;
    }
    auto bytes = bytes_of(invocation);
    if (!bytes) {
        fmt::print(stderr, "valija: {}\n", escape_peer_text(bytes.error().text()));
        return status::unknown;
    }
    const auto document =
        revocation::CrlDocument::read(std::move(*bytes), revocation::Strictness::Lenient);
    if (!document) {
        fmt::print(stderr, "valija: this list cannot be used: {}\n", document.error().english());
        return status::no;
    }
    const CrlIndex& list = document->unverified();
    Shown shown{.list = list, .entries = {}};
    if (!serial) {
        shown.entries = list.first(*count);
    } else if (const auto entry = list.find(*serial)) {
        shown.entries.push_back({.serial = hex(*serial), .entry = *entry});
    }
    return print_shown(invocation, shown);
}

Command show_command() {
    return {
        .group = "Certificates",
        .noun = "crl",
        .verb = "show",
        .arguments = {{.name = "URL|FILE",
                       .help = "http, https, ldap or ldaps address, or a file (DER or PEM)"}},
        .options = {{.name = "--serial",
                     .value_name = "HEX",
                     .help = "look up one serial number: exit 0 if it is in the list, 1 if not"},
                    {.name = "--entries",
                     .value_name = "N",
                     .help = "how many entries to print, by serial number; 10 unless told"}},
        .summary = "show what a revocation list says",
        .description =
            "Issuer, number, dates, scope and entries, as the list says them: its signature\n"
            "is not verified here, as nobody has said who should have signed it. With --home\n"
            "an address is fetched through the directory's proxy.",
        .examples = {"valija crl show http://crl.woodgrovebank.com/root.crl",
                     "valija crl show root.crl --serial 0A1B2C"},
        .handler = run_show,
        .home = Home::NotNeeded,
        .json = Json::Yes};
}

}  // namespace

std::vector<Command> crl_commands() {
    return {
        show_command(),
        {.group = "Certificates",
         .noun = "crl",
         .verb = "list",
         .summary = "list the revocation lists; are they good?",
         .description =
             "Lists are fetched ahead of time and refreshed before they end; no session waits\n"
             "for one. A list that is missing or out of date makes an enforced partner's mail\n"
             "wait (RevocationOffline), and this command says why it could not be fetched.\n"
             "Exit status 0: all lists are there and current; 1: at least one is not.",
         .examples = {"valija crl list", "valija crl list --json"},
         .handler = run_list,
         .runs = Runs::AsksServer,
         .json = Json::Yes},
        {.group = "Certificates",
         .noun = "crl",
         .verb = "fetch",
         .arguments = {{.name = "URL",
                        .help = "the address of one list; without it all are fetched",
                        .need = Need::Optional}},
         .summary = "fetch revocation lists again, now",
         .description = "The list in use stays in force until the new one is there and verified.",
         .examples = {"valija crl fetch", "valija crl fetch http://crl.woodgrovebank.com/root.crl"},
         .handler = run_fetch,
         .runs = Runs::AsksServer,
         .json = Json::Yes},
    };
}

}  // namespace valija::programs
