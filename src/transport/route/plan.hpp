// Where next, and how secure must it be?
//
// Promise: hops in the order in which they must be tried (RFC 5321 5.1; equal preferences in
// random order), never ourselves or anything behind us; the proof that the strictest applicable
// rule demands, with its reason (design decision 13; here: the partner's rule, else opportunistic).
// A plan is always given: that DNS could not be asked is as much an answer as null MX or no such
// domain. Not here: connecting, judging, what a failure means. Any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "directory/partners/partners.hpp"
#include "platform/base/task.hpp"
#include "platform/net/endpoint.hpp"
#include "platform/net/resolver.hpp"

namespace valija::route {

enum class Kind {
    Mailbox,       // our own mailbox server, by LMTP
    Smtp,          // the domain's mail servers
    NullMx,        // the domain takes no mail (RFC 7505)
    NoSuchDomain,  // the name does not exist, or has neither MX nor address
    Loop,          // the best mail server of the domain is ourselves
    LookUpFailed,  // DNS could not be asked
    Unset,         // our own domain, and no mailbox server is set
};

enum class Proof { Opportunistic, Monitor, Verified };

struct Plan {
    Kind kind = Kind::Smtp;
    std::string domain;
    std::vector<std::string> hosts;  // in order; a literal in brackets; Mailbox: one "addr:port"
    Proof proof = Proof::Opportunistic;
    std::string reason;  // "partner woodgrovebank (etc/partners.d/…): send = enforce"
    std::string dns;     // "MX 10 mail.woodgrovebank.com (not signed)", or why there is none
    std::shared_ptr<const partners::PartnerRules> partner;  // null without a rule
    settings::Send connector;
};

Task<Plan> plan(std::shared_ptr<const partners::World> world, std::string domain,
                net::Resolver* resolver);

// Whether we listen there ourselves: mail that goes there comes back.
bool is_ourselves(const settings::Directory& directory,
                  const boost::asio::ip::tcp::endpoint& endpoint);

// The addresses of one of plan's hosts with the port of the setting. Empty: it has none.
Task<Result<std::vector<boost::asio::ip::tcp::endpoint>>> addresses(Plan plan, std::string host,
                                                                    uint16_t port,
                                                                    net::Resolver* resolver);

}  // namespace valija::route
