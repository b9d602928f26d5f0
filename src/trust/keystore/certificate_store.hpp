// The life of our certificates: made or asked for, bound to their keys, enabled, copied, removed.
//
// Files of `directory`, all of one name for one certificate: `.key` or `.pkcs11` (the vault's),
// `.req` a request that waits for its certificate (PKCS#10), `.crt` the certificate with its chain
// (PEM, leaf first), `.meta` (metadata.hpp). Promise: each is written whole and synced, the `.crt`
// last and removed first, so that a crash at any point leaves either the old state or a key without
// certificate, which list() shows; a pending request survives restarts (EH-01). What is read back
// is parsed as a stranger's. An import that is refused changes nothing; a making or an import that
// fails leaves no key behind; and what an import replaces goes only when its caller says that the
// new one is in use, but for a certificate of the same key, which is written over.
// Key bytes stay in the vault. Not here: who uses a certificate, reloading a server, time.
// Fault Input: refused, with the reason in words for the operator. Writers exclude one another by a
// lock file. Thread: one at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/store/file.hpp"
#include "trust/keystore/metadata.hpp"
#include "trust/keystore/subject.hpp"
#include "trust/keystore/vault.hpp"

namespace valija::keystore {

// What a certificate or request of ours shall be.
struct NewCertificate {
    std::vector<SubjectComponent> subject;  // may be empty where there are DNS names
    std::vector<std::string> dns_names;
    KeyType key = KeyType::P256;
    std::string key_uri = {};  // instead of a new key: that on a token (`pkcs11:`)
    Export may = Export::Never;
    std::string friendly_name;
};

struct Request {
    std::string subject;  // leaf first
    std::vector<std::string> dns_names;
    std::string der;

    std::string pem() const;
};

struct Entry {
    std::string name;
    std::vector<x509::Certificate> chain;  // empty: there is none yet
    std::optional<Request> request;        // pending
    Metadata metadata;
    bool has_notes = false;
    bool has_key = false;
    bool is_on_token = false;
    Export may = Export::Never;
    std::string problem;  // why it cannot be used, or ""

    bool for_smtp() const { return counts_for_smtp(has_notes, metadata); }
};

struct ImportSpec {
    std::string_view file;      // certificates, perhaps with the key
    std::string_view key_file;  // the key where it is in a file of its own
    std::string key_uri = {};   // the key where it is on a token
    std::string_view password;
    Export may = Export::Never;
    std::string friendly_name;
    // Take the services of those with no other name than it has, and mark them to be removed;
    // refused where the new one is worse than one of them.
    bool replace = false;
    std::vector<std::string> keep = {};  // names of entries that `replace` must not remove
};

struct Imported {
    Entry entry;
    bool was_pending = false;
    std::vector<std::string> replaced;  // thumbprints
    std::vector<std::string> going;     // names of what it replaces: there until drop_replaced()
    std::vector<std::string> notes;     // repairs and warnings
};

class CertificateStore {
  public:
    CertificateStore(std::string directory, KeyVault& vault)
        : directory_(std::move(directory)), vault_(vault) {}

    Result<std::vector<Entry>> list() const;

    // By thumbprint (SHA-1 or SHA-256) or by name; Fault Input where there is none.
    Result<Entry> find(std::string_view thumbprint_or_name) const;

    Result<Entry> request(const NewCertificate& wanted, Time now);

    // Self-signed, valid from `from` to `to`, enabled for smtp.
    Result<Entry> self_signed(const NewCertificate& wanted, Time from, Time to);

    Result<Imported> import(const ImportSpec& spec, Time now);

    // Removes what it replaced, keys too: once the new one is in use.
    Result<void> drop_replaced(const Imported& done);

    Result<void> enable(const std::string& name, const std::vector<std::string>& services);

    Result<std::string> export_sealed(const Entry& entry, const std::string& password);

    Result<void> remove(const std::string& name);

  private:
    // A certificate of a file, and the entry here that has its key.
    struct Holder {
        x509::Certificate leaf;
        const Entry* entry = nullptr;
    };

    Entry read(const std::string& name, const std::vector<std::string>& files) const;
    std::string path(const std::string& name, std::string_view suffix) const;
    Result<store::LockFile> lock_up() const;
    void sweep() const;                           // the lock is held
    Result<void> erase(const std::string& name);  // the lock is held
    Result<void> write_entry(const std::string& name, const std::vector<x509::Certificate>& chain,
                             const Metadata& metadata);
    std::unexpected<Fault> undone(const std::string& name, Fault why);
    Result<Holder> holder_of(const std::vector<x509::Certificate>& pool,
                             const std::vector<Entry>& all) const;
    Result<Imported> take(const ImportSpec& spec, const Holder& found,
                          const std::vector<Entry>& all, const std::vector<x509::Certificate>& pool,
                          Time now);
    Result<void> write_new(const ImportSpec& spec, const std::string& name,
                           const std::vector<x509::Certificate>& chain, const Metadata& metadata);

    std::string directory_;
    KeyVault& vault_;
};

// The names of a certificate for another of the same kind; never its key (EX-126). What a subject
// of ours cannot have is told in `left_out`.
NewCertificate clone_of(const x509::Certificate& certificate, std::vector<std::string>& left_out);

}  // namespace valija::keystore
