// TLSA records as values (RFC 6698, 7671), and what DNS said about them (RFC 7672).
//
// Promise: plain data; whether a record is usable or matches is judged by trust/identity.
// Not here: asking DNS (platform/net).
#pragma once

#include <string>
#include <vector>

namespace valija::dane {

struct Tlsa {
    unsigned usage = 0;     // 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE
    unsigned selector = 0;  // 0 whole certificate, 1 subject public key info
    unsigned matching = 0;  // 0 exact, 1 SHA-256, 2 SHA-512
    std::string data;       // raw bytes
};

// What a look-up gave. Only a secure answer proves anything.
enum class TlsaState {
    NotAsked,
    None,      // no records, or the zone is not signed: nothing is promised
    Insecure,  // records, but not validated
    Failed,    // bogus, or the look-up failed: never treated as "none"
    Secure,    // validated records
};

struct TlsaAnswer {
    TlsaState state = TlsaState::NotAsked;
    std::string base_domain;  // of the records: the MX host, or its expansion by CNAME
    std::vector<Tlsa> records;
};

}  // namespace valija::dane
