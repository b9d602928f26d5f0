// What an outbound failure means: the one place that decides (design 3c, semantics 2.9).
//
// Promise: pure. A reply of the peer counts as it says, with one exception: before the path of an
// enforced partner is proven nothing is permanent, so that nobody on the way can make a partner's
// mail bounce. Everything of the network or of our own is temporary. Texts of peers are escaped.
#pragma once

#include <optional>
#include <string>

#include "protocol/smtp/client_dialog.hpp"
#include "protocol/smtp/reply.hpp"
#include "transport/route/plan.hpp"
#include "trust/identity/ladder.hpp"

namespace valija::deliver {

// The host that was talked to: "mail.example.org[192.0.2.1]:25".
struct Remote {
    std::string host;
    std::string address;

    std::string text() const { return host + "[" + address + "]"; }
};

struct Trouble {
    bool permanent = false;
    std::string status;      // RFC 3463: "4.4.1"
    std::string text;        // one sentence for queue, log and report
    std::string diagnostic;  // "454 4.7.5 Certificate validation failure, Reason:…"
    std::string remote;      // host name, empty where none was reached
    std::string tls;         // how the session was secured when it failed, empty without one
    bool of_tls = false;     // the handshake broke: in clear it might have gone
    identity::Ladder ladder;
};

// What the peer said; `phase` where the session ended by it. `believed`: 5xx is permanent.
Trouble from_reply(const smtp::Reply& reply, std::optional<smtp::Phase> phase, const Remote& remote,
                   bool believed);

// The connection or something of ours failed.
Trouble from_fault(const Fault& fault, smtp::Phase phase, const Remote& remote);

// The path to an enforced partner could not be proven; the ladder says where.
Trouble from_ladder(identity::Ladder ladder, const Remote& remote);

// The plan itself leads nowhere. Only for kinds other than Mailbox and Smtp.
Trouble from_plan(const route::Plan& plan);

// The address of one of the plan's hosts could not be asked for.
Trouble from_look_up(const route::Plan& plan, const Fault& fault, const std::string& host);

// None of the plan's hosts has an address.
Trouble without_address(const route::Plan& plan);

}  // namespace valija::deliver
