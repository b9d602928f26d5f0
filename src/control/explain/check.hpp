// `valija check PARTNER`: the live directory, run in both directions with the code of delivery and
// policy, without a message (issue 4 "Explain"; EX-08, CI-42, EH-03).
//
// Promise: what is told of a path is the ladder that a delivery or a MAIL FROM would meet now; no
// counter and no event comes of it, and nobody's queue is touched. Bounded: at most 10 domains, 10
// addresses and 60 seconds; 20 seconds for one address. When they are over nothing more is begun: a
// look-up on its way ends by the resolver's deadline; what was left is told and makes it Unsure.
// Revocation lists that are missing are asked for, waited for (8 seconds) and the same evidence is
// judged again; the judgement never fetches.
// What the partner shows as a client nobody knows before it comes: the inbound half presumes the
// certificate of its server, and says so; check_client() judges one that is given.
// Not here: how it is shown (check_text.hpp, check_json.hpp).
// Thread: any loop; the task stays on it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/base/phrase.hpp"
#include "transport/deliver/host_session.hpp"
#include "transport/deliver/parts.hpp"
#include "trust/identity/comparison.hpp"
#include "trust/revocation/keeper.hpp"

namespace valija::explain {

// Good: proven, or nothing has to be proven. Unsure: could not be told.
enum class Standing { Good, Unsure, Bad };

std::string_view standing_text(Standing standing);  // "proven", "unknown", "not proven"

// One attempt with one address of one host.
struct AddressReport {
    std::string host;
    std::string address;  // "192.0.2.1:25"
    deliver::Heard heard;
    std::optional<x509::Evidence> evidence;
    identity::Ladder ladder;                  // no steps where no rule asks for proof
    std::vector<identity::Comparison> names;  // reference beside presented names
    std::optional<deliver::Trouble> trouble;

    bool is_good() const { return !trouble && (ladder.steps.empty() || ladder.is_proven()); }
};

struct Outbound {
    std::string mode;       // "enforce", "monitor", "off", "" without a partner
    Text policy;            // with file:line
    Text dns;               // MX and whether the answer was validated
    identity::Ladder none;  // where no host could be reached for: the ladder that ends at dns
    std::vector<AddressReport> addresses;  // those that are not good first
    bool is_cut = false;                   // more addresses than were tried, or no time was left
    std::string reply;                     // what the sender of a message would come to read
    Text effect;                           // what becomes of mail now
    Standing standing = Standing::Unsure;
};

struct Inbound {
    std::string mode;
    Text policy;
    std::vector<Text> doors;  // each connector: what it shows and asks for
    bool doors_are_good = true;
    Text presumed;                            // whose certificate was judged, or why none was
    std::optional<x509::Certificate> judged;  // that certificate
    identity::Ladder ladder;
    std::vector<identity::Comparison> names;
    std::string reply;  // to MAIL FROM
    Text effect;
    Standing standing = Standing::Unsure;
};

struct DomainReport {
    std::string domain;
    std::string partner;                                      // empty: none has this domain
    identity::Profile profile = identity::Profile::Exchange;  // of the partner
    std::optional<Outbound> outbound;
    Inbound inbound;
};

struct CheckReport {
    std::vector<DomainReport> domains;
    std::vector<std::string> left_out = {};  // more domains than are looked at, or no time was left
    // Bad if mail to the partner is not proven or a door of ours is amiss; a presumed client that
    // would be refused makes it Unsure, and so does what was left out.
    Standing standing() const;
};

struct CheckParts {
    deliver::Parts deliver;  // its counters and its log are not used
    revocation::Keeper& keeper;
    std::string home;
};

using SteadyTime = std::chrono::steady_clock::time_point;

// "enforce", "monitor", "off"
std::string mode_word(partners::Mode mode);

// Every domain of a partner, or one domain. `domains` are lower case.
Task<CheckReport> check_domains(const CheckParts* parts, std::vector<std::string> domains,
                                SteadyTime end);

// A client that shows `chain` and says MAIL FROM:<postmaster@domain>.
DomainReport check_client(const CheckParts& parts, const std::vector<x509::Certificate>& chain,
                          const std::string& domain);

}  // namespace valija::explain
