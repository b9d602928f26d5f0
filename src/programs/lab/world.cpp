#include "programs/lab/world.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "platform/store/file.hpp"

namespace valija::lab {
namespace {

using namespace std::chrono_literals;

constexpr unsigned kNameServer = 53;
constexpr Duration kCommandDeadline = 30s;
constexpr Duration kServerDeadline = 60s;
constexpr Duration kDay = 24h;

const Identification kContoso{"contoso", "Contoso", "contoso.com", "contoso-root", "anna", 10};
const Identification kWoodgrove{"woodgrovebank",  "Woodgrove Bank", "woodgrovebank.com",
                                "woodgrove-root", "berta",          20};

Time now() { return SystemClock().now(); }

template <class T>
Result<void> keep(std::optional<T>& place, Result<T> made) {
    if (!made) return std::unexpected(made.error());
    place.emplace(std::move(*made));
    return {};
}

// The first failure, or success.
Result<void> all_of(std::initializer_list<Result<void>> results) {
    for (const auto& result : results) {
        if (!result) return result;
    }
    return {};
}

// {0} hostname, {1} domain, {2} SMTP port, {3} name server, {4} LMTP, {5} file of the zone's key
constexpr std::string_view kSettings = R"(hostname = "{0}"
accepted_domains = ["{1}", "branch.{1}", "signed.{1}"]
smtp_port = {2}

[dns]
forward = "{3}"
trust_anchor = "{5}"   # of the one zone that is signed

[mailbox]
lmtp = "{4}"

[queue]
retry = ["1s", "2s", "5s"]   # a lab has no patience

[crl]
retry = "500ms"
)";

// {0} listen, {1} inside, {2} the lab's range
constexpr std::string_view kReceive = R"(kind = "receive"
listen = ["{0}"]
relay_from = ["{1}"]
unlimited_sources = ["{2}"]
protocol_log = "verbose"
)";

constexpr std::string_view kSend = R"(kind = "send"
source_address = "{0}"
protocol_log = "verbose"
)";

// `branch` has a second mail exchanger, which comes first: the decoy.
Zone zone_of(const Organisation& of, const std::string& decoy) {
    return {of.who.domain, fmt::format("@ MX 10 {0}.\nmail A {1}\n"
                                       "branch MX 10 old.{2}.\nbranch MX 20 {0}.\nold A {3}\n",
                                       of.hostname, of.address, of.who.domain, decoy)};
}

}  // namespace

std::string World::name_server() const {
    return fmt::format("{}@{}", name_server_place_.address, name_server_place_.port);
}

// Everybody else is at Fabrikam, where no server listens until somebody starts one; `two` has a
// second mail exchanger, `nullmx` takes no mail.
Zone World::outsiders() const {
    return {"fabrikam.com", fmt::format("@ MX 10 mail.fabrikam.com.\nmail A {}\nnullmx MX 0 .\n"
                                        "two MX 10 mx1.fabrikam.com.\ntwo MX 20 mx2.fabrikam.com.\n"
                                        "mx1 A {}\nmx2 A {}\n",
                                        outsider(), block_.address(67), block_.address(68))};
}

Zone World::signed_zone(const std::string& records) const {
    return {signed_domain(),
            fmt::format("@ MX 10 mail\nmail A {}\n{}", woodgrove_->address, records), true,
            zone_serial_};
}

Result<void> World::publish_tlsa(const std::string& spki_sha256) {
    ++zone_serial_;
    const std::string record =
        spki_sha256.empty() ? std::string()
                            : fmt::format("_{}._tcp.mail TLSA 3 1 1 {}\n", smtp_port_, spki_sha256);
    return replace_zone(*name_server_, name_server_folder(), name_server_place_,
                        signed_zone(record));
}

