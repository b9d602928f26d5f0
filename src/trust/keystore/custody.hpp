// The custody of the private keys: a process of its own, in which alone keys are read and used.
//
// Promise: whoever breaks into the server gets signatures while it is there, never a key. The
// process reads `directory`, makes keys there and signs; it has no network, cannot start programs,
// is not traced and leaves no core; as root it becomes the user `valija-keys` where that user
// exists, and takes the directory and its keys over for it. It ends when its starter ends, however
// that came. For a server it is started again after a crash, at once and then ever later: calls
// during that time fail (Fault Network or Timeout), handshakes end as temporary failures, and
// nothing else is lost.
// How: fork without exec, before the starter has threads or has parsed anything: start() must be
// called then (it stops the process otherwise). For a server a guardian stays in between, which
// only forks: a process with threads could not do that safely.
// Keys may be on PKCS#11 tokens too (`<name>.pkcs11`), whose modules run in this process alone.
// Faults of start(): System, with the reason; what failed in the child is on standard error.
// Threads: start() the main one, vault() any.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "trust/keystore/vault.hpp"

namespace valija::keystore {

struct CustodyOptions {
    std::string directory;
    size_t channels = 1;         // calls at a time
    bool is_kept_alive = false;  // by a guardian
    std::string token = {};      // the `pkcs11:` URI that locate() and attach() will be asked for
    std::string user = "valija-keys";
};

class Custody {
  public:
    static Result<std::unique_ptr<Custody>> start(const CustodyOptions& options);
    ~Custody();

    // Its handles may outlive the custody; they cannot sign then.
    KeyVault& vault();

    // Called by the thread that finds a new process in the place of a crashed one.
    void on_restart(std::function<void()> told);

    struct Internal;
    explicit Custody(std::unique_ptr<Internal> internal);

  private:
    std::unique_ptr<Internal> internal_;
};

}  // namespace valija::keystore
