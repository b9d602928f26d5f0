// The port to the private keys: all that may be done with them.
//
// Promise: who uses the port gets handles that sign, never bytes of a key; the one way out is
// export_sealed(), encrypted, and only for a key that was marked exportable when it came. A name is
// taken once: what is there is never overwritten. After create() or import() has returned, the key
// survives a crash.
// Not here: certificates and requests (certificate_store.hpp). Faults: Input, what was given cannot
// be taken or is refused; System, the place of the keys failed. Thread: one at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trust/keystore/key.hpp"
#include "trust/keystore/key_file.hpp"

namespace valija::keystore {

enum class KeyType { P256, P384, Rsa2048, Rsa4096 };

std::optional<KeyType> key_type_of(std::string_view word);  // "p256", "rsa2048", …

enum class Export { Never, Allowed };

// What a sealed copy holds beside the key.
struct SealedCopy {
    std::vector<x509::Certificate> chain;  // leaf first
    std::string friendly_name;
    std::string password;
};

class KeyVault : public Signer {
  public:
    virtual Result<KeyHandle> create(const std::string& name, KeyType type, Export may) = 0;

    // Takes the one private key in `file` (PEM, DER or PKCS#12; see key_file.hpp).
    virtual Result<KeyHandle> import(const std::string& name, std::string_view file,
                                     std::string_view password, Export may) = 0;

    // What is in such a file. Its key is there to be compared: it need not be able to sign.
    virtual Result<KeyFile> examine(std::string_view file, std::string_view password) = 0;

    // A key on a PKCS#11 token, by its `pkcs11:` URI: looked at, or used from now on under a name.
    virtual Result<KeyHandle> locate(const std::string& uri) = 0;
    virtual Result<KeyHandle> attach(const std::string& name, const std::string& uri) = 0;

    virtual Result<KeyHandle> open(const std::string& name) = 0;
    virtual Result<Export> may_leave(const std::string& name) = 0;

    // PKCS#12 (AES-256, PBKDF2), readable by openssl(1) and Windows Server 2019 or newer.
    virtual Result<std::string> export_sealed(const std::string& name, const SealedCopy& copy) = 0;

    virtual Result<std::vector<std::string>> list() = 0;
    virtual Result<void> remove(const std::string& name) = 0;
};

// Names are names of files: up to 100 bytes, no path, not hidden.
bool is_key_name(std::string_view name);

// What key_for() of any vault says of a key that is another certificate's.
std::unexpected<Fault> not_its_key(const std::string& name);

// In this process: for the custody itself (custody.hpp) and for tests. It knows no tokens.
// Files `<name>.key` of `directory`, PKCS#8 in PEM, mode 0600. The mark of an exportable key stands
// in a line before the PEM block, within the same file. A file is written once, under a temporary
// name, and synced before it gets its own.
std::unique_ptr<KeyVault> make_file_vault(std::string directory);

}  // namespace valija::keystore
