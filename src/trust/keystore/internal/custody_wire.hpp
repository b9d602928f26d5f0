// What the server and the custody of its keys say to one another.
//
// Promise: encoding and decoding are inverse, and a decoder takes any bytes: what is not exactly
// one message of ours is std::nullopt. Bounds: a message 6 MiB, 4000 texts in a list. No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trust/keystore/vault.hpp"

namespace valija::keystore::internal {

inline constexpr size_t kLargestMessage = 6U << 20U;

enum class Call : uint8_t {
    Sign = 1,
    Open,
    Create,
    Import,
    Read,
    Seal,
    List,
    Remove,
    Locate,
    Attach
};

enum class Padding : uint8_t { None, Pkcs1, Pss };  // None: ECDSA; Pss: salt as long as the digest
enum class Hash : uint8_t { Sha256, Sha384, Sha512 };

size_t size_of(Hash hash);  // bytes of the digest

// Every message has all fields; what a call does not use is empty.
struct Ask {
    Call call = Call::List;
    Padding padding = Padding::None;
    Hash hash = Hash::Sha256;
    KeyType type = KeyType::P256;
    Export may = Export::Never;
    std::string name;
    std::string id;     // SHA-256 of the SubjectPublicKeyInfo: which key it was
    std::string bytes;  // a digest; a file; a URI
    std::string password;
    std::string friendly_name;
    std::vector<std::string> chain;  // DER
};

struct Answer {
    std::optional<Fault> fault;
    Export may = Export::Never;
    std::string bytes;               // a signature; a SubjectPublicKeyInfo; a sealed copy
    std::string format;              // of a file read
    std::vector<std::string> texts;  // names; notes
    std::vector<std::string> chain;  // DER
};

std::string encode(const Ask& ask);
std::string encode(const Answer& answer);
std::optional<Ask> decode_ask(std::string_view bytes);
std::optional<Answer> decode_answer(std::string_view bytes);

}  // namespace valija::keystore::internal
