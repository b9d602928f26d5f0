// `valija certificate request|new|clone|import`.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "platform/base/text.hpp"
#include "platform/store/file.hpp"
#include "programs/commands/certificate_common.hpp"
#include "trust/keystore/key_file.hpp"

namespace json = boost::json;

namespace valija::programs {
namespace {

using keystore::Entry;
using keystore::Export;
using keystore::NewCertificate;

constexpr size_t kLongestCommonName = 64;  // EX-109

void add_name(std::vector<std::string>& names, const std::string& name) {
    const bool is_there = std::ranges::any_of(
        names, [&](const std::string& one) { return equal_ignoring_case(one, name); });
    if (!is_there) names.push_back(name);
}

void note(const std::string& text) {
    fmt::print(stderr, "valija: note: {}\n", escape_peer_text(text));
}

// The DNS names by semantics 2.4: the CN where it is a host name, what was asked for, and where
// nothing was asked for what the server is called; `all_known` adds the accepted domains.
void add_dns_names(const Invocation& invocation, const settings::Directory& directory,
                   bool all_known, NewCertificate& wanted) {
    for (const auto& component : wanted.subject) {
        if (component.abbreviation == "CN" && keystore::wrong_dns_name(component.value).empty()) {
            add_name(wanted.dns_names, component.value);
        }
    }
    for (const std::string& name : invocation.all("--domain")) add_name(wanted.dns_names, name);
    const bool with_accepted = invocation.has("--include-accepted-domains");
    if (!invocation.has("--domain") && !with_accepted) {
        for (const std::string& name : directory.own_names()) add_name(wanted.dns_names, name);
        for (const auto& row : directory.send) add_name(wanted.dns_names, row.fqdn);
    }
    if (with_accepted || (all_known && !invocation.has("--domain"))) {
        for (const std::string& name : directory.server.accepted_domains) {
            add_name(wanted.dns_names, name);
        }
    }
}

// --subject, or the server's own name; a long one stands among the DNS names only (EX-109).
Result<void> set_subject(const Invocation& invocation, const settings::Directory& directory,
                         NewCertificate& wanted) {
    const std::string& hostname = directory.server.hostname;
    if (!invocation.has("--subject")) {
        if (hostname.size() <= kLongestCommonName) {
            wanted.subject.push_back({.abbreviation = "CN", .value = hostname});
        } else {
            add_name(wanted.dns_names, hostname);
            note(
                "the server's name is longer than 64 characters: it stands among the DNS names "
                "only");
        }
        return {};
    }
    std::vector<std::string> known = directory.server.accepted_domains;
    known.push_back(hostname);
    auto subject = keystore::parse_subject(invocation.one("--subject"), known);
    if (!subject) return std::unexpected(subject.error());
    for (const std::string& warning : subject->warnings) note(warning);
    wanted.subject = std::move(subject->components);
    return {};
}

Result<void> set_key(const Invocation& invocation, NewCertificate& wanted) {
    wanted.key_uri = token_named(invocation);
    if (wanted.key_uri.empty()) {
        const auto type =
            keystore::key_type_of(invocation.has("--key") ? invocation.one("--key") : "p256");
        if (!type) {
            return fault(FaultKind::Input,
                         "--key is p256, p384, rsa2048, rsa4096 or a pkcs11: URI");
        }
        wanted.key = *type;
    } else if (invocation.has("--exportable")) {
        return fault(FaultKind::Input, "a key on a token does not leave it: no --exportable");
    }
    wanted.may = invocation.has("--exportable") ? Export::Allowed : Export::Never;
    wanted.friendly_name = invocation.one("--friendly-name");
    return {};
}

Result<NewCertificate> wanted_by(const Invocation& invocation, const settings::Directory& directory,
                                 bool all_known) {
    NewCertificate wanted;
    auto done = set_key(invocation, wanted);
    if (done) done = set_subject(invocation, directory, wanted);
    if (!done) return std::unexpected(done.error());
    add_dns_names(invocation, directory, all_known, wanted);
    return wanted;
}

// Creates the key and the request, writes --out; what to do next is said.
int make_request(const Invocation& invocation, OwnCertificates& own, const NewCertificate& wanted) {
    const std::string out = invocation.one("--out");
    // Before a key is made: the request would be pending, and the operator without the file.
    if (auto free = write_new_file(out, "", 0644); !free) return complain(free.error());
    const auto made = own.store.request(wanted, SystemClock().now());
    if (!made) {
        if (auto removed = store::remove_file(out); !removed) complain(removed.error());
        return complain(made.error());
    }
    const bool is_der = invocation.has("--der");
    const auto written =
        store::write_file(out, is_der ? made->request->der : made->request->pem(), 0644);
    if (!written) return complain(written.error());
    if (invocation.json) {
        json::object object =
            json_of(*made, standing_of(*made, our_anchors(invocation.home), SystemClock().now()));
        object["out"] = out;
        fmt::print(stdout, "{}\n", json::serialize(object));
        return status::yes;
    }
    fmt::print(
        stdout,
        "{} is written: subject {}; DNS names {}.\n"
        "The key waits here, as {}. Send the file to your CA, then:\n"
        "  valija certificate import FILE\n",
        out, made->request->subject.empty() ? "(empty)" : escape_peer_text(made->request->subject),
        join(domains_of(*made), ", "), made->name);
    return status::yes;
}

// What a certificate is used for from now on, a line; "" for nothing.
std::string usage_text(const Invocation& invocation, OwnCertificates& own, const Entry& entry) {
    const auto directory = settings::load(invocation.home);
    if (!directory) return {};
    const auto keys = keystore::KeyStore::load(invocation.home + "/keys", own.custody->vault());
    std::vector<std::string> users;
    for (const auto& [wanted, names] : certificate_users(*directory)) {
        const auto candidates = keys.candidates(wanted, SystemClock().now());
        if (!candidates.empty() && candidates.front().is_eligible &&
            candidates.front().own->name == entry.name) {
            users.insert(users.end(), names.begin(), names.end());
        }
    }
    return users.empty() ? std::string()
                         : fmt::format("It is used by {} now.\n", join(users, ", "));
}

int make_self_signed(const Invocation& invocation, OwnCertificates& own,
                     const NewCertificate& wanted) {
    const Time now = SystemClock().now();
    const auto made = own.store.self_signed(wanted, now, now + kSelfSignedLife);
    if (!made) return complain(made.error());
    const std::string text =
        fmt::format("{}: a self-signed certificate for {}, until {}; enabled for smtp.\n",
                    made->chain.front()->thumbprint, join(domains_of(*made), ", "),
                    iso_time(made->chain.front()->not_after).substr(0, 10)) +
        usage_text(invocation, own, *made);
    return tell_change(invocation, text,
                       json_of(*made, standing_of(*made, our_anchors(invocation.home), now)));
}

int run_request(const Invocation& invocation) {
    const auto directory = settings::load(invocation.home);
    if (!directory) return refuse(directory.error());
    const auto wanted = wanted_by(invocation, *directory, false);
    if (!wanted) return complain(wanted.error());
    auto own = open_certificates(invocation.home, wanted->key_uri);
    return own ? make_request(invocation, *own, *wanted) : complain(own.error());
}

int run_new(const Invocation& invocation) {
    const auto directory = settings::load(invocation.home);
    if (!directory) return refuse(directory.error());
    const auto wanted = wanted_by(invocation, *directory, true);
    if (!wanted) return complain(wanted.error());
    auto own = open_certificates(invocation.home, wanted->key_uri);
    return own ? make_self_signed(invocation, *own, *wanted) : complain(own.error());
}

// EX-125 to EX-127: the names, never the key; --subject replaces the subject.
int run_clone(const Invocation& invocation) {
    const auto directory = settings::load(invocation.home);
    if (!directory) return refuse(directory.error());
    auto own = open_certificates(invocation.home, token_named(invocation));
    if (!own) return complain(own.error());
    const auto entry = own->store.find(invocation.one("THUMBPRINT"));
    if (!entry) return complain(entry.error());
    if (entry->chain.empty()) {
        return complain({FaultKind::Input, "its certificate has not come yet", {}});
    }
    if (invocation.has("--request") != invocation.has("--out")) {
        fmt::print(stderr, "valija: --request and --out FILE belong together\n");
        return status::usage;
    }
    std::vector<std::string> left_out;
    NewCertificate wanted = keystore::clone_of(entry->chain.front(), left_out);
    for (const std::string& what : left_out) note("left out: " + what);
    if (auto done = set_key(invocation, wanted); !done) return complain(done.error());
    if (wanted.friendly_name.empty()) wanted.friendly_name = entry->metadata.friendly_name;
    if (invocation.has("--subject")) {
        wanted.subject.clear();
        if (auto done = set_subject(invocation, *directory, wanted); !done) {
            return complain(done.error());
        }
    }
    return invocation.has("--request") ? make_request(invocation, *own, wanted)
                                       : make_self_signed(invocation, *own, wanted);
}

// Entries that a setting names by thumbprint, or by a file name that is no DNS name of theirs: a
// renewed certificate would not be found by it.
std::vector<std::string> named_entries(const settings::Directory& directory,
                                       const std::vector<Entry>& all) {
    std::vector<std::string> named;
    for (const auto& [wanted, users] : certificate_users(directory)) {
        for (const Entry& entry : all) {
            if (entry.chain.empty()) continue;
            const x509::Certificate& leaf = entry.chain.front();
            const bool by_print = equal_ignoring_case(leaf->thumbprint, wanted) ||
                                  equal_ignoring_case(leaf->sha256, wanted);
            const bool by_file = entry.name == wanted &&
                                 std::ranges::none_of(leaf->dns_names, [&](const auto& name) {
                                     return equal_ignoring_case(name, wanted);
                                 });
            if (by_print || by_file) named.push_back(entry.name);
        }
    }
    return named;
}

// What was replaced goes once the new one is in use, or nobody uses any.
Result<void> drop_replaced(const Invocation& invocation, OwnCertificates& own,
                           keystore::Imported& done) {
    if (done.going.empty()) return {};
    const Reload reload = reload_server(invocation);
    if (!reload.is_running || reload.has_it) return own.store.drop_replaced(done);
    done.replaced.clear();
    for (const std::string& name : done.going) {
        done.notes.push_back(
            fmt::format("{} stays, because the running server did not take the new one; once it "
                        "has: valija certificate remove {}",
                        name, name));
    }
    return {};
}

// Whether a connector would be better off with it: what it shows now is self-signed, or nothing.
bool is_better_than_self_signed(const keystore::KeyStore& keys,
                                const settings::Directory& directory, const Entry& entry) {
    if (entry.chain.front()->self_issued) return false;
    const std::vector<std::string> domains = domains_of(entry);
    for (const auto& [wanted, users] : certificate_users(directory)) {
        const bool has_name = std::ranges::any_of(
            domains, [&](const std::string& name) { return equal_ignoring_case(name, wanted); });
        const auto candidates = keys.candidates(wanted, SystemClock().now());
        const bool is_served = !candidates.empty() && candidates.front().is_eligible &&
                               !candidates.front().own->chain.front()->self_issued;
        if (has_name && !is_served) return true;
    }
    return false;
}

// The first certificate of an ACME client need not have all names of the self-signed one that
// `setup` made; nobody is there to enable it.
Result<void> enable_renewed(const Invocation& invocation, OwnCertificates& own,
                            const settings::Directory& directory, keystore::Imported& done) {
    if (!invocation.has("--replace") || done.entry.for_smtp()) return {};
    const auto keys = keystore::KeyStore::load(invocation.home + "/keys", own.custody->vault());
    if (!is_better_than_self_signed(keys, directory, done.entry)) return {};
    if (auto enabled = own.store.enable(done.entry.name, {"smtp"}); !enabled) return enabled;
    auto entry = own.store.find(done.entry.name);
    if (!entry) return std::unexpected(entry.error());
    done.entry = std::move(*entry);
    return {};
}

int tell_import(const Invocation& invocation, OwnCertificates& own,
                const keystore::Imported& done) {
    for (const std::string& text : done.notes) note(text);
    const x509::Certificate& leaf = done.entry.chain.front();
    std::string text =
        fmt::format("{}: {}, until {}, {}.\n", leaf->thumbprint,
                    escape_peer_text(leaf->subject, 200), iso_time(leaf->not_after).substr(0, 10),
                    done.was_pending ? "bound to the key of the pending request" : "with its key");
    for (const std::string& old : done.replaced) text += fmt::format("It replaces {}.\n", old);
    if (!done.entry.for_smtp()) {
        text += fmt::format("It is not used yet: valija certificate enable {} --services smtp\n",
                            leaf->thumbprint);
    } else {
        text += usage_text(invocation, own, done.entry);
    }
    json::object object = json_of(
        done.entry, standing_of(done.entry, our_anchors(invocation.home), SystemClock().now()));
    object["boundToPendingRequest"] = done.was_pending;
    object["replaced"] = json::value_from(done.replaced);
    object["notes"] = json::value_from(done.notes);
    return tell_change(invocation, text, std::move(object));
}

int run_import(const Invocation& invocation) {
    const auto directory = settings::load(invocation.home);
    if (!directory) return refuse(directory.error());
    const auto file = store::read_file(invocation.one("FILE"), keystore::kLargestKeyFile);
    if (!file) return complain(file.error());
    const std::string token = token_named(invocation);
    const auto key_file = token.empty() ? file_named(invocation, "--key", keystore::kLargestKeyFile)
                                        : Result<std::string>();
    if (!key_file) return complain(key_file.error());
    const auto password = password_of(invocation);
    if (!password) return complain(password.error());
    auto own = open_certificates(invocation.home, token);
    if (!own) return complain(own.error());
    const auto all = own->store.list();
    if (!all) return complain(all.error());
    auto done =
        own->store.import({.file = *file,
                           .key_file = *key_file,
                           .key_uri = token,
                           .password = *password,
                           .may = invocation.has("--exportable") ? Export::Allowed : Export::Never,
                           .friendly_name = invocation.one("--friendly-name"),
                           .replace = invocation.has("--replace"),
                           .keep = named_entries(*directory, *all)},
                          SystemClock().now());
    if (!done) return complain(done.error());
    if (const auto enabled = enable_renewed(invocation, *own, *directory, *done); !enabled) {
        return complain(enabled.error());
    }
    if (const auto dropped = drop_replaced(invocation, *own, *done); !dropped) {
        return complain(dropped.error());
    }
    return tell_import(invocation, *own, *done);
}

std::vector<Option> key_options() {
    return {{.name = "--key",
             .value_name = "p256|p384|rsa2048|rsa4096|URI",
             .help = "kind of the new key [p256], or the pkcs11: URI of one on a token"},
            {.name = "--exportable",
             .value_name = {},
             .help = "the key may be exported, sealed, for a back-up or another edge"},
            {.name = "--friendly-name", .value_name = "NAME", .help = "a name for people"}};
}

std::vector<Option> name_options() {
    return {
        {.name = "--subject",
         .value_name = "SUBJECT",
         .help = "\"DC=contoso, DC=com, CN=mail1.contoso.com\" [CN=<hostname>]"},
        {.name = "--domain",
         .value_name = "NAME",
         .help = "a DNS name for the subjectAltName, or *.domain, beside the CN; without it the "
                 "names of the connectors (and of `new` the accepted domains)",
         .times = Times::Many},
        {.name = "--include-accepted-domains",
         .value_name = {},
         .help = "the accepted domains as DNS names"}};
}

std::vector<Option> with(std::vector<Option> options, const std::vector<Option>& more) {
    options.insert(options.end(), more.begin(), more.end());
    return options;
}

Option out_option(Need need) {
    return {.name = "--out",
            .value_name = "FILE",
            .help = "the file for the request; must be new",
            .need = need};
}

Option der_option() {
    return {.name = "--der", .value_name = {}, .help = "the request in DER instead of base64"};
}

Command base_row(std::string verb, std::string summary, int (*handler)(const Invocation&)) {
    return {.group = "Certificates",
            .noun = "certificate",
            .verb = std::move(verb),
            .summary = std::move(summary),
            .handler = handler,
            .runs = Runs::Both,
            .json = Json::Yes};
}

Command request_command() {
    Command made = base_row("request", "make a key and a request for a CA (PKCS#10)", run_request);
    made.options =
        with(with(name_options(), key_options()), {der_option(), out_option(Need::Required)});
    made.description =
        "The key stays here and waits for its certificate, which `valija certificate import`\n"
        "binds to it. Ask your CA first which fields it wants, and whether it still issues\n"
        "certificates for clients: partners need that.";
    made.examples = {
        "valija certificate request --include-accepted-domains --out mail1.req",
        "valija certificate request --subject \"DC=contoso, DC=com, CN=mail1.contoso.com\" \\\n"
        "    --domain mail.contoso.com --friendly-name \"Internet certificate\" --out mail1.req",
        "valija certificate request --domain '*.contoso.com' --out wildcard.req"};
    made.runs = Runs::Locally;
    return made;
}

Command import_command() {
    Command made = base_row("import", "take a certificate, a chain or a PKCS#12 file", run_import);
    made.arguments = {{.name = "FILE", .help = "PEM, DER, PKCS#7 or PKCS#12 (PFX)"}};
    made.options = {
        {.name = "--key",
         .value_name = "FILE|URI",
         .help = "the private key, where FILE lacks it; a pkcs11: URI: it is on that token"},
        {.name = "--password-file", .value_name = "FILE", .help = "the password of a PKCS#12"},
        {.name = "--exportable",
         .value_name = {},
         .help = "the key may be exported again; without it: never"},
        {.name = "--friendly-name", .value_name = "NAME", .help = "a name for people"},
        {.name = "--replace",
         .value_name = {},
         .help = "a renewal: take the services of the certificates with the same names, and remove "
                 "those"}};
    made.description =
        "A certificate without key is bound to the pending request with its key. A key with a\n"
        "pass-phrase is refused: nobody could type it when the server starts. An import does\n"
        "not enable anything; with --replace the services are taken over, and what is replaced\n"
        "goes once the running server has the new one. Refused, with nothing changed, if the\n"
        "new one is worse: it would be used after the old one, is a CA's, or lacks clientAuth\n"
        "or serverAuth where the old one has it and has not ended.";
    made.examples = {"valija certificate import mail1.p7b",
                     "valija certificate import mail1.pfx --password-file pass",
                     "valija certificate import fullchain.pem --key privkey.pem --replace"};
    return made;
}

}  // namespace

std::vector<Command> certificate_making_commands() {
    Command fresh = base_row("new", "make a self-signed certificate for 12 months", run_new);
    fresh.options = with(name_options(), key_options());
    fresh.description =
        "Without names it carries all that are known: the server's, its connectors', and the\n"
        "accepted domains. It is enabled for smtp at once.";
    fresh.examples = {"valija certificate new", "valija certificate new --domain mail.contoso.com"};
    Command clone =
        base_row("clone", "make another one with the same names and a new key", run_clone);
    clone.arguments = {{.name = "THUMBPRINT", .help = "of the certificate, or its file name"}};
    clone.options = with(
        key_options(),
        {{.name = "--subject", .value_name = "SUBJECT", .help = "another subject"},
         {.name = "--request", .value_name = {}, .help = "make a request instead of a certificate"},
         der_option(),
         out_option(Need::Optional)});
    clone.description = "Subject and DNS names are copied; the key never is.";
    clone.examples = {"valija certificate clone AB493A0C9A6C0327162FE04EF74609CB8FB7FE24",
                      "valija certificate clone AB493A0C9A6C0327162FE04EF74609CB8FB7FE24 --request "
                      "--out new.req"};
    return {request_command(), fresh, clone, import_command()};
}

}  // namespace valija::programs
