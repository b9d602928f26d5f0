#include "trust/keystore/certificate_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "platform/base/text.hpp"
#include "platform/store/file.hpp"
#include "trust/keystore/internal/making.hpp"
#include "trust/keystore/internal/renewal.hpp"
#include "trust/keystore/key_file.hpp"

namespace valija::keystore {
namespace {

constexpr std::string_view kSuffixes[] = {".crt", ".key", ".meta", ".pkcs11", ".req"};
constexpr size_t kLargestChain = 100'000;  // bytes; what OpenSSL's peers take by default

std::unexpected<Fault> refused(std::string why) { return fault(FaultKind::Input, std::move(why)); }

std::vector<std::string> names_of(const std::vector<Entry>& entries) {
    std::vector<std::string> names;
    for (const Entry& entry : entries) names.push_back(entry.name);
    return names;
}

std::vector<std::string> host_names(const NewCertificate& wanted) {
    std::vector<std::string> names;
    for (const SubjectComponent& component : wanted.subject) {
        if (component.abbreviation == "CN") names.push_back(component.value);
    }
    names.insert(names.end(), wanted.dns_names.begin(), wanted.dns_names.end());
    return names;
}

std::vector<std::string> warnings_about(const x509::Certificate& leaf, Time now) {
    std::vector<std::string> notes;
    if (leaf->not_after < now) {
        notes.push_back(fmt::format("it expired on {}: it is used only where there is none better",
                                    iso_time(leaf->not_after)));
    }
    if (now < leaf->not_before) {
        notes.push_back(fmt::format("it is not valid before {}", iso_time(leaf->not_before)));
    }
    if (leaf->is_ca) notes.emplace_back("it is the certificate of a CA, not of a server");
    if (leaf->has_eku && !leaf->eku_client) {
        notes.emplace_back(
            "it is not for clients (clientAuth is missing): partners that hold to that refuse our "
            "mail");
    }
    if (leaf->has_eku && !leaf->eku_server) {
        notes.emplace_back("it is not for servers (serverAuth is missing)");
    }
    return notes;
}

Result<void> check_size(const std::vector<x509::Certificate>& chain) {
    size_t size = 0;
    for (const x509::Certificate& certificate : chain) size += certificate.der().size();
    if (size <= kLargestChain) return {};
    return refused(fmt::format(
        "the certificate with its chain has {} bytes ({} DNS names); peers take {} at most", size,
        chain.front()->dns_names.size(), kLargestChain));
}

const Entry* entry_of(const std::vector<Entry>& all, const x509::Certificate& certificate) {
    const auto found = std::ranges::find_if(all, [&](const Entry& entry) {
        return !entry.chain.empty() && entry.chain.front() == certificate;
    });
    return found == all.end() ? nullptr : &*found;
}

Result<void> check_dates(const x509::Certificate& leaf) {
    if (leaf->not_before <= leaf->not_after) return {};
    return refused(fmt::format("the certificate ends before it begins: from {} to {}",
                               iso_time(leaf->not_before), iso_time(leaf->not_after)));
}

Result<void> check_new(const std::vector<Entry>& all, const x509::Certificate& leaf) {
    const Entry* there = entry_of(all, leaf);
    if (there == nullptr) return {};
    return refused(
        fmt::format("the certificate {} is there already, as {}", leaf->thumbprint, there->name));
}

std::vector<std::string> notes_about_order(const std::vector<x509::Certificate>& chain,
                                           const std::vector<x509::Certificate>& pool) {
    std::vector<std::string> notes;
    for (const x509::Certificate& one : pool) {
        if (std::ranges::find(chain, one) != chain.end()) continue;
        notes.push_back(fmt::format("the certificate {} ({}) is not part of the chain: left out",
                                    one->thumbprint, escape_peer_text(one->subject, 200)));
    }
    if (notes.empty() && chain != pool)
        notes.emplace_back("the chain was put in order, leaf first");
    return notes;
}

}  // namespace

std::string CertificateStore::path(const std::string& name, std::string_view suffix) const {
    return directory_ + "/" + name + std::string(suffix);
}

Entry CertificateStore::read(const std::string& name, const std::vector<std::string>& files) const {
    Entry entry{.name = name, .chain = {}, .request = {}, .metadata = {}, .problem = {}};
    const auto has = [&](std::string_view suffix) {
        return std::ranges::find(files, name + std::string(suffix)) != files.end();
    };
    const auto note = [&entry](const Fault& fault) {
        if (entry.problem.empty()) entry.problem = fault.text();
    };
    if (has(".crt")) {
        const auto text = store::read_file(path(name, ".crt"), kLargestKeyFile);
        auto chain = text ? x509::Certificate::from_pem(*text)
                          : Result<std::vector<x509::Certificate>>(std::unexpected(text.error()));
        if (chain) entry.chain = std::move(*chain);
        if (!chain) note(chain.error());
    }
    if (has(".req")) {
        const auto text = store::read_file(path(name, ".req"), kLargestKeyFile);
        auto request =
            text ? internal::parse_request(*text) : Result<Request>(std::unexpected(text.error()));
        if (request) entry.request = std::move(*request);
        if (!request) note(request.error());
    }
    entry.has_notes = has(".meta");
    if (entry.has_notes) {
        const auto text = store::read_file(path(name, ".meta"), kLargestMetadata);
        auto metadata =
            text ? parse_metadata(*text) : Result<Metadata>(std::unexpected(text.error()));
        if (metadata) entry.metadata = std::move(*metadata);
        if (!metadata) note(metadata.error());
    }
    entry.is_on_token = has(".pkcs11");
    entry.has_key = has(".key") || entry.is_on_token;
    if (!entry.has_key) {
        note(Fault{
            .kind = FaultKind::Input, .doing = "there is no private key for it", .cause = {}});
        return entry;
    }
    const auto key =
        entry.chain.empty() ? vault_.open(name) : vault_.key_for(name, entry.chain.front());
    if (!key) note(key.error());
    if (const auto may = vault_.may_leave(name)) entry.may = *may;
    if (entry.chain.empty() && !entry.request) {
        note(Fault{.kind = FaultKind::Input,
                   .doing = "a key without certificate or request",
                   .cause = {}});
    }
    return entry;
}

Result<std::vector<Entry>> CertificateStore::list() const {
    std::vector<std::string> files;
    std::set<std::string> names;
    for (const std::string_view suffix : kSuffixes) {
        const auto some = store::list_files(directory_, suffix);
        if (!some) return std::unexpected(some.error());
        files.insert(files.end(), some->begin(), some->end());
        for (const std::string& file : *some) {
            names.insert(file.substr(0, file.size() - suffix.size()));
        }
    }
    std::vector<Entry> all;
    for (const std::string& name : names) all.push_back(read(name, files));
    return all;
}

Result<Entry> CertificateStore::find(std::string_view thumbprint_or_name) const {
    auto all = list();
    if (!all) return std::unexpected(all.error());
    for (Entry& entry : *all) {
        const bool is_it =
            entry.name == thumbprint_or_name ||
            (!entry.chain.empty() &&
             (equal_ignoring_case(entry.chain.front()->thumbprint, thumbprint_or_name) ||
              equal_ignoring_case(entry.chain.front()->sha256, thumbprint_or_name)));
        if (is_it) return std::move(entry);
    }
    return refused(fmt::format("there is no certificate or request \"{}\"",
                               escape_peer_text(thumbprint_or_name, 80)));
}

// What a writer left that was killed before its file had its name, a private key perhaps: under the
// lock nobody writes.
void CertificateStore::sweep() const {
    constexpr size_t kRandom = 7;  // "." and six characters (store::write_file)
    std::error_code ignored;
    for (const auto& file : std::filesystem::directory_iterator(directory_, ignored)) {
        const std::string name = file.path().filename().string();
        if (name.size() <= kRandom || name[name.size() - kRandom] != '.') continue;
        const std::string_view rest = std::string_view(name).substr(0, name.size() - kRandom);
        if (std::ranges::any_of(kSuffixes, [&](auto suffix) { return rest.ends_with(suffix); })) {
            static_cast<void>(store::remove_file(file.path().string()));
        }
    }
}

Result<store::LockFile> CertificateStore::lock_up() const {
    auto lock = store::LockFile::take(path("", ".lock"));
    if (lock) sweep();
    return lock;
}

Result<void> CertificateStore::write_entry(const std::string& name,
                                           const std::vector<x509::Certificate>& chain,
                                           const Metadata& metadata) {
    auto written = store::write_file(path(name, ".meta"), metadata_text(metadata));
    std::string pem;
    for (const x509::Certificate& certificate : chain) pem += certificate.pem();
    if (written) written = store::write_file(path(name, ".crt"), pem);
    return written ? store::remove_file(path(name, ".req")) : written;
}

Result<Entry> CertificateStore::request(const NewCertificate& wanted, Time now) {
    if (const std::string why = internal::wrong_names(wanted); !why.empty()) return refused(why);
    const auto lock = lock_up();
    if (!lock) return std::unexpected(lock.error());
    const auto all = list();
    if (!all) return std::unexpected(all.error());
    const std::string name = internal::file_name_for(host_names(wanted), names_of(*all));
    const auto key = wanted.key_uri.empty() ? vault_.create(name, wanted.key, wanted.may)
                                            : vault_.attach(name, wanted.key_uri);
    if (!key) return std::unexpected(key.error());
    const auto request = internal::make_request(wanted, *key);
    const Metadata metadata{.friendly_name = wanted.friendly_name, .services = {}, .created = now};
    auto written = request ? store::write_file(path(name, ".meta"), metadata_text(metadata))
                           : Result<void>(std::unexpected(request.error()));
    if (written) written = store::write_file(path(name, ".req"), request->pem());
    auto entry = written ? find(name) : std::unexpected(written.error());
    return entry ? entry : undone(name, entry.error());
}

Result<Entry> CertificateStore::self_signed(const NewCertificate& wanted, Time from, Time to) {
    if (const std::string why = internal::wrong_names(wanted); !why.empty()) return refused(why);
    const auto lock = lock_up();
    if (!lock) return std::unexpected(lock.error());
    const auto all = list();
    if (!all) return std::unexpected(all.error());
    const std::string name = internal::file_name_for(host_names(wanted), names_of(*all));
    const auto key = wanted.key_uri.empty() ? vault_.create(name, wanted.key, wanted.may)
                                            : vault_.attach(name, wanted.key_uri);
    if (!key) return std::unexpected(key.error());
    const auto made = internal::make_self_signed(wanted, *key, from, to);
    const Metadata metadata{
        .friendly_name = wanted.friendly_name, .services = {"smtp"}, .created = from};
    const auto written =
        made ? write_entry(name, {*made}, metadata) : Result<void>(std::unexpected(made.error()));
    auto entry = written ? find(name) : std::unexpected(written.error());
    return entry ? entry : undone(name, entry.error());
}

// For a making that failed after its key was made: takes back all of this name, whatever of it
// cannot be removed.
std::unexpected<Fault> CertificateStore::undone(const std::string& name, Fault why) {
    const auto note = [&why](const Result<void>& removed) {
        if (!removed) why.cause += fmt::format("; left behind: {}", removed.error().text());
    };
    note(vault_.remove(name));
    for (const std::string_view suffix : {".crt", ".req", ".meta"}) {
        note(store::remove_file(path(name, suffix)));
    }
    return std::unexpected(std::move(why));
}

namespace {

// The certificates of `spec.file` with the key of either file.
Result<KeyFile> read_files(const ImportSpec& spec, KeyVault& vault) {
    auto file = vault.examine(spec.file, spec.password);
    if (!file) return file;
    if (!spec.key_file.empty()) {
        if (file->key) return refused("there is a private key in both files");
        auto other = vault.examine(spec.key_file, spec.password);
        if (!other) return other;
        if (!other->key) return refused("there is no private key in the key file");
        file->key = other->key;
    }
    if (!spec.key_uri.empty()) {
        if (file->key) return refused("there is a private key in the file and one on the token");
        auto key = vault.locate(spec.key_uri);
        if (!key) return std::unexpected(key.error());
        file->key = std::move(*key);
    }
    if (file->certificates.empty()) return refused("there is no certificate in the file");
    return file;
}

const x509::Certificate* certificate_of(const KeyHandle& key,
                                        const std::vector<x509::Certificate>& pool) {
    const auto leaf = std::ranges::find_if(
        pool, [&](const x509::Certificate& one) { return key.belongs_to(one); });
    return leaf == pool.end() ? nullptr : &*leaf;
}

// What is noted of the new one: its own, and what it takes over.
Metadata metadata_for(const ImportSpec& spec, const Entry* holder, const internal::Renewal& renewal,
                      Time now) {
    Metadata metadata = holder == nullptr ? Metadata() : holder->metadata;
    metadata.created = now;
    if (!spec.friendly_name.empty()) metadata.friendly_name = spec.friendly_name;
    for (const Entry* entry : renewal.old) {
        if (entry->for_smtp()) metadata.enable("smtp");
        if (metadata.friendly_name.empty()) metadata.friendly_name = entry->metadata.friendly_name;
    }
    return metadata;
}

std::vector<std::string> thumbprints_replaced(const internal::Renewal& renewal,
                                              const Entry* holder) {
    std::vector<std::string> all;
    for (const Entry* entry : renewal.old) {
        const bool goes =
            entry == holder || std::ranges::find(renewal.going, entry->name) != renewal.going.end();
        if (goes) all.push_back(entry->chain.front()->thumbprint);
    }
    return all;
}

void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
    to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

// The CA's answer: for the key that waits for it (EX-50).
Result<CertificateStore::Holder> CertificateStore::holder_of(
    const std::vector<x509::Certificate>& pool, const std::vector<Entry>& all) const {
    for (const Entry& entry : all) {
        if (!entry.has_key) continue;
        const auto key = vault_.open(entry.name);
        if (!key) continue;  // list() tells of it
        const x509::Certificate* leaf = certificate_of(*key, pool);
        if (leaf != nullptr) return Holder{.leaf = *leaf, .entry = &entry};
    }
    for (const x509::Certificate& one : pool) {
        if (auto checked = check_new(all, one); !checked) return std::unexpected(checked.error());
    }
    return refused(
        "there is no private key with it, and no pending request of this server has the key of any "
        "certificate in it; import it where the request was made, or give the key with --key");
}

// With its key, which is taken back where the rest fails.
Result<void> CertificateStore::write_new(const ImportSpec& spec, const std::string& name,
                                         const std::vector<x509::Certificate>& chain,
                                         const Metadata& metadata) {
    const std::string_view key_file = spec.key_file.empty() ? spec.file : spec.key_file;
    const auto kept = spec.key_uri.empty() ? vault_.import(name, key_file, spec.password, spec.may)
                                           : vault_.attach(name, spec.key_uri);
    if (!kept) return std::unexpected(kept.error());
    auto written = write_entry(name, chain, metadata);
    return written ? written : undone(name, written.error());
}

Result<Imported> CertificateStore::import(const ImportSpec& spec, Time now) {
    if (const std::string why = wrong_friendly_name(spec.friendly_name); !why.empty()) {
        return refused(why);
    }
    const auto file = read_files(spec, vault_);
    if (!file) return std::unexpected(file.error());
    const auto lock = lock_up();
    if (!lock) return std::unexpected(lock.error());
    const auto all = list();
    if (!all) return std::unexpected(all.error());
    Result<Holder> found = refused("the private key is not the key of any certificate in the file");
    if (!file->key) {
        found = holder_of(file->certificates, *all);
    } else if (const auto* leaf = certificate_of(*file->key, file->certificates)) {
        found = Holder{.leaf = *leaf, .entry = nullptr};
    }
    if (!found) return std::unexpected(found.error());
    auto done = take(spec, *found, *all, file->certificates, now);
    if (done) done->notes.insert(done->notes.begin(), file->notes.begin(), file->notes.end());
    return done;
}

Result<Imported> CertificateStore::take(const ImportSpec& spec, const Holder& found,
                                        const std::vector<Entry>& all,
                                        const std::vector<x509::Certificate>& pool, Time now) {
    const x509::Certificate& leaf = found.leaf;
    const Entry* holder = found.entry;
    const auto chain = ordered_chain(leaf, pool);
    if (const Entry* there = spec.replace ? entry_of(all, leaf) : nullptr) {
        return Imported{.entry = *there, .notes = {"it is there already: nothing is changed"}};
    }
    auto checked = check_new(all, leaf);
    if (checked) checked = check_dates(leaf);
    if (checked) checked = check_size(chain);
    if (!checked) return std::unexpected(checked.error());
    if (holder != nullptr && !holder->chain.empty() && !spec.replace) {
        return refused(fmt::format(
            "its key is that of the certificate {}; --replace puts the new one in its place",
            holder->name));
    }
    const auto renewal = internal::renewal_of(leaf, holder, spec, all, now);
    if (!renewal) return std::unexpected(renewal.error());
    const Metadata metadata = metadata_for(spec, holder, *renewal, now);
    const std::string name =
        holder != nullptr ? holder->name
                          : internal::file_name_for(internal::host_names(leaf), names_of(all));
    const auto written = holder != nullptr ? write_entry(name, chain, metadata)
                                           : write_new(spec, name, chain, metadata);
    if (!written) return std::unexpected(written.error());
    auto entry = find(name);
    if (!entry) return std::unexpected(entry.error());
    Imported done{.entry = std::move(*entry),
                  .was_pending = holder != nullptr && holder->chain.empty(),
                  .replaced = thumbprints_replaced(*renewal, holder),
                  .going = renewal->going,
                  .notes = notes_about_order(chain, pool)};
    append(done.notes, warnings_about(leaf, now));
    append(done.notes, renewal->notes);
    return done;
}

Result<void> CertificateStore::drop_replaced(const Imported& done) {
    const auto lock = lock_up();
    if (!lock) return std::unexpected(lock.error());
    for (const std::string& name : done.going) {
        if (auto removed = erase(name); !removed) return removed;
    }
    return {};
}

Result<void> CertificateStore::enable(const std::string& name,
                                      const std::vector<std::string>& services) {
    for (const std::string& service : services) {
        if (service != "smtp") {
            return refused(fmt::format("there is no service \"{}\"; there is: smtp",
                                       escape_peer_text(service, 40)));
        }
    }
    const auto lock = lock_up();
    if (!lock) return std::unexpected(lock.error());
    auto entry = find(name);
    if (!entry) return std::unexpected(entry.error());
    if (entry->chain.empty()) return refused("its certificate has not come yet");
    if (!entry->problem.empty()) return refused("it cannot be used: " + entry->problem);
    for (const std::string& service : services) entry->metadata.enable(service);
    return store::write_file(path(name, ".meta"), metadata_text(entry->metadata));
}

Result<std::string> CertificateStore::export_sealed(const Entry& entry,
                                                    const std::string& password) {
    if (entry.chain.empty()) return refused("its certificate has not come yet");
    return vault_.export_sealed(entry.name, {.chain = entry.chain,
                                             .friendly_name = entry.metadata.friendly_name,
                                             .password = password});
}

Result<void> CertificateStore::remove(const std::string& name) {
    const auto lock = lock_up();
    return lock ? erase(name) : std::unexpected(lock.error());
}

Result<void> CertificateStore::erase(const std::string& name) {
    for (const std::string_view suffix : {".crt", ".req", ".meta"}) {
        if (auto removed = store::remove_file(path(name, suffix)); !removed) return removed;
    }
    return vault_.remove(name);
}

}  // namespace valija::keystore
