// The letter to a partner's postmaster about a path that could not be proven: ready to be sent.
//
// Promise: pure, any thread. Header fields (To, Subject, those of MIME), an empty line, plain text
// in UTF-8 in lines of at most 72 characters (commands and evidence of one long word excepted). It
// says what we tried and when, which steps failed with the evidence, what the partner has to do,
// how it can see the same itself, and who we are. Evidence was escaped when the ladder was made;
// facts of the configuration are escaped here. Of a ladder that is proven it says that all is well.
#pragma once

#include <string>
#include <vector>

#include "platform/base/phrase.hpp"
#include "platform/base/time.hpp"
#include "trust/identity/ladder.hpp"
#include "trust/identity/rule.hpp"

namespace valija::explain {

// What the ladder is about: a certificate that we have as a file, our own attempt to deliver, or
// what we expect a server of the partner to meet when it sends (its certificate is presumed).
enum class Occasion { File, Delivery, PresumedClient };

struct LetterFacts {
    std::string recipient;    // "postmaster@woodgrovebank.com"
    std::string domain;       // the partner's
    std::string our_host;     // "mail.contoso.com"; empty: not known
    std::string our_contact;  // "postmaster@contoso.com"; empty: not known
    Occasion occasion = Occasion::File;
    std::string host;  // Delivery: what we connected to; empty: there was no address
    std::string port = "25";
    std::string certificate;               // subject of what was judged; empty: none was shown
    std::string fingerprint;               // its SHA-256
    std::vector<std::string> others = {};  // more of the partner's that is not in order, for people
    identity::Direction direction = identity::Direction::Outbound;
    identity::Profile profile = identity::Profile::Exchange;  // how the partner is to be proven
    Time at;
};

std::string letter(const identity::Ladder& ladder, const LetterFacts& facts, Language language);

}  // namespace valija::explain
