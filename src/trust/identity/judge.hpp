// The one judge of certificates: evidence + a partner's rule + revocation state + a time give a
// ladder.
//
// Promise: pure (no net, no store, no clock, no global), any thread; the same answer for the same
// arguments; fails closed: what could not be established is Unknown or Fail, never Pass.
// The steps added are Handshake, Chain, Dates, Revocation, Usage, Identity, OwnCertificate and
// Verdict, in this order; the caller has added Policy, Dns, Tcp, StartTls before where they apply.
// Called by: policy (the client, at MAIL FROM), deliver (the server, after the handshake),
// explain. Standards: RFC 5280 6, RFC 9525 for words; profile `exchange` as in
// docs/guide/matching.md (its loose rules live only there).
#pragma once

#include <string>
#include <vector>

#include "platform/base/time.hpp"
#include "trust/identity/ladder.hpp"
#include "trust/identity/reached.hpp"
#include "trust/revocation/book.hpp"
#include "trust/x509/anchors.hpp"
#include "trust/x509/evidence.hpp"

namespace valija::identity {

enum class Direction { Inbound, Outbound };  // the peer is the client / the server
enum class Profile { Exchange };             // the others come with `strict`, `pinned`, …
enum class RevocationMode { Require, BestEffort, Off };
enum class ClientEku { Strict, ServerAuthTolerated };

struct Rule {
    std::string partner;
    std::string domain;              // the partner domain in question, lower case
    std::vector<std::string> names;  // further reference names, exact
    Profile profile = Profile::Exchange;
    x509::Anchors anchors;
    RevocationMode revocation = RevocationMode::Require;
    Duration revocation_grace{0};
    ClientEku client_eku = ClientEku::Strict;
};

Ladder judge(const Rule& rule, const x509::Evidence& evidence, const Reached& reached,
             Direction direction, const revocation::Book& book, Time now, Ladder before = {});

// Where the chain's lists are published and who signs them: what the keeper should want. All
// certificates of the path but its last; nothing where the path does not hold (dates apart).
struct WantedList {
    std::string url;
    x509::Certificate issuer;
};

// Whether the judgement lacked a list: then, and only then, wanted_lists() are to be fetched.
bool lacks_revocation(const Ladder& ladder);

std::vector<WantedList> wanted_lists(const Rule& rule, const x509::Evidence& evidence, Time now);

}  // namespace valija::identity
