// Names of certificates in a form in which they can be compared (RFC 5280 4.2.1.6, 4.2.1.10, 7).
//
// Promise: pure after reading. Directory names are compared attribute by attribute, strings
// without distinction of case and of runs of blanks (RFC 5280 7.1, as OpenSSL does); values of
// other types byte by byte. Deviation: no Unicode case folding beyond ASCII.
#pragma once

#include <openssl/x509v3.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace valija::x509::internal {

// Of a type that holds text (DirectoryString, IA5String).
bool is_text(const ASN1_STRING* value);

enum class NameForm { Dns, Email, Ip, Uri, Directory, Other };

// One element an RDN, in the order of the certificate.
using DirectoryName = std::vector<std::string>;

struct Name {
    NameForm form;
    std::string text;         // Dns in lower case; Ip raw; Other empty
    DirectoryName directory;  // Directory only
};

// Names of any form, and which forms there are without looking at all of them again.
class NameList {
  public:
    void add(Name name) {
        forms_ |= bit(name.form);
        all_.push_back(std::move(name));
    }

    bool has(NameForm form) const { return (forms_ & bit(form)) != 0; }

    const std::vector<Name>& all() const { return all_; }

    size_t size() const { return all_.size(); }

    bool empty() const { return all_.empty(); }

  private:
    static unsigned bit(NameForm form) { return 1U << static_cast<unsigned>(form); }

    std::vector<Name> all_;
    unsigned forms_ = 0;
};

struct Names {
    DirectoryName subject;
    NameList alternative;
    std::vector<std::string> common_names;    // UTF-8
    std::vector<std::string> subject_emails;  // emailAddress in the subject
};

struct NameConstraints {
    NameList permitted;
    NameList excluded;
    bool is_malformed = false;  // nothing can be decided by it: whatever is below is refused
};

DirectoryName directory_name(const X509_NAME* name);

// The same for names that match, different for others.
std::string canonical_name(const DirectoryName& name);

std::optional<Name> read_name(const GENERAL_NAME* name);
NameConstraints read_constraints(const NAME_CONSTRAINTS* native);

// A dNSName as it may stand in a certificate: a host name, or one behind "*.".
bool is_dns_name(std::string_view name);
bool is_mailbox(std::string_view text);  // one "@", with a host name behind it

}  // namespace valija::x509::internal
