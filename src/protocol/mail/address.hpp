// Mail addresses and envelopes as SMTP writes them (RFC 5321 4.1.2).
//
// Promise: what is parsed here is syntactically valid and within the RFC's sizes (local part 64,
// domain 255, path 256). Source routes are accepted and dropped (RFC 5321 4.1.1.3).
// Not here: SMTPUTF8 (addresses are ASCII), address literals other than IPv4 and IPv6 in brackets.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace valija::mail {

struct Address {
    std::string local;   // as written, quotes kept
    std::string domain;  // lower case; "[192.0.2.1]" for a literal; empty only for <Postmaster>

    std::string text() const { return domain.empty() ? local : local + "@" + domain; }

    friend bool operator==(const Address&, const Address&) = default;
};

// "user@example.org", without angle brackets.
std::optional<Address> parse_address(std::string_view text);

// A reverse-path: nullopt inside = the null sender "<>".
using ReversePath = std::optional<Address>;

struct Recipient {
    Address address;
    std::string notify;    // RFC 3461 NOTIFY as given, empty = default
    std::string original;  // RFC 3461 ORCPT as given
};

struct Envelope {
    ReversePath sender;
    std::vector<Recipient> recipients;
    bool eight_bit = false;  // BODY=8BITMIME

    std::string sender_text() const { return sender ? sender->text() : std::string(); }
};

}  // namespace valija::mail