Result<Organisation> World::organisation(const Identification& who) const {
    auto ca = authority::Authority::create(who.title + " Root CA", now() - 1h, now() + 365 * kDay);
    if (!ca) return std::unexpected(ca.error());
    Organisation of{.who = who, .ca = std::move(*ca)};
    of.hostname = "mail." + who.domain;
    of.home = root_ + "/" + who.name;
    of.address = block_.address(who.host);
    of.inside = block_.address(who.host + 1);
    of.mailbox = who.person + "@" + who.domain;
    for (Place* place : {&of.lmtp, &of.imap, &of.web}) {
        place->address = block_.address(who.host + 2);
        const auto port = free_port({place->address});
        if (!port) return std::unexpected(port.error());
        place->port = *port;
    }
    of.crl_url = fmt::format("http://{}/{}.crl", of.web.text(), who.anchor);
    of.crl_file = fmt::format("{}/{}-web/{}.crl", root_, who.name, who.anchor);
    of.ca_certificate = fmt::format("{}/ca/{}.pem", root_, who.anchor);
    of.ca_key = fmt::format("{}/ca/{}.key", root_, who.anchor);
    of.certificate = fmt::format("{}/keys/{}.crt", of.home, of.hostname);
    of.key = fmt::format("{}/keys/{}.key", of.home, of.hostname);
    return of;
}

authority::LeafRequest World::request_for(const Organisation& of, const std::string& host) const {
    return {.common_name = host,
            .dns_names = {host},
            .not_before = now() - 1h,
            .not_after = now() + 90 * kDay,
            .crl_urls = {of.crl_url}};
}

// Files of a new organisation: CA, list, certificate, settings.
Result<void> World::settle(Organisation& of) {
    for (const char* folder : {"/etc/anchors", "/etc/connectors.d", "/etc/partners.d"}) {
        if (auto made = store::make_directories(of.home + folder); !made) return made;
    }
    for (const std::string& folder :
         {of.home + "/keys", root_ + "/ca", fmt::format("{}/{}-web", root_, of.who.name)}) {
        if (auto made = store::make_directories(folder, 0700); !made) return made;
    }
    const auto key = of.ca.key_pem();
    const auto issued = of.ca.issue(request_for(of, of.hostname));
    if (!key) return std::unexpected(key.error());
    if (!issued) return std::unexpected(issued.error());
    const std::string listen = fmt::format("{}:{}", of.address, smtp_port_);
    const std::string zone_key = zone_anchor(name_server_folder(), signed_domain());
    return all_of({store::write_file(of.ca_certificate, of.ca.root().pem()),
                   store::write_file(of.ca_key, *key, 0600),
                   store::write_file(of.certificate, issued->certificate.pem()),
                   store::write_file(of.key, issued->key_pem, 0600), publish_list(of),
                   store::write_file(of.home + "/etc/valija.toml",
                                     fmt::format(kSettings, of.hostname, of.who.domain, smtp_port_,
                                                 name_server(), of.lmtp.text(), zone_key)),
                   store::write_file(of.home + "/etc/connectors.d/Inet.toml",
                                     fmt::format(kReceive, listen, of.inside, range())),
                   store::write_file(of.home + "/etc/connectors.d/Internet.toml",
                                     fmt::format(kSend, of.address))});
}

// What an operator does for a new partner: the CA's certificate, then one command.
Result<void> World::befriend(const Organisation& of, const Organisation& partner) const {
    const auto written = store::write_file(
        fmt::format("{}/etc/anchors/{}.pem", of.home, partner.who.anchor), partner.ca.root().pem());
    if (!written) return written;
    const auto added = command(of, {"partner", "add", partner.who.name, "--domain",
                                    partner.who.domain, "--trust", partner.who.anchor, "--crl",
                                    partner.crl_url, "--send", "enforce", "--receive", "enforce"});
    if (!added) return std::unexpected(added.error());
    if (added->exit_status != 0) {
        return fault(FaultKind::System, "adding a partner", added->err);
    }
    return {};
}

Result<void> World::publish_list(Organisation& of) {
    const auto list = of.ca.crl(now() - 1min, now() + 7 * kDay);
    if (!list) return std::unexpected(list.error());
    return store::write_file(of.crl_file, *list, 0644);
}

