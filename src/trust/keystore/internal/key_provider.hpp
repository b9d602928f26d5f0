// What the two halves of the provider share: the key, and the tables of functions.
#pragma once

#include <openssl/core_dispatch.h>

#include "trust/keystore/internal/remote_key.hpp"

namespace valija::keystore::internal {

struct RemoteKey {
    bool is_rsa = false;
    std::shared_ptr<evp_pkey_st> public_half;
    std::shared_ptr<RemoteSigner> signer;  // null: a public key that came to be compared
    std::string name;
    std::string id;
};

using RemoteKeyPointer = std::shared_ptr<const RemoteKey>;

// What OpenSSL holds as the key's data.
struct KeyData {
    bool is_rsa = false;
    RemoteKeyPointer key;
};

inline constexpr auto kProvider = "valija-custody";
inline constexpr auto kOurs = "provider=valija-custody";

extern const OSSL_DISPATCH kSignatureFunctions[];

}  // namespace valija::keystore::internal
