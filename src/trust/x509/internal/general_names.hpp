// Names of certificates in a form in which they can be compared (RFC 5280 4.2.1.6, 4.2.1.10, 7).
//
// Promise: pure after reading. Directory names are compared attribute by attribute, strings
// without distinction of case and of runs of blanks (RFC 5280 7.1, as OpenSSL does); values of
// other types byte by byte. Deviation: no Unicode case folding beyond ASCII.
#pragma once

#include <openssl/x509v3.h>

#include <optional>
#include <string>
#include <vector>

namespace valija::x509::internal {

enum class NameForm { Dns, Email, Ip, Uri, Directory, Other };

// One element an RDN, in the order of the certificate.
using DirectoryName = std::vector<std::string>;

struct Name {
    NameForm form;
    std::string text;         // Dns in lower case; Ip raw; Other empty
    DirectoryName directory;  // Directory only
};

struct Names {
    DirectoryName subject;
    std::vector<Name> alternative;
    std::vector<std::string> common_names;    // UTF-8
    std::vector<std::string> subject_emails;  // emailAddress in the subject
};

struct NameConstraints {
    std::vector<Name> permitted;
    std::vector<Name> excluded;
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
