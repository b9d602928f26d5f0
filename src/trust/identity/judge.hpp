// The one judge of certificates: evidence + a partner's rule + how the peer was reached +
// revocation state + a time give a ladder.
//
// Promise: pure (no net, no store, no clock, no global), any thread; the same answer for the same
// arguments; fails closed: what could not be established is Unknown or Fail, never Pass.
// The steps added are Handshake, Chain, Dates, Revocation, Usage, Identity, OwnCertificate and
// Verdict, in this order; the caller has added Policy, Dns, Tcp, StartTls before where they apply.
// A step that the profile does not ask for (profiles.cpp has the table) is NotApplicable and says
// why. A match by a name from unsigned DNS proves the path, with Warn.
// Called by: policy (the client, at MAIL FROM), deliver (the server, after the handshake),
// explain. Standards: RFC 5280 6, RFC 9525, RFC 7672; the profiles as in docs/guide/matching.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "platform/base/time.hpp"
#include "trust/identity/comparison.hpp"
#include "trust/identity/ladder.hpp"
#include "trust/identity/reached.hpp"
#include "trust/identity/rule.hpp"
#include "trust/revocation/book.hpp"
#include "trust/x509/anchors.hpp"
#include "trust/x509/evidence.hpp"

namespace valija::identity {

// What is known of our own certificate beside itself (EX-25, EX-34): what its CA's list says.
struct OwnStatus {
    bool is_known = false;
    revocation::State revocation = revocation::State::Unknown;
    Text evidence;
};

// How near the end of a certificate of ours is: 30, 14, 7 or 1, the least number of days that is
// still true; 0: further away than all, or past.
int days_of_reminder(Duration left);

Ladder judge(const Rule& rule, const x509::Evidence& evidence, const Reached& reached,
             Direction direction, const revocation::Book& book, Time now, Ladder before = {},
             const OwnStatus& own = {});

// The path that judge() looked at with the same arguments, for people who want to see it.
x509::Path judged_path(const Rule& rule, const x509::Evidence& evidence, const Reached& reached,
                       Direction direction, const revocation::Book& book, Time now);

// Where the chain's lists are published and who signs them: what the keeper should want. Of the
// path that judge() takes, which may be another one once a list has come. All
// certificates of the path but its last; nothing where the path does not hold (dates apart).
struct WantedList {
    std::string url;
    x509::Certificate issuer;
    std::optional<x509::Certificate> about = {};  // an OCSP responder: the certificate to ask for
};

// Whether the judgement lacked a list: then, and only then, wanted_lists() are to be fetched.
bool lacks_revocation(const Ladder& ladder);

std::vector<WantedList> wanted_lists(const Rule& rule, const x509::Evidence& evidence,
                                     const Reached& reached, Direction direction,
                                     const revocation::Book& book, Time now);

}  // namespace valija::identity
