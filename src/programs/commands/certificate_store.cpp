// `valija certificate list|show|enable|export|remove`.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "control/service/table.hpp"
#include "platform/base/text.hpp"
#include "programs/commands/certificate_common.hpp"

namespace json = boost::json;

namespace valija::programs {
namespace {

using keystore::Entry;

std::string day_of(Time time) { return iso_time(time).substr(0, 10); }

std::string subject_of(const Entry& entry) {
    if (!entry.chain.empty()) return escape_peer_text(entry.chain.front()->subject, 120);
    return entry.request ? escape_peer_text(entry.request->subject, 120) : "";
}

std::string id_of(const Entry& entry) {
    return entry.chain.empty() ? escape_peer_text(entry.name) : entry.chain.front()->thumbprint;
}

// The candidates for a name, the one that is used first (EX-125).
int list_for(const Invocation& invocation, const std::string& domain) {
    const auto loaded = load_certificates(invocation.home);
    if (!loaded) return complain(loaded.error());
    const keystore::KeyStore& keys = *loaded;
    json::array all;
    service::Table table({"THUMBPRINT", "FILE", "VALID", "USED?"});
    bool is_any = false;
    for (const auto& one : keys.candidates(domain, SystemClock().now())) {
        const x509::Certificate& leaf = one.own->chain.front();
        const bool is_used = one.is_eligible && !is_any;
        is_any = is_any || one.is_eligible;
        all.push_back(json::object{{"thumbprint", leaf->thumbprint},
                                   {"name", escape_peer_text(one.own->name)},
                                   {"notBefore", iso_time(leaf->not_before)},
                                   {"notAfter", iso_time(leaf->not_after)},
                                   {"used", is_used},
                                   {"eligible", one.is_eligible},
                                   {"reason", one.reason}});
        table.add({leaf->thumbprint, escape_peer_text(one.own->name),
                   day_of(leaf->not_before) + " to " + day_of(leaf->not_after), one.reason});
    }
    for (const auto& problem : keys.problems()) {
        all.push_back(json::object{{"name", escape_peer_text(problem.file)},
                                   {"used", false},
                                   {"eligible", false},
                                   {"reason", problem.text}});
        table.add({"-", escape_peer_text(problem.file), "-", problem.text});
    }
    fmt::print(stdout, "{}",
               invocation.json ? json::serialize(all) + "\n"
               : table.is_empty()
                   ? "There is no certificate yet; see `valija certificate new --help`.\n"
                   : table.text());
    return is_any ? status::yes : status::no;
}

int run_list(const Invocation& invocation) {
    if (invocation.has("--domain")) return list_for(invocation, invocation.one("--domain"));
    const auto own = open_certificates(invocation.home);
    if (!own) return complain(own.error());
    const auto all = own->store.list();
    if (!all) return complain(all.error());
    const Standings standings(invocation.home, SystemClock().now());
    json::array array;
    service::Table table({"THUMBPRINT", "SERVICES", "STATUS", "ENDS", "SUBJECT"});
    for (const Entry& entry : *all) {
        const Standing standing = standings.of(entry);
        array.push_back(json_of(entry, standing));
        table.add({id_of(entry), services_text(entry), standing.status,
                   entry.chain.empty() ? "-" : day_of(entry.chain.front()->not_after),
                   subject_of(entry)});
    }
    fmt::print(stdout, "{}",
               invocation.json ? json::serialize(array) + "\n"
               : table.is_empty()
                   ? "There is no certificate yet; see `valija certificate new --help`.\n"
                   : table.text());
    return status::yes;
}

// `key: value` a line; lists have a line each.
std::string details_text(const json::object& object) {
    std::string text;
    for (const auto& [key, value] : object) {
        if (key == "chain") continue;
        if (!value.is_array()) {
            const std::string shown =
                value.is_string() ? std::string(value.as_string()) : json::serialize(value);
            text += fmt::format("{:24}{}\n", std::string(key) + ":", shown);
            continue;
        }
        std::string head = std::string(key) + ":";
        for (const json::value& one : value.as_array()) {
            text += fmt::format("{:24}{}\n", head, std::string(one.as_string()));
            head.clear();
        }
        if (value.as_array().empty()) text += fmt::format("{:24}none\n", head);
    }
    if (const json::value* chain = object.if_contains("chain")) {
        std::string head = "chain:";
        for (const json::value& one : chain->as_array()) {
            text += fmt::format("{:24}{}\n", head,
                                std::string(one.as_object().at("subject").as_string()));
            head.clear();
        }
    }
    return text;
}

int run_show(const Invocation& invocation) {
    const auto own = open_certificates(invocation.home);
    if (!own) return complain(own.error());
    const auto entry = own->store.find(invocation.one("THUMBPRINT"));
    if (!entry) return complain(entry.error());
    const auto object = json_of(*entry, Standings(invocation.home, SystemClock().now()).of(*entry));
    fmt::print(stdout, "{}",
               invocation.json ? json::serialize(object) + "\n" : details_text(object));
    return status::yes;
}

int run_enable(const Invocation& invocation) {
    auto own = open_certificates(invocation.home);
    if (!own) return complain(own.error());
    const auto entry = own->store.find(invocation.one("THUMBPRINT"));
    if (!entry) return complain(entry.error());
    std::vector<std::string> services;
    for (const std::string_view word : split(invocation.one("--services"), ',')) {
        services.push_back(lower(trim(word)));
    }
    if (auto done = own->store.enable(entry->name, services); !done) return complain(done.error());
    return tell_change(invocation,
                       fmt::format("{} is enabled for {}.\n", id_of(*entry), join(services, ", ")),
                       {{"thumbprint", id_of(*entry)}, {"services", json::value_from(services)}});
}

int export_to(const Invocation& invocation, std::string_view content, unsigned mode,
              const std::string& what) {
    const std::string out = invocation.one("--out");
    if (auto written = write_new_file(out, content, mode); !written) {
        return complain(written.error());
    }
    if (invocation.json) {
        fmt::print(stdout, "{}\n", json::serialize(json::object{{"out", out}, {"content", what}}));
    } else {
        fmt::print(stdout, "{} is written: {}.\n", out, what);
    }
    return status::yes;
}

int run_export(const Invocation& invocation) {
    auto own = open_certificates(invocation.home);
    if (!own) return complain(own.error());
    const auto entry = own->store.find(invocation.one("THUMBPRINT"));
    if (!entry) return complain(entry.error());
    if (entry->chain.empty() && entry->request) {
        const bool is_der = invocation.has("--der");
        return export_to(invocation, is_der ? entry->request->der : entry->request->pem(), 0644,
                         "the pending request (PKCS#10)");
    }
    if (entry->chain.empty()) return complain({FaultKind::Input, entry->problem, {}});
    if (invocation.has("--der") == invocation.has("--password-file")) {
        fmt::print(stderr,
                   "valija: say either --der (the certificate without its key) or "
                   "--password-file FILE (PKCS#12 with the key)\n");
        return status::usage;
    }
    if (invocation.has("--der")) {
        return export_to(invocation, entry->chain.front().der(), 0644,
                         "the certificate without its key (DER)");
    }
    const auto password = password_of(invocation);
    if (!password) return complain(password.error());
    const auto sealed = own->store.export_sealed(*entry, *password);
    if (!sealed) return complain(sealed.error());
    return export_to(invocation, *sealed, 0600,
                     "the certificate, its chain and its key (PKCS#12); keep it offline");
}

// Who would be without a certificate if this one went; and who takes over for the others.
struct Consequences {
    std::vector<std::string> left_without;
    std::vector<std::string> taken_over;
};

Consequences consequences_of(const keystore::KeyStore& keys, const settings::Directory& directory,
                             const std::string& name) {
    const Time now = SystemClock().now();
    Consequences all;
    for (const auto& [wanted, users] : certificate_users(directory)) {
        const auto candidates = keys.candidates(wanted, now);
        if (candidates.empty() || !candidates.front().is_eligible ||
            candidates.front().own->name != name) {
            continue;
        }
        const auto in_time = [now](const keystore::Candidate& one) {
            return keystore::is_in_time(one.own->chain.front(), now);
        };
        // One whose dates do not hold is no loss, and no gain where they held; nor is one of
        // nobody's in the place of a CA's: partners would refuse us.
        const auto of_ca = [](const keystore::Candidate& one) {
            return !one.own->chain.front()->self_issued;
        };
        const bool has_next = candidates.size() > 1 && candidates[1].is_eligible &&
                              (in_time(candidates[1]) || !in_time(candidates[0])) &&
                              (of_ca(candidates[1]) || !of_ca(candidates[0]));
        for (const std::string& user : users) {
            if (has_next) {
                all.taken_over.push_back(
                    fmt::format("{} ({})", user, candidates[1].own->chain.front()->thumbprint));
            } else {
                all.left_without.push_back(user);
            }
        }
    }
    return all;
}

int run_remove(const Invocation& invocation) {
    auto own = open_certificates(invocation.home);
    if (!own) return complain(own.error());
    const auto entry = own->store.find(invocation.one("THUMBPRINT"));
    if (!entry) return complain(entry.error());
    const auto directory = settings::load(invocation.home);
    if (!directory) return refuse(directory.error());
    const Consequences after =
        consequences_of(keystore::KeyStore::load(invocation.home + "/keys", own->custody->vault()),
                        *directory, entry->name);
    if (!after.left_without.empty()) {
        fmt::print(stderr,
                   "valija: {} is in use by {}, and no other certificate as good can take over; "
                   "import another one and enable it first\n",
                   id_of(*entry), join(after.left_without, ", "));
        return status::no;
    }
    if (auto removed = own->store.remove(entry->name); !removed) return complain(removed.error());
    std::string text = fmt::format("{} is removed, with its key.\n", id_of(*entry));
    for (const std::string& user : after.taken_over) {
        text += fmt::format("Another one takes over for {}.\n", user);
    }
    return tell_change(
        invocation, text,
        {{"removed", id_of(*entry)}, {"takenOver", json::value_from(after.taken_over)}});
}

Argument thumbprint() {
    return {.name = "THUMBPRINT", .help = "SHA-1 or SHA-256 of the certificate, or its file name"};
}

Command row(std::string verb, std::string summary, int (*handler)(const Invocation&)) {
    return {.group = "Certificates",
            .noun = "certificate",
            .verb = std::move(verb),
            .summary = std::move(summary),
            .handler = handler,
            .json = Json::Yes};
}

Command list_command() {
    Command made = row("list", "list our certificates and pending requests", run_list);
    made.options = {{.name = "--domain",
                     .value_name = "NAME",
                     .help = "which one is used for this name, and why each other one is not"}};
    made.description =
        "With --domain the first line is the certificate that connectors show for the name:\n"
        "enabled for smtp, the name in subject or SAN, valid before expired, issued by a CA\n"
        "before self-signed, then the newest.";
    made.examples = {"valija certificate list",
                     "valija certificate list --domain mail.contoso.com"};
    return made;
}

Command export_command() {
    Command made =
        row("export", "write a certificate into a file, with or without its key", run_export);
    made.arguments = {thumbprint()};
    made.options = {
        {.name = "--out", .value_name = "FILE", .help = "a new file", .need = Need::Required},
        {.name = "--password-file",
         .value_name = "FILE",
         .help = "seal certificate, chain and key with the password in FILE (PKCS#12); only for a "
                 "key that was made or imported as exportable"},
        {.name = "--der", .value_name = {}, .help = "the certificate without its key, DER"}};
    made.description = "A pending request is written as PKCS#10. Nothing is overwritten.";
    made.examples = {
        "valija certificate export AB493A0C9A6C0327162FE04EF74609CB8FB7FE24 --der --out mail.cer",
        "valija certificate export mail.contoso.com --password-file pass --out backup.pfx"};
    return made;
}

}  // namespace

std::vector<Command> certificate_store_commands() {
    Command show = row("show", "print all that is known of a certificate of ours", run_show);
    show.arguments = {thumbprint()};
    show.description =
        "Status: Valid, DateInvalid, Untrusted, Invalid, PendingRequest, and by the lists that "
        "the\n"
        "server has fetched Revoked or RevocationCheckFailure; statusText says why.";
    show.examples = {"valija certificate show AB493A0C9A6C0327162FE04EF74609CB8FB7FE24"};
    Command enable = row("enable", "let a certificate be used for a service", run_enable);
    enable.arguments = {thumbprint()};
    enable.options = {
        {.name = "--services", .value_name = "SERVICES", .help = "smtp", .need = Need::Required}};
    enable.description =
        "An imported certificate is not used before it is enabled. Services are added, never\n"
        "taken away. The running server takes it at once.";
    enable.examples = {
        "valija certificate enable AB493A0C9A6C0327162FE04EF74609CB8FB7FE24 --services smtp"};
    enable.runs = Runs::Both;
    Command remove = row("remove", "remove a certificate or request, and its key", run_remove);
    remove.arguments = {thumbprint()};
    remove.description =
        "Refused for a certificate that a connector or partner uses, unless another one takes\n"
        "over that is as good: its dates hold, and a CA's is not followed by a self-signed\n"
        "one. The key is gone for good.";
    remove.examples = {"valija certificate remove AB493A0C9A6C0327162FE04EF74609CB8FB7FE24"};
    remove.runs = Runs::Both;
    return {list_command(), show, enable, export_command(), remove};
}

}  // namespace valija::programs
