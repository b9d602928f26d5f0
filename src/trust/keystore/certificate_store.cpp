#include "trust/keystore/certificate_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "platform/base/text.hpp"
#include "platform/store/file.hpp"
#include "trust/keystore/internal/making.hpp"
#include "trust/keystore/key_file.hpp"

namespace valija::keystore {
namespace {

constexpr std::string_view kSuffixes[] = {".crt", ".key", ".meta", ".req"};
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

std::vector<std::string> host_names(const x509::Certificate& leaf) {
    std::vector<std::string> names = leaf->common_names;
    names.insert(names.end(), leaf->dns_names.begin(), leaf->dns_names.end());
    return names;
}

// Whether the new one has all names of the old one.
bool stands_for(const x509::Certificate& fresh, const x509::Certificate& old) {
    const auto has = [](const std::vector<std::string>& names, const std::string& name) {
        return std::ranges::any_of(
            names, [&](const std::string& one) { return equal_ignoring_case(one, name); });
    };
    const auto names = host_names(fresh);
    const auto old_names = host_names(old);
    return !old_names.empty() && std::ranges::all_of(old_names, [&](const std::string& name) {
        return has(names, name);
    });
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
    entry.has_key = has(".key");
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
    const auto lock = store::LockFile::take(path("", ".lock"));
    if (!lock) return std::unexpected(lock.error());
    const auto all = list();
    if (!all) return std::unexpected(all.error());
    const std::string name = internal::file_name_for(host_names(wanted), names_of(*all));
    const auto key = vault_.create(name, wanted.key, wanted.may);
    if (!key) return std::unexpected(key.error());
    const auto request = internal::make_request(wanted, *key);
    const Metadata metadata{.friendly_name = wanted.friendly_name, .services = {}, .created = now};
    auto written = request ? store::write_file(path(name, ".meta"), metadata_text(metadata))
                           : Result<void>(std::unexpected(request.error()));
    if (written) written = store::write_file(path(name, ".req"), request->pem());
    if (!written) return std::unexpected(written.error());
    return find(name);
}

Result<Entry> CertificateStore::self_signed(const NewCertificate& wanted, Time from, Time to) {
    if (const std::string why = internal::wrong_names(wanted); !why.empty()) return refused(why);
    const auto lock = store::LockFile::take(path("", ".lock"));
    if (!lock) return std::unexpected(lock.error());
    const auto all = list();
    if (!all) return std::unexpected(all.error());
    const std::string name = internal::file_name_for(host_names(wanted), names_of(*all));
    const auto key = vault_.create(name, wanted.key, wanted.may);
    if (!key) return std::unexpected(key.error());
    const auto made = internal::make_self_signed(wanted, *key, from, to);
    if (!made) return std::unexpected(made.error());
    const Metadata metadata{
        .friendly_name = wanted.friendly_name, .services = {"smtp"}, .created = from};
    if (auto written = write_entry(name, {*made}, metadata); !written) {
        return std::unexpected(written.error());
    }
    return find(name);
}

Result<Imported> CertificateStore::import(const ImportSpec& spec, Time now) {
    if (const std::string why = wrong_friendly_name(spec.friendly_name); !why.empty()) {
        return refused(why);
    }
    auto file = read_key_file(spec.file, spec.password);
    if (!file) return std::unexpected(file.error());
    std::optional<KeyHandle> key = file->key;
    if (!spec.key_file.empty()) {
        if (key) return refused("there is a private key in both files");
        auto other = read_key_file(spec.key_file, spec.password);
        if (!other) return std::unexpected(other.error());
        if (!other->key) return refused("there is no private key in the key file");
        key = other->key;
    }
    if (file->certificates.empty()) return refused("there is no certificate in the file");
    const auto lock = store::LockFile::take(path("", ".lock"));
    if (!lock) return std::unexpected(lock.error());
    const auto all = list();
    if (!all) return std::unexpected(all.error());
    Result<Imported> done = refused("");
    if (key) {
        const auto leaf = std::ranges::find_if(
            file->certificates, [&](const x509::Certificate& one) { return key->belongs_to(one); });
        if (leaf == file->certificates.end()) {
            return refused("the private key is not the key of any certificate in the file");
        }
        if (auto checked = check_new(*all, *leaf); !checked) {
            return std::unexpected(checked.error());
        }
        done = import_with_key(spec, *all, ordered_chain(*leaf, file->certificates), now);
    } else {
        done = import_without_key(spec, *all, file->certificates, now);
    }
    if (!done) return done;
    const auto order = notes_about_order(done->entry.chain, file->certificates);
    done->notes.insert(done->notes.begin(), order.begin(), order.end());
    done->notes.insert(done->notes.begin(), file->notes.begin(), file->notes.end());
    return done;
}

namespace {

// Whose names the new certificate has all, and whom nobody names by its file.
std::vector<const Entry*> replaced_by(const x509::Certificate& leaf, const ImportSpec& spec,
                                      const std::vector<Entry>& all) {
    std::vector<const Entry*> old;
    for (const Entry& entry : all) {
        if (spec.replace && !entry.chain.empty() && stands_for(leaf, entry.chain.front()) &&
            entry.chain.front()->not_before <= leaf->not_before) {
            old.push_back(&entry);
        }
    }
    return old;
}

}  // namespace

Result<Imported> CertificateStore::import_with_key(const ImportSpec& spec,
                                                   const std::vector<Entry>& all,
                                                   std::vector<x509::Certificate> chain, Time now) {
    const x509::Certificate& leaf = chain.front();
    if (auto checked = check_size(chain); !checked) return std::unexpected(checked.error());
    const auto old = replaced_by(leaf, spec, all);
    Metadata metadata{.friendly_name = spec.friendly_name, .services = {}, .created = now};
    for (const Entry* entry : old) {
        if (entry->for_smtp()) metadata.enable("smtp");
        if (metadata.friendly_name.empty()) metadata.friendly_name = entry->metadata.friendly_name;
    }
    const std::string name = internal::file_name_for(host_names(leaf), names_of(all));
    const std::string_view key_file = spec.key_file.empty() ? spec.file : spec.key_file;
    const auto kept = vault_.import(name, key_file, spec.password, spec.may);
    if (!kept) return std::unexpected(kept.error());
    if (auto written = write_entry(name, chain, metadata); !written) {
        return std::unexpected(written.error());
    }
    Imported done{.entry = {}, .replaced = {}, .notes = warnings_about(leaf, now)};
    for (const Entry* entry : old) {
        if (std::ranges::find(spec.keep, entry->name) != spec.keep.end()) {
            done.notes.push_back(fmt::format(
                "{} stays: the configuration names it by its file or thumbprint", entry->name));
            continue;
        }
        if (auto removed = erase(entry->name); !removed) return std::unexpected(removed.error());
        done.replaced.push_back(entry->chain.front()->thumbprint);
    }
    auto entry = find(name);
    if (!entry) return std::unexpected(entry.error());
    done.entry = std::move(*entry);
    return done;
}

// The CA's answer: bound to the key that waits for it (EX-50).
Result<Imported> CertificateStore::import_without_key(const ImportSpec& spec,
                                                      const std::vector<Entry>& all,
                                                      const std::vector<x509::Certificate>& pool,
                                                      Time now) {
    for (const Entry& entry : all) {
        const auto key =
            entry.has_key ? vault_.open(entry.name) : Result<KeyHandle>(refused("there is no key"));
        if (!key) continue;
        const auto leaf = std::ranges::find_if(
            pool, [&](const x509::Certificate& one) { return key->belongs_to(one); });
        if (leaf == pool.end()) continue;
        if (auto checked = check_new(all, *leaf); !checked) {
            return std::unexpected(checked.error());
        }
        if (!entry.chain.empty() && !spec.replace) {
            return refused(fmt::format(
                "its key is that of the certificate {}; --replace puts the new one in its place",
                entry.name));
        }
        const auto chain = ordered_chain(*leaf, pool);
        if (auto checked = check_size(chain); !checked) return std::unexpected(checked.error());
        Metadata metadata = entry.metadata;
        if (entry.chain.empty() || entry.has_notes) metadata.created = now;
        if (!entry.chain.empty() && entry.for_smtp()) metadata.enable("smtp");
        if (!spec.friendly_name.empty()) metadata.friendly_name = spec.friendly_name;
        if (auto written = write_entry(entry.name, chain, metadata); !written) {
            return std::unexpected(written.error());
        }
        auto bound = find(entry.name);
        if (!bound) return std::unexpected(bound.error());
        Imported done{.entry = std::move(*bound),
                      .was_pending = entry.chain.empty(),
                      .replaced = {},
                      .notes = warnings_about(*leaf, now)};
        if (!entry.chain.empty()) done.replaced.push_back(entry.chain.front()->thumbprint);
        return done;
    }
    for (const x509::Certificate& one : pool) {
        if (auto checked = check_new(all, one); !checked) return std::unexpected(checked.error());
    }
    return refused(
        "there is no private key with it, and no pending request of this server has the key of any "
        "certificate in it; import it where the request was made, or give the key with --key");
}

Result<void> CertificateStore::enable(const std::string& name,
                                      const std::vector<std::string>& services) {
    for (const std::string& service : services) {
        if (service != "smtp") {
            return refused(fmt::format("there is no service \"{}\"; there is: smtp",
                                       escape_peer_text(service, 40)));
        }
    }
    const auto lock = store::LockFile::take(path("", ".lock"));
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
    const auto lock = store::LockFile::take(path("", ".lock"));
    return lock ? erase(name) : std::unexpected(lock.error());
}

Result<void> CertificateStore::erase(const std::string& name) {
    for (const std::string_view suffix : {".crt", ".req", ".meta"}) {
        if (auto removed = store::remove_file(path(name, suffix)); !removed) return removed;
    }
    return vault_.remove(name);
}

}  // namespace valija::keystore
