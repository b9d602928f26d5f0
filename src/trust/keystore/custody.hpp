// The custody of the private keys: a process of its own, in which alone keys are read and used.
//
// Promise: keys are in the memory of that process alone. It reads `directory` and signs; for a
// command it also makes, takes, seals and removes keys. It has no network, cannot start programs,
// is not traced and leaves no core; as root it becomes the user `valija-keys` where that user
// exists, and takes the directory and its keys over for it. It ends when its starter ends, however
// that came. So whoever breaks into the server gets signatures while he is there, and no key, if
// the server is not that user (programs/privileges.hpp); where both are the same user the files can
// be read. For a server it is started again after a crash, at once and then ever later: calls
// during that time fail (Fault Network or Timeout), handshakes end as temporary failures, and
// nothing else is lost. How: fork without exec, before the starter has threads or has parsed
// anything: start() must be called then (it stops the process otherwise). For a server a guardian
// stays in between, which only forks: a process with threads could not do that safely. Keys may be
// on PKCS#11 tokens too (`<name>.pkcs11`), whose modules run in this process alone. Faults of
// start(): System, with the reason; what failed in the child is on standard error. Threads: start()
// the main one, vault() any.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "trust/keystore/vault.hpp"

namespace valija::keystore {

struct CustodyOptions {
    std::string directory;
    size_t channels = 1;         // calls at a time
    bool is_for_server = false;  // kept alive by a guardian, and signs only
    std::string token = {};      // the `pkcs11:` URI that locate() and attach() will be asked for
    std::string user = "valija-keys";
};

class Custody {
  public:
    static Result<std::unique_ptr<Custody>> start(const CustodyOptions& options);
    ~Custody();

    // Its handles may outlive the custody; they cannot sign then.
    KeyVault& vault();

    // Called by the thread that finds a new process in the place of one that ended: it crashed, or
    // a new token was to be opened. `told` must not use the vault.
    void on_restart(std::function<void()> told);

    // Called once, by the thread that finds that the guardian is gone too: nothing will ever be
    // signed again. `told` must not use the vault.
    void on_loss(std::function<void()> told);

    struct Internal;
    explicit Custody(std::unique_ptr<Internal> internal);

  private:
    std::unique_ptr<Internal> internal_;
};

}  // namespace valija::keystore