Result<ClientCertificate> World::write_certificate(const authority::Issued& issued) {
    const std::string base = fmt::format("{}/clients/{}", root_, ++written_);
    ClientCertificate files{base + ".crt", base + ".key"};
    const auto written = all_of({store::make_directories(root_ + "/clients", 0700),
                                 store::write_file(files.certificate, issued.certificate.pem()),
                                 store::write_file(files.key, issued.key_pem, 0600)});
    if (!written) return std::unexpected(written.error());
    return files;
}

Result<void> World::install_certificate(const Organisation& of, const authority::Issued& issued,
                                        const std::vector<x509::Certificate>& behind) {
    std::string chain = issued.certificate.pem();
    for (const x509::Certificate& certificate : behind) chain += certificate.pem();
    const auto written = all_of({store::write_file(of.certificate, chain),
                                 store::write_file(of.key, issued.key_pem, 0600)});
    if (!written) return written;
    const auto reloaded = command(of, {"reload"});
    if (!reloaded) return std::unexpected(reloaded.error());
    if (reloaded->exit_status != 0) {
        return fault(FaultKind::System, "reloading " + of.who.title, reloaded->err);
    }
    return {};
}

Result<std::string> World::publish(const Organisation& of, const std::string& file,
                                   const std::string& list) {
    const auto written =
        store::write_file(fmt::format("{}/{}-web/{}", root_, of.who.name, file), list, 0644);
    if (!written) return std::unexpected(written.error());
    return fmt::format("http://{}/{}", of.web.text(), file);
}

Result<void> World::write_anchor(const Organisation& of, const std::string& name,
                                 const x509::Certificate& root) {
    return store::write_file(fmt::format("{}/etc/anchors/{}.pem", of.home, name), root.pem());
}

Result<Finished> World::command(const std::string& home, std::vector<std::string> words) const {
    std::vector<std::string> arguments{program_};
    arguments.insert(arguments.end(), words.begin(), words.end());
    arguments.insert(arguments.end(), {"--home", home});
    return run(arguments, kCommandDeadline);
}

// `valija serve`, once it says that it is ready.
Result<Child> World::serve(const std::string& title, const std::string& home) const {
    const std::string output = home + "/serve.output";
    if (auto removed = store::remove_file(output); !removed) {
        return std::unexpected(removed.error());
    }
    auto child =
        Child::start("the mail server of " + title, {program_, "serve", "--home", home}, output);
    if (!child) return child;
    const auto waited = wait_until("waiting for " + child->name(), kServerDeadline, [&] {
        return child->output().contains("valija: ready") || !child->is_running();
    });
    if (waited && child->is_running()) return child;
    return fault(waited ? FaultKind::System : waited.error().kind, "starting " + child->name(),
                 (waited ? "it ended at once" : waited.error().text()) + "\n" +
                     last_lines(child->output(), 8));
}

Result<void> World::start_server(Organisation& of) {
    of.server.reset();
    return keep(of.server, serve(of.who.title, of.home));
}

std::string World::decoy_home() const { return root_ + "/decoy"; }

std::string World::decoy_place() const { return block_.address(29); }

Result<void> World::start_decoy() {
    const std::string host = "old." + woodgrove_->who.domain;
    const auto issued = stranger_->issue(request_for(*woodgrove_, host));
    if (!issued) return std::unexpected(issued.error());
    for (const char* folder : {"/etc/connectors.d", "/keys"}) {
        if (auto made = store::make_directories(decoy_home() + folder, 0700); !made) return made;
    }
    const auto written = all_of(
        {store::write_file(decoy_home() + "/keys/old.crt", issued->certificate.pem()),
         store::write_file(decoy_home() + "/keys/old.key", issued->key_pem, 0600),
         store::write_file(decoy_home() + "/etc/valija.toml",
                           fmt::format(kSettings, host, woodgrove_->who.domain, smtp_port_,
                                       name_server(), woodgrove_->lmtp.text(),
                                       zone_anchor(name_server_folder(), signed_domain()))),
         store::write_file(
             decoy_home() + "/etc/connectors.d/Inet.toml",
             fmt::format(kReceive, Place{.address = decoy_place(), .port = smtp_port_}.text(),
                         decoy_place(), range()))});
    return written ? keep(decoy_, serve("the decoy", decoy_home())) : written;
}

