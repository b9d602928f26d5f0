// What the commands of our own certificates share: the store under `--home`, who uses which
// certificate, and how one is shown.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "programs/commands/commands.hpp"
#include "trust/keystore/certificate_store.hpp"
#include "trust/keystore/custody.hpp"
#include "trust/keystore/keystore.hpp"
#include "trust/revocation/book.hpp"
#include "trust/x509/anchors.hpp"

namespace valija::programs {

constexpr auto kSelfSignedLife = std::chrono::hours(24 * 365);  // EX-124: 12 months

struct OwnCertificates {
    std::unique_ptr<keystore::Custody> custody;
    keystore::CertificateStore store;
};

// Makes `keys/` where it is missing. `token`: the key on a token that the command is about, or "".
Result<OwnCertificates> open_certificates(const std::string& home, const std::string& token = {});

// The value of --key where it names a key on a token, or "".
std::string token_named(const Invocation& invocation);

// As a server would load them; none where there is no `keys/`. Their keys cannot sign any more.
Result<keystore::KeyStore> load_certificates(const std::string& home);

// "receive connector Inet", "partner woodgrove", …, by the name that they look a certificate up by.
std::map<std::string, std::vector<std::string>> certificate_users(
    const settings::Directory& directory);

// For judging our own: the operator's anchors (etc/anchors/*.pem) and the system's.
struct OurAnchors {
    x509::Anchors of_operator;
    x509::Anchors of_system;
};

OurAnchors our_anchors(const std::string& home);

// Exchange's words (semantics 2.4).
struct Standing {
    std::string status;        // Valid, DateInvalid, Untrusted, Invalid, PendingRequest, Revoked,
                               // RevocationCheckFailure
    std::string root_ca_type;  // Registry, Enterprise, ThirdParty, Unknown
    std::string text;          // why, where it is not Valid
};

// Revocation is not looked at: a new certificate's lists are not there yet.
Standing standing_of(const keystore::Entry& entry, const OurAnchors& anchors, Time now);

// With the lists that the server of `home` has fetched, if it ever wanted any.
class Standings {
  public:
    Standings(const std::string& home, Time now);
    Standing of(const keystore::Entry& entry) const;

  private:
    OurAnchors anchors_;
    std::optional<revocation::Book> book_;
    Time now_;
};

std::string services_text(const keystore::Entry& entry);  // "smtp" or "none"
std::vector<std::string> domains_of(const keystore::Entry& entry);
boost::json::object json_of(const keystore::Entry& entry, const Standing& standing);

// Says what is wrong; gives status::no for what was refused, status::unknown for what failed.
int complain(const Fault& fault);

// Prints `object`, or `text` and then whether the running server has the change.
int tell_change(const Invocation& invocation, const std::string& text, boost::json::object object);

// A file of the operator, for the options that name one; a complaint is printed.
Result<std::string> file_named(const Invocation& invocation, const std::string& option,
                               size_t limit);
Result<std::string> password_of(const Invocation& invocation);

// Never over a file that is there.
Result<void> write_new_file(const std::string& path, std::string_view content, unsigned mode);

}  // namespace valija::programs
