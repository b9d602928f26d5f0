// `valija certificate verify`: a certificate from a file, judged as a session would judge it
// (EX-41, issue 4 "Explain").
//
// Promise: needs no server and no configuration; the judgement is identity::judge(), and what is
// shown of it is its ladder without the steps that only a session has. Nothing is fetched unless
// `fetch` is given. Fails closed: what could not be read never helps a certificate, and with lists
// every certificate of the path below its anchor must have a status (a missing one: Rejected).
// Each of the references must be proven: every name, every address.
// The input is hostile: bounded, escaped, never a Fault. Thread: any; `fetch` may block.
// Not here: files (programs), how it is shown (verify_text.hpp).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "platform/base/phrase.hpp"
#include "platform/base/result.hpp"
#include "platform/base/time.hpp"
#include "trust/dane/tlsa.hpp"
#include "trust/identity/comparison.hpp"
#include "trust/identity/judge.hpp"

namespace valija::explain {

struct NamedBytes {
    std::string name;  // of the file, for people
    std::string bytes;
};

// What is to be fetched: a list, or with a body an OCSP answer.
struct FetchOrder {
    std::string url;
    std::string body = {};
};

// Fetches all of these, in their order; may block.
using FetchAll =
    std::function<std::vector<Result<std::string>>(const std::vector<FetchOrder>& orders)>;

struct VerifyQuestion {
    NamedBytes file;                // the first certificate is judged, the rest are untrusted
    std::vector<NamedBytes> trust;  // each certificate is an anchor
    bool system_roots = true;       // where no `trust` was given
    std::vector<NamedBytes> untrusted;
    std::vector<NamedBytes> lists;          // CRLs
    std::vector<std::string> names;         // DNS names, lower case, no final dot
    std::vector<std::string> ip_addresses;  // 4 or 16 bytes each
    std::vector<std::string> emails;
    identity::Profile profile = identity::Profile::Strict;
    std::vector<std::string> pins;  // of profile `pinned`
    std::vector<dane::Tlsa> tlsa;   // of profile `dane`; taken as validated by DNSSEC
    identity::Direction direction = identity::Direction::Outbound;  // the peer is a server
    Time at;                                                        // whole seconds
    size_t most_intermediates = x509::PathQuestion{}.most_intermediates;
    FetchAll fetch;  // empty: offline
};

enum class Verdict { Accepted, Rejected, Unknown };

struct VerifyAnswer {
    Verdict verdict = Verdict::Unknown;
    identity::Ladder ladder;
    x509::Path path;                          // what was judged, as far as it came
    std::optional<x509::Certificate> leaf;    // none: it could not be read
    std::vector<identity::Comparison> names;  // reference beside presented names
    std::vector<Text> warnings;               // what was left out
};

VerifyAnswer verify(const VerifyQuestion& question);

std::string_view verdict_text(Verdict verdict);  // "accepted", "rejected", "unknown"

}  // namespace valija::explain
