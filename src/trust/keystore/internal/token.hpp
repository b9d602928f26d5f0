// A private key on a PKCS#11 token (a hardware module, or a program that acts as one).
//
// Promise: found by a `pkcs11:` URI (RFC 7512): the module by `module-path` or, without, among
// those that p11-kit is configured with; the token by `token`, `serial`, …; the key by `object` or
// `id`, which must fit exactly one; the PIN by `pin-value` or a file, `pin-source`. Signs there,
// and only there. A PIN is tried once, and not at all where the token says that one wrong try more
// locks it. RSA 2048 to 4096 bits, ECDSA on P-256 and P-384. Deviation: `pin-source` is a path, or
// a file: URI without a host. Faults: Input, the URI is wrong or fits no key; System, the module or
// the token failed. Signing waits for the token: no deadline is possible here. Thread: any, one
// signature at a time.
#pragma once

#include "trust/keystore/internal/remote_key.hpp"

namespace valija::keystore::internal {

Result<KeyHandle> token_key(const std::string& name, const std::string& uri);

}  // namespace valija::keystore::internal
