// What is known about one certificate's revocation.
#pragma once

#include <string>

#include "platform/base/phrase.hpp"

namespace valija::revocation {

enum class State { Good, Revoked, Unknown };

// Why it is not known: whose turn it is depends on it.
enum class Lack {
    None,
    NotNamed,     // the certificate names no list and no list of its issuer is known
    NotFetched,   // nobody has tried yet
    Unreachable,  // its host, the way there, or the proxy does not answer
    Unusable,     // what is published there is no list that counts: not found, forged, malformed
    OutOfDate,    // or dated in the future
};

struct Status {
    State state = State::Unknown;
    Text evidence;    // "list http://… of 2026-…, good until …" or why it is unknown
    std::string url;  // the list that decided, or the one that is missing
    Lack lack = Lack::None;
};

}  // namespace valija::revocation
