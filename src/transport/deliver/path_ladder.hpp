// The steps of an outbound ladder that come before the judgement: policy, dns, tcp, starttls,
// handshake. Each function gives the ladder of an attempt that came so far.
//
// Promise: pure; texts of peers are escaped. The ladders of attempts that went no further are
// concluded. Only for plans with a partner's rule: nobody else's path is judged.
#pragma once

#include <string>

#include "protocol/smtp/client_dialog.hpp"
#include "transport/deliver/trouble.hpp"
#include "transport/route/plan.hpp"
#include "trust/identity/ladder.hpp"

namespace valija::deliver {

// DNS leads nowhere, or could not be asked: `why` says it.
identity::Ladder ladder_without_host(const route::Plan& plan, const std::string& why);

// The session ended in this phase, before the handshake was over.
identity::Ladder ladder_broken_at(const route::Plan& plan, const Remote& remote, smtp::Phase phase,
                                  const std::string& why);

identity::Ladder ladder_without_starttls(const route::Plan& plan, const Remote& remote);

// STARTTLS is offered: what identity::judge() goes on with.
identity::Ladder ladder_before_handshake(const route::Plan& plan, const Remote& remote);

}  // namespace valija::deliver
