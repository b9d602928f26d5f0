// The programs round Valija: a name server (NSD), a web server for revocation lists and OCSP
// answers (Python's), and mailboxes (Dovecot, LMTP and IMAP). All in the foreground, as the calling
// user, on loopback.
//
// Promise: a started service answers on its address. Thread: main. Failure: Fault with the last
// lines of what the program printed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "platform/base/result.hpp"
#include "programs/lab/addresses.hpp"
#include "programs/lab/process.hpp"

namespace valija::lab {

// One clear sentence naming program and Debian package for each program that is missing.
std::vector<std::string> missing_programs();

struct Zone {
    std::string domain;
    std::string records;     // lines of a zone file, without SOA and NS
    bool is_signed = false;  // DNSSEC, by a key of its own
    unsigned serial = 1;
};

Result<Child> start_name_server(const std::string& directory, const Place& place,
                                const std::vector<Zone>& zones);

// A zone that the name server has already, with other records and a higher serial; it answers from
// it then.
Result<void> replace_zone(const Child& name_server, const std::string& directory,
                          const Place& place, const Zone& zone);

// The file of a signed zone's key, for whoever is to trust it.
std::string zone_anchor(const std::string& directory, const std::string& domain);

// A question by POST (OCSP) gets the file of its path as well.
Result<Child> start_web_server(const std::string& directory, const std::string& output_file,
                               const Place& place);

// Passes SMTP on to `server`, with the offer of STARTTLS made unreadable, as some firewalls do.
Result<Child> start_masking_relay(const Place& place, const Place& server,
                                  const std::string& output_file);

struct MailboxPlan {
    std::string directory;  // is made: configuration, users, mail
    Place lmtp;
    Place imap;  // at the address of `lmtp`
    std::string domain;
    std::vector<std::string> users;  // local parts, of any domain that comes here
    std::string password;            // of all of them
};

// Dovecot neither logs in nor keeps mail as root: called by root it runs as nobody, who must be
// able to reach `directory`.
Result<Child> start_mailboxes(const MailboxPlan& plan);

}  // namespace valija::lab
