// Answers what the server asks of the custody of its keys: the worker's inside, without its
// sockets.
//
// Promise: whatever bytes come, an answer goes; no private key is in any answer but sealed in a
// PKCS#12, and that only where the vault allows it. A key is read once and kept for an hour after
// its last use, 1000 at most, and known by its public half: so that a handshake which began before
// a renewal ends after it, and a file that was changed underneath is not used for another's name.
// Thread: any; signatures run side by side, the rest one by one.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "trust/keystore/internal/custody_wire.hpp"

namespace valija::keystore::internal {

class CustodyDesk {
  public:
    using SteadyTime = std::chrono::steady_clock::time_point;

    // OnlySigning: no key is made, taken, given or removed, whoever asks; what a server needs.
    enum class Duties { All, OnlySigning };

    explicit CustodyDesk(KeyVault& vault, Duties duties = Duties::All)
        : vault_(vault), duties_(duties) {}

    std::string answer(std::string_view message, SteadyTime now);

  private:
    struct Kept {
        KeyHandle key;
        SteadyTime used;
    };

    Answer done(const Ask& ask, SteadyTime now);
    Answer sign(const Ask& ask, SteadyTime now);
    Answer open(const Ask& ask, SteadyTime now);
    Answer examine(const Ask& ask);
    Answer seal(const Ask& ask);
    Result<KeyHandle> key_of(const Ask& ask, SteadyTime now);
    void keep(const std::string& id, const KeyHandle& key, SteadyTime now);

    KeyVault& vault_;
    Duties duties_;
    std::mutex vault_use_;
    std::mutex kept_use_;
    std::map<std::string, Kept> kept_;  // by the key's id
};

}  // namespace valija::keystore::internal