Result<void> World::start_firewall() {
    return keep(decoy_, start_masking_relay({.address = decoy_place(), .port = smtp_port_},
                                            {.address = woodgrove_->address, .port = smtp_port_},
                                            root_ + "/firewall.output"));
}

Result<void> World::start_web(Organisation& of) {
    const std::string base = root_ + "/" + of.who.name;
    return keep(of.web_server, start_web_server(base + "-web", base + "-web.output", of.web));
}

Result<void> World::start_services() {
    const std::vector<Zone> zones{zone_of(*contoso_, decoy_place()),
                                  zone_of(*woodgrove_, decoy_place()), outsiders(),
                                  signed_zone({})};
    auto started =
        keep(name_server_, start_name_server(name_server_folder(), name_server_place_, zones));
    for (Organisation* of : {&*contoso_, &*woodgrove_}) {
        const std::string base = root_ + "/" + of->who.name;
        if (started) started = start_web(*of);
        if (started) {
            started = keep(of->mailboxes, start_mailboxes({.directory = base + "-mail",
                                                           .lmtp = of->lmtp,
                                                           .imap = of->imap,
                                                           .domain = of->who.domain,
                                                           .users = {of->who.person},
                                                           .password = kPassword}));
        }
    }
    // Last: their revocation lists are there to be fetched then.
    for (Organisation* of : {&*contoso_, &*woodgrove_}) {
        if (started) started = start_server(*of);
    }
    return started;
}

Result<void> World::found() {
    const std::string name_server = block_.address(kNameServer);
    const auto dns_port = free_port({name_server});
    const auto smtp_port =
        free_port({block_.address(kContoso.host), block_.address(kWoodgrove.host), outsider(),
                   block_.address(67), block_.address(68), decoy_place()});
    if (!dns_port) return std::unexpected(dns_port.error());
    if (!smtp_port) return std::unexpected(smtp_port.error());
    smtp_port_ = *smtp_port;
    name_server_place_ = {name_server, *dns_port};
    auto done = keep(stranger_,
                     authority::Authority::create("Some Other CA", now() - 1h, now() + 365 * kDay));
    if (done) done = keep(contoso_, organisation(kContoso));
    if (done) done = keep(woodgrove_, organisation(kWoodgrove));
    if (done) done = settle(*contoso_);
    if (done) done = settle(*woodgrove_);
    if (done) done = befriend(*contoso_, *woodgrove_);
    if (done) done = befriend(*woodgrove_, *contoso_);
    return done ? start_services() : done;
}

namespace {

// Where we are root Dovecot runs as nobody, who must be able to pass through to its directory.
Result<void> open_to_mailboxes(const std::string& root) {
    if (geteuid() != 0) return {};
    if (chmod(root.c_str(), 0711) != 0) return system_fault("opening " + root, errno);
    for (std::filesystem::path above = root; above.has_relative_path();) {
        above = above.parent_path();
        struct stat facts{};
        if (stat(above.c_str(), &facts) != 0 || (facts.st_mode & S_IXOTH) == 0) {
            return fault(FaultKind::System, "building the lab in " + root,
                         above.string() +
                             " is closed to the mailboxes' user nobody; name another "
                             "place in TMPDIR");
        }
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<World>> World::build(const std::string& program, const std::string& root) {
    if (auto open = open_to_mailboxes(root); !open) return std::unexpected(open.error());
    std::unique_ptr<World> world(new World(program, root));
    if (auto founded = world->found(); !founded) return std::unexpected(founded.error());
    return world;
}

World::~World() {
    for (auto* of : {&contoso_, &woodgrove_}) {
        if (!*of) continue;
        for (auto* child : {&(*of)->server, &(*of)->web_server, &(*of)->mailboxes}) {
            if (*child) (*child)->ask_to_end();  // all of them end at the same time
        }
    }
    decoy_.reset();
    for (auto* of : {&contoso_, &woodgrove_}) of->reset();
    name_server_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
}

}  // namespace valija::lab
