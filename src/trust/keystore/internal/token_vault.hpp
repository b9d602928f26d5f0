// The vault of the custody: keys in files, and keys on tokens (`<name>.pkcs11`, a URI).
//
// Promise: tokens are opened in the constructor, all of them, before the process gives up what
// their modules may need (a socket, a device); what failed then is told at each use of that name. A
// URI file that came or changed since is read by a further process only: `begin_anew` is called,
// which ends this one (or returns, in tests: then the use fails). Thread: as the port (vault.hpp).
#pragma once

#include <functional>

#include "trust/keystore/vault.hpp"

namespace valija::keystore::internal {

// `uri`: a token's key that will be asked for by locate() and attach(), or "".
std::unique_ptr<KeyVault> make_token_vault(std::string directory, const std::string& uri,
                                           std::function<void()> begin_anew);

}  // namespace valija::keystore::internal
