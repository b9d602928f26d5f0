// `valija setup ORG`: the first configuration and a self-signed certificate (EX-04, EX-124), and
// what to publish in the DNS. Nothing that is there is overwritten.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "directory/settings/values.hpp"
#include "platform/base/text.hpp"
#include "platform/store/file.hpp"
#include "programs/commands/certificate_common.hpp"

namespace json = boost::json;

namespace valija::programs {
namespace {

std::string settings_for(const std::string& domain, const std::string& hostname) {
    return fmt::format(
        "# Made by `valija setup {0}`. `valija config show` prints every setting.\n"
        "hostname = {1}\n"
        "accepted_domains = [{2}]\n"
        "\n"
        "# Your mailbox server, once there is one; until then its mail waits in the queue:\n"
        "# [mailbox]\n"
        "# lmtp = \"127.0.0.1:24\"\n",
        domain, settings::toml_text(hostname), settings::toml_text(domain));
}

struct Record {
    std::string name, type, data, why;
};

std::vector<Record> records_for(const std::string& domain, const std::string& hostname,
                                const x509::Certificate& leaf, Time now) {
    const std::string id = std::to_string(to_millis(now) / 1000);
    return {
        {domain + ".", "MX", "10 " + hostname + ".", "mail for the domain comes here"},
        {"_25._tcp." + hostname + ".", "TLSA", "3 1 1 " + lower(leaf->spki_sha256),
         "DANE: the key of the certificate; needs DNSSEC; publish the next key before changing it"},
        {"_mta-sts." + domain + ".", "TXT", "\"v=STSv1; id=" + id + "\"",
         "MTA-STS: once a public CA issued your certificate, with its policy at "
         "https://mta-sts." +
             domain + "/.well-known/mta-sts.txt"},
        {"_smtp._tls." + domain + ".", "TXT",
         "\"v=TLSRPTv1; rua=mailto:postmaster@" + domain + "\"", "others report failed TLS to you"},
    };
}

// As they can be typed where the variable is not set.
void print_next_steps(const std::string& hostname, const std::string& home) {
    fmt::print(
        stdout,
        "\nPublish also the address (A, AAAA) of {0}, and its name for the address (PTR).\n"
        "Partners need a certificate of a CA they trust; the self-signed one only encrypts.\n"
        "\nNext:\n"
        "  export VALIJA_HOME={1}\n"
        "  valija certificate request --include-accepted-domains --out {0}.req\n"
        "  valija partner add --help\n"
        "  valija config check\n"
        "  valija serve\n",
        hostname, home);
}

json::object json_of(const std::vector<Record>& records) {
    json::array all;
    for (const Record& record : records) {
        all.push_back(
            json::object{{"name", record.name}, {"type", record.type}, {"data", record.data}});
    }
    return {{"records", std::move(all)}};
}

void print_records(const std::vector<Record>& records) {
    fmt::print(stdout, "\nPublish in the DNS:\n");
    for (const Record& record : records) {
        fmt::print(stdout, "  ; {}\n  {} IN {} {}\n", record.why, record.name, record.type,
                   record.data);
    }
}

// Directories, and valija.toml as the last.
Result<void> write_directory(const std::string& home, const std::string& settings) {
    for (const char* folder : {"/etc/partners.d", "/etc/connectors.d", "/etc/anchors"}) {
        if (auto made = store::make_directories(home + folder); !made) return made;
    }
    return store::write_file(home + "/etc/valija.toml", settings);
}

// As the settings and a certificate take it.
bool is_full_name(const std::string& name) {
    return settings::is_full_name(name) && keystore::wrong_dns_name(name).empty();
}

Result<keystore::Entry> certificate_for(const Invocation& invocation, const std::string& domain,
                                        const std::string& hostname, Time now) {
    auto own = open_certificates(invocation.home);
    if (!own) return std::unexpected(own.error());
    keystore::NewCertificate wanted{.subject = {}, .dns_names = {hostname}};
    if (hostname.size() <= 64) wanted.subject = {{.abbreviation = "CN", .value = hostname}};
    if (domain != hostname) wanted.dns_names.push_back(domain);
    return own->store.self_signed(wanted, now, now + kSelfSignedLife);
}

int run_setup(const Invocation& invocation) {
    const std::string domain = lower(invocation.one("DOMAIN"));
    const std::string hostname =
        invocation.has("--hostname") ? lower(invocation.one("--hostname")) : "mail." + domain;
    for (const std::string& name : {domain, hostname}) {
        if (is_full_name(name)) continue;
        fmt::print(stderr, "valija: \"{}\" is no full domain or host name, as contoso.example\n",
                   escape_peer_text(name, 80));
        return status::usage;
    }
    std::error_code ignored;
    if (std::filesystem::exists(invocation.home + "/etc/valija.toml", ignored)) {
        fmt::print(stderr, "valija: {}/etc/valija.toml is there already; nothing was changed\n",
                   invocation.home);
        return status::no;
    }
    const Time now = SystemClock().now();
    const auto entry = certificate_for(invocation, domain, hostname, now);
    if (!entry) return complain(entry.error());
    if (auto done = write_directory(invocation.home, settings_for(domain, hostname)); !done) {
        return complain(done.error());
    }
    const x509::Certificate& leaf = entry->chain.front();
    const auto records = records_for(domain, hostname, leaf, now);
    if (invocation.json) {
        json::object object = json_of(records);
        object["thumbprint"] = leaf->thumbprint;
        object["hostname"] = hostname;
        fmt::print(stdout, "{}\n", json::serialize(object));
        return status::yes;
    }
    fmt::print(stdout,
               "{}/etc/valija.toml is written.\n"
               "{}: a self-signed certificate for {}, until {}.\n",
               invocation.home, leaf->thumbprint, join(domains_of(*entry), ", "),
               iso_time(leaf->not_after).substr(0, 10));
    print_records(records);
    print_next_steps(hostname, invocation.home);
    return status::yes;
}

}  // namespace

std::vector<Command> setup_commands() {
    return {{.group = "Server",
             .noun = "setup",
             .arguments = {{.name = "DOMAIN", .help = "your mail domain, as contoso.example"}},
             .options = {{.name = "--hostname",
                          .value_name = "NAME",
                          .help = "this server's full name [mail.DOMAIN]"}},
             .summary = "make the first configuration and certificate",
             .description =
                 "Writes etc/valija.toml and a self-signed certificate with all known names, so\n"
                 "that STARTTLS works both ways, and prints the DNS records to publish.\n"
                 "Refused where there is a configuration already.",
             .examples = {"valija setup contoso.example --home /srv/valija",
                          "valija setup contoso.example --hostname mx1.contoso.example"},
             .handler = run_setup,
             .json = Json::Yes}};
}

}  // namespace valija::programs
