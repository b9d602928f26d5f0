#include "programs/commands/certificate_common.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "control/explain/check_own.hpp"
#include "platform/base/text.hpp"
#include "platform/store/file.hpp"
#include "trust/revocation/keeper.hpp"

namespace json = boost::json;

namespace valija::programs {
namespace {

constexpr size_t kLargestAnchorFile = 8U << 20U;

x509::Anchors anchors_of_operator(const std::string& home) {
    std::vector<x509::Certificate> all;
    const auto files = store::list_files(home + "/etc/anchors", ".pem");
    for (const std::string& file : files.value_or(std::vector<std::string>{})) {
        const auto pem = store::read_file(home + "/etc/anchors/" + file, kLargestAnchorFile);
        if (!pem) continue;  // `config check` tells of it
        if (const auto some = x509::Certificate::from_pem(*pem)) {
            all.insert(all.end(), some->begin(), some->end());
        }
    }
    return x509::Anchors::from_certificates(all).value_or(x509::Anchors());
}

Standing judged(const std::vector<x509::Certificate>& chain, const OurAnchors& anchors, Time now) {
    if (anchors.of_operator.find_path(chain, now).problems.empty()) {
        return {.status = "Valid", .root_ca_type = "Enterprise", .text = {}};
    }
    const x509::Path path = anchors.of_system.find_path(chain, now);
    if (path.problems.empty()) {
        return {.status = "Valid", .root_ca_type = "ThirdParty", .text = {}};
    }
    const auto kind = path.problems.front().kind;
    const bool is_untrusted = kind == x509::PathProblemKind::UntrustedRoot ||
                              kind == x509::PathProblemKind::IncompleteChain;
    return {.status = is_untrusted ? "Untrusted" : "Invalid",
            .root_ca_type = "Unknown",
            .text = is_untrusted ? "its chain ends in no CA that this server knows; put the root "
                                   "into etc/anchors/ if it is your own"
                                 : path.problems.front().text.english()};
}

int key_size(std::string_view key) {
    int size = 0;
    for (const char c : key.substr(key.find_last_not_of("0123456789") + 1)) {
        size = size * 10 + (c - '0');
    }
    return size;
}

void add_certificate(json::object& object, const x509::Certificate& leaf) {
    object["thumbprint"] = leaf->thumbprint;
    object["sha256"] = leaf->sha256;
    object["subject"] = escape_peer_text(leaf->subject);
    object["issuer"] = escape_peer_text(leaf->issuer);
    object["serialNumber"] = leaf->serial;
    object["notBefore"] = iso_time(leaf->not_before);
    object["notAfter"] = iso_time(leaf->not_after);
    object["isSelfSigned"] = leaf->self_issued;
    object["key"] = leaf->key;
    object["publicKeySize"] = key_size(leaf->key);
    json::array usages;
    if (leaf->eku_server) usages.emplace_back("serverAuth");
    if (leaf->eku_client) usages.emplace_back("clientAuth");
    object["enhancedKeyUsageList"] = std::move(usages);
    json::array urls;
    for (const std::string& url : leaf->crl_urls) urls.emplace_back(escape_peer_text(url));
    object["crlDistributionPoints"] = std::move(urls);
}

}  // namespace

std::string token_named(const Invocation& invocation) {
    const std::string key = invocation.one("--key");
    return key.starts_with("pkcs11:") ? key : "";
}

Result<OwnCertificates> open_certificates(const std::string& home, const std::string& token) {
    const std::string folder = home + "/keys";
    auto custody = keystore::Custody::start({.directory = folder, .token = token});
    if (!custody) return std::unexpected(custody.error());
    keystore::KeyVault& vault = (*custody)->vault();
    return OwnCertificates{std::move(*custody), keystore::CertificateStore(folder, vault)};
}

Result<keystore::KeyStore> load_certificates(const std::string& home) {
    std::error_code ignored;
    if (!std::filesystem::exists(home + "/keys", ignored)) return keystore::KeyStore();
    const auto own = open_certificates(home);
    if (!own) return std::unexpected(own.error());
    return keystore::KeyStore::load(home + "/keys", own->custody->vault());
}

std::map<std::string, std::vector<std::string>> certificate_users(
    const settings::Directory& directory) {
    std::map<std::string, std::vector<std::string>> users;
    for (const auto& row : directory.receive) {
        users[settings::certificate_name(row)].push_back("receive connector " + row.name);
    }
    for (const auto& row : directory.send) {
        users[settings::certificate_name(row)].push_back("send connector " + row.name);
    }
    for (const auto& row : directory.partners) {
        if (!row.certificate.empty()) users[row.certificate].push_back("partner " + row.name);
    }
    return users;
}

OurAnchors our_anchors(const std::string& home) {
    return {.of_operator = anchors_of_operator(home),
            .of_system = x509::Anchors::system().value_or(x509::Anchors())};
}

Standing standing_of(const keystore::Entry& entry, const OurAnchors& anchors, Time now) {
    if (!entry.problem.empty()) {
        return {.status = "Invalid", .root_ca_type = "Unknown", .text = entry.problem};
    }
    if (entry.chain.empty()) {
        return {.status = "PendingRequest",
                .root_ca_type = "Unknown",
                .text = "its certificate has not come yet"};
    }
    const x509::Certificate& leaf = entry.chain.front();
    Standing standing = leaf->self_issued
                            ? Standing{.status = "Valid", .root_ca_type = "Registry", .text = {}}
                            : judged(entry.chain, anchors,
                                     std::max(leaf->not_before, std::min(now, leaf->not_after)));
    if (!keystore::is_in_time(leaf, now)) {
        standing.status = "DateInvalid";
        standing.text = now < leaf->not_before ? "it is not valid yet" : "it has expired";
    }
    return standing;
}

Standings::Standings(const std::string& home, Time now)
    : anchors_(our_anchors(home)),
      book_(revocation::Keeper::read(home + "/state/crl", now)),
      now_(now) {}

Standing Standings::of(const keystore::Entry& entry) const {
    Standing standing = standing_of(entry, anchors_, now_);
    if (standing.status != "Valid" || !book_) return standing;
    const identity::OwnStatus looked =
        explain::own_status(entry.chain, anchors_.of_operator.certificates(), *book_, now_);
    if (!looked.is_known || looked.revocation == revocation::State::Good) return standing;
    standing.status =
        looked.revocation == revocation::State::Revoked ? "Revoked" : "RevocationCheckFailure";
    standing.text = looked.evidence.english();
    return standing;
}

std::string services_text(const keystore::Entry& entry) {
    if (entry.chain.empty() || !entry.for_smtp()) return "none";
    return "smtp";
}

std::vector<std::string> domains_of(const keystore::Entry& entry) {
    std::vector<std::string> all;
    const auto add = [&all](const std::string& name) {
        std::string shown = escape_peer_text(name, 260);
        if (std::ranges::find(all, shown) == all.end()) all.push_back(std::move(shown));
    };
    if (!entry.chain.empty()) {
        for (const std::string& name : entry.chain.front()->dns_names) add(name);
        for (const std::string& name : entry.chain.front()->common_names) {
            if (is_host_name(name)) add(name);
        }
    } else if (entry.request) {
        for (const std::string& name : entry.request->dns_names) add(name);
    }
    return all;
}

json::object json_of(const keystore::Entry& entry, const Standing& standing) {
    json::object object{{"name", escape_peer_text(entry.name)}};
    if (!entry.chain.empty()) {
        add_certificate(object, entry.chain.front());
    } else if (entry.request) {
        object["subject"] = escape_peer_text(entry.request->subject);
    }
    object["friendlyName"] = entry.metadata.friendly_name;
    object["services"] = services_text(entry) == "none" ? json::array() : json::array{"smtp"};
    object["certificateDomains"] = json::value_from(domains_of(entry));
    object["hasPrivateKey"] = entry.has_key;
    object["isKeyOnToken"] = entry.is_on_token;
    object["privateKeyExportable"] = entry.may == keystore::Export::Allowed;
    object["rootCAType"] = standing.root_ca_type;
    object["status"] = standing.status;
    object["statusText"] = escape_peer_text(standing.text);
    if (entry.metadata.created) object["created"] = iso_time(*entry.metadata.created);
    json::array chain;
    for (const x509::Certificate& one : entry.chain) {
        chain.push_back(json::object{{"subject", escape_peer_text(one->subject)},
                                     {"thumbprint", one->thumbprint},
                                     {"notAfter", iso_time(one->not_after)}});
    }
    object["chain"] = std::move(chain);
    return object;
}

int complain(const Fault& fault) {
    fmt::print(stderr, "valija: {}\n", fault.text());
    return fault.kind == FaultKind::Input ? status::no : status::unknown;
}

int tell_change(const Invocation& invocation, const std::string& text, json::object object) {
    const Reload reload = reload_server(invocation);
    if (invocation.json) {
        object["server"] = !reload.is_running ? "not running"
                           : reload.has_it    ? "reloaded"
                                              : "refused";
        fmt::print(stdout, "{}\n", json::serialize(object));
    } else {
        fmt::print(stdout, "{}{}\n", text,
                   !reload.is_running ? "No server is running."
                   : reload.has_it    ? "The running server has it."
                                      : "The running server did not take it:");
    }
    fmt::print(stderr, "{}", reload.has_it ? "" : reload.problem);
    return reload.exit_status;
}

Result<std::string> file_named(const Invocation& invocation, const std::string& option,
                               size_t limit) {
    if (!invocation.has(option)) return std::string();
    auto content = store::read_file(invocation.one(option), limit);
    if (content && content->empty()) {
        return fault(FaultKind::Input, "reading " + invocation.one(option), "it is empty");
    }
    return content;
}

Result<std::string> password_of(const Invocation& invocation) {
    auto password = file_named(invocation, "--password-file", 1024);
    while (password && (password->ends_with('\n') || password->ends_with('\r'))) {
        password->pop_back();
    }
    if (password && password->contains('\0')) {
        return fault(FaultKind::Input, "reading the password", "it holds a zero byte");
    }
    if (password && password->empty() && invocation.has("--password-file")) {
        return fault(FaultKind::Input, "reading the password", "it is empty");
    }
    return password;
}

Result<void> write_new_file(const std::string& path, std::string_view content, unsigned mode) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) {
        return fault(FaultKind::Input, "writing " + path, "it is there already");
    }
    return store::write_file(path, content, mode);
}

}  // namespace valija::programs
