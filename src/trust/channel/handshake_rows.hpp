// What a handshake puts into the protocol log (EX-86..88, semantics 2.12).
#pragma once

#include <string_view>

#include "platform/observe/protocol_log.hpp"
#include "trust/x509/evidence.hpp"

namespace valija::channel {

// `Sending certificate` and five rows for it, then `Received certificate` and five rows for it;
// what was not shown has no rows.
void log_handshake(observe::SessionRows& rows, const x509::Evidence& evidence);

void log_broken_handshake(observe::SessionRows& rows, std::string_view why);

}  // namespace valija::channel
