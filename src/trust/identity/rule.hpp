// What a partner must prove: the values that the directory turns a partner's file into.
//
// Promise: plain data, immutable while a judgement runs. Names are lower case A-labels, checked by
// directory/settings; pins are 64 upper-case hexadecimal digits.
// Not here: what a profile does with them (profiles.hpp).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/time.hpp"
#include "trust/x509/anchors.hpp"

namespace valija::identity {

enum class Direction { Inbound, Outbound };  // the peer is the client / the server

// The match profiles, docs/guide/matching.md.
enum class Profile { Exchange, CiscoVerify, CiscoHosted, Strict, Pinned, Direct, Dane };

std::string_view profile_text(Profile profile);  // "exchange", "cisco-verify", …
std::optional<Profile> profile_of(std::string_view word);

enum class RevocationMode { Require, BestEffort, Off };
enum class ClientEku { Strict, ServerAuthTolerated };

struct Rule {
    std::string partner;
    std::string domain;              // the partner domain in question, lower case
    std::vector<std::string> names;  // further reference names
    Profile profile = Profile::Exchange;
    x509::Anchors anchors;
    RevocationMode revocation = RevocationMode::Require;
    Duration revocation_grace{0};
    ClientEku client_eku = ClientEku::Strict;
    std::vector<std::string> pins = {};          // profile `pinned`: SHA-256 of the public key info
    std::vector<x509::Certificate> direct = {};  // profile `direct`: exactly these certificates
    // Of `certificate verify` alone.
    bool path_only = false;  // no name was asked for: names do not count, keys do
    std::vector<std::string> ip_addresses = {};  // 4 or 16 bytes each; all must be there
    std::vector<std::string> emails = {};        // the same
    size_t most_intermediates = x509::PathQuestion{}.most_intermediates;
    x509::PathBounds bounds = x509::kSessionBounds;
};

}  // namespace valija::identity
