// Where next, and how secure must it be?
//
// Promise: hops in the order in which they must be tried (RFC 5321 5.1; equal preferences in
// random order), never ourselves or anything behind us; the proof that the strictest applicable
// rule demands, with its reason (design decision 13; here: the partner's rule, else opportunistic).
// A partner's `routes` take the place of MX: by priority, equal ones as written (CI-39). Then MX is
// asked only for the reference name of a route that is an address, and its failure stops nothing.
// The caller must still: connect once only to hosts that have the same address.
// A plan is always given: that DNS could not be asked is as much an answer as null MX or no such
// domain. Not here: connecting, judging, what a failure means. Any thread.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "directory/partners/partners.hpp"
#include "platform/base/phrase.hpp"
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
    Forged,        // DNS answered, and DNSSEC says that it is not the domain's answer
    Unset,         // our own domain, and no mailbox server is set
};

enum class Proof { Opportunistic, Monitor, Verified };

struct Plan {
    Kind kind = Kind::Smtp;
    std::string domain;
    std::vector<std::string> hosts;  // in order; a literal in brackets; Mailbox: one "addr:port"
    Proof proof = Proof::Opportunistic;
    Text reason;  // "partner woodgrovebank (etc/partners.d/…:3): send = enforce"
    Text dns;     // "MX 10 mail.woodgrovebank.com (not signed)", or why there is none
    std::vector<std::string> routes;  // explicit next hops, names and addresses, for the judge
    std::string mx_host;              // best MX of the domain, where a route is an address (CI-38)
    bool mx_secure = false;           // the MX answer was validated by DNSSEC
    std::shared_ptr<const partners::PartnerRules> partner;  // null without a rule
    settings::Send connector;
};

Task<Plan> plan(std::shared_ptr<const partners::World> world, std::string domain,
                net::Resolver* resolver);

// Which addresses were tried. Routes that lead to one address are connected to once, and any of
// their names may match (CI-39); of MX hosts each is tried for itself, because its name counts.
class Tried {
  public:
    bool is_first(const Plan& plan, const std::string& host,
                  const boost::asio::ip::tcp::endpoint& endpoint) {
        return tried_.insert({plan.routes.empty() ? host : std::string(), endpoint}).second;
    }

  private:
    std::set<std::pair<std::string, boost::asio::ip::tcp::endpoint>> tried_;
};

// Whether we listen there ourselves: mail that goes there comes back.
bool is_ourselves(const settings::Directory& directory,
                  const boost::asio::ip::tcp::endpoint& endpoint);

// The addresses of one of plan's hosts with the port of the setting. Empty: it has none.
Task<Result<std::vector<boost::asio::ip::tcp::endpoint>>> addresses(Plan plan, std::string host,
                                                                    uint16_t port,
                                                                    net::Resolver* resolver);

}  // namespace valija::route
