// The steps of an outbound ladder that come before the judgement: policy, dns, tcp, starttls,
// handshake. Each function gives the ladder of an attempt that came so far.
//
// Promise: pure; texts of peers are escaped. The ladders of attempts that went no further are
// concluded. Only for plans with a partner's rule: nobody else's path is judged. A stripped or
// altered STARTTLS is told from a server that has none (EX-08).
#pragma once

#include <string>
#include <vector>

#include "protocol/smtp/client_dialog.hpp"
#include "transport/deliver/trouble.hpp"
#include "transport/route/plan.hpp"
#include "trust/identity/ladder.hpp"
#include "trust/identity/reached.hpp"

namespace valija::deliver {

// What the server said before the handshake, escaped, and how it was reached.
struct Heard {
    std::string greeting;             // "220 mail.woodgrovebank.com ESMTP"
    std::vector<std::string> offers;  // of the first EHLO, a line each
    std::string refused_hello;        // the reply to EHLO where it was no 250
    identity::Reached reached;
};

// DNS leads nowhere, or could not be asked: `why` says it.
identity::Ladder ladder_without_host(const route::Plan& plan, const std::string& why);

// The session ended in this phase, before the handshake was over. `why` is an escaped text.
identity::Ladder ladder_broken_at(const route::Plan& plan, const Remote& remote, const Heard& heard,
                                  smtp::Phase phase, const std::string& why);

// The server said no in this phase.
identity::Ladder ladder_refused_at(const route::Plan& plan, const Remote& remote,
                                   const Heard& heard, smtp::Phase phase, const std::string& reply);

identity::Ladder ladder_without_starttls(const route::Plan& plan, const Remote& remote,
                                         const Heard& heard);

// The handshake failed; `why` are the words of the channel.
identity::Ladder ladder_broken_handshake(const route::Plan& plan, const Remote& remote,
                                         const Heard& heard, const Fault& why);

// STARTTLS is offered: what identity::judge() goes on with.
identity::Ladder ladder_before_handshake(const route::Plan& plan, const Remote& remote,
                                         const Heard& heard);

// TLS 1.3: the server refuses our certificate only after the handshake. A judged ladder with its
// step `own-certificate` failed; unknown where the server only left.
identity::Ladder with_refused_certificate(const identity::Ladder& judged, const std::string& why);

// Whether these words of TLS say that the other side refuses our certificate.
bool is_refusal_of_ours(const std::string& words);

// What stands where STARTTLS should be: "XXXXXXXA" in the place of an offer.
bool is_masked_offer(const std::string& line);

// "220 ****************": the greeting of a server behind a firewall that rewrites SMTP.
bool is_masked_greeting(const std::string& greeting);

}  // namespace valija::deliver
