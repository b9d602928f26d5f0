// May it come in, and on whose authority? The inbound decisions (design 3c; semantics 2.8), each a
// value with its reply.
//
// Promise: pure but for reading the snapshots it is given; the same answer for the same arguments;
// certificates are judged by trust/identity alone. Mail of outsiders is never refused for lack of
// a certificate (IR-06). Not here: events, counters, limits, I/O. Any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "directory/partners/partners.hpp"
#include "platform/base/time.hpp"
#include "protocol/mail/address.hpp"
#include "protocol/mail/header.hpp"
#include "protocol/smtp/reply.hpp"
#include "trust/identity/judge.hpp"
#include "trust/revocation/book.hpp"
#include "trust/x509/evidence.hpp"

namespace valija::policy {

// What is known about the client of a session.
struct Client {
    bool domain_secure = true;  // the connector's flag
    bool may_relay = false;     // one of our own hosts
    bool tls_offered = true;    // we have a certificate to show
    std::optional<x509::Evidence> tls;
    identity::Reached reached;
};

// The answer at MAIL FROM. It stays in force for the one transaction.
struct SenderDecision {
    smtp::Reply reply;
    std::string domain;                                     // of the sender; empty: null sender
    std::shared_ptr<const partners::PartnerRules> partner;  // null: an outsider, or rule off
    identity::Ladder ladder;                                // empty where nothing was judged
    identity::Reason reason = identity::Reason::None;       // why the path is not proven
    bool proven = false;
    bool would_have_refused = false;           // monitor: enforce would have refused
    std::vector<identity::WantedList> wanted;  // lists whose lack made the answer "unknown"

    bool is_accepted() const { return reply.is_positive(); }
};

SenderDecision decide_sender(const partners::World& world, const Client& client,
                             const mail::ReversePath& sender, const revocation::Book& book,
                             Time now);

// The same decision for another sender of the domain: the path was judged a moment ago and nothing
// that it was judged by has changed.
SenderDecision again(const SenderDecision& earlier, const mail::ReversePath& sender);

// The answer at RCPT TO: our own domains for everybody, every domain for our own hosts.
smtp::Reply decide_recipient(const partners::World& world, const Client& client,
                             const mail::Recipient& recipient);

// The answer at the end of the header section: nullopt lets the message pass.
struct ContentDecision {
    std::optional<smtp::Reply> refusal;
    mail::AuthenticationResults mark;
};

ContentDecision decide_content(const partners::World& world, const SenderDecision& sender,
                               std::string_view fqdn, int64_t max_hops, std::string_view header);

}  // namespace valija::policy
