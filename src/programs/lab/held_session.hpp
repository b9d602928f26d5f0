// A session with a mail server that stays open while other things happen: swaks cannot do that.
//
// Promise: STARTTLS is done, no certificate of ours is shown, and the server's is not judged: what
// it showed is what there is to see. Every wait has a deadline. Failure: Fault. Thread: main.
#pragma once

#include <memory>
#include <string>

#include "programs/lab/addresses.hpp"
#include "trust/x509/certificate.hpp"

namespace valija::lab {

class HeldSession {
  public:
    static Result<HeldSession> open(const Place& server);
    HeldSession(HeldSession&& other) noexcept;
    HeldSession& operator=(HeldSession&&) = delete;
    ~HeldSession();

    const x509::Certificate& shown() const;

    // A command; the last line of its reply.
    Result<std::string> say(const std::string& command);

  private:
    struct Inside;
    explicit HeldSession(std::unique_ptr<Inside> inside);

    std::unique_ptr<Inside> inside_;
};

}  // namespace valija::lab
