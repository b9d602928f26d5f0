// The content of one message on its way into the spool: header section first, then the rest.
//
// Promise: the header section (bounded) is held until it is complete, then freed of forged marks,
// judged, and written with our trace and mark on top; everything after it streams through. After
// a refusal the rest is swallowed, so that the session stays in step with the client.
// Not here: socket, policy (the question is asked through `Judge`), commit. Thread: the session's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/smtp/content.hpp"
#include "protocol/smtp/reply.hpp"
#include "transport/policy/policy.hpp"
#include "transport/queue/spool.hpp"

namespace valija::receive {

class Intake {
  public:
    struct Limits {
        uint64_t message;
        size_t header;
    };

    // Header section in, decision out; called at most once.
    using Judge = std::function<policy::ContentDecision(std::string_view header)>;

    // What we put on top: our Received field; and the names in which only we may write marks.
    struct Stamp {
        std::string trace;
        std::vector<std::string> authserv_ids;
    };

    Intake(queue::Draft draft, Limits limits, Stamp stamp, Judge judge);

    // Takes bytes as they came from the wire; returns how many were used. Fewer than all: the
    // content has ended.
    size_t take(std::string_view wire);

    bool is_complete() const { return reader_.state() == smtp::ContentReader::State::Complete; }

    // The client goes on far beyond the limit: the session must end.
    bool is_hopeless() const;

    // After the end: what to answer instead of a commit, if anything.
    const std::optional<smtp::Reply>& refusal() const { return refusal_; }

    const mail::AuthenticationResults& mark() const { return mark_; }

    // "<…>" of the message's Message-ID field; empty where there is none that can be shown.
    const std::string& message_id() const { return message_id_; }

    queue::Draft take_draft() { return std::move(draft_); }

  private:
    void absorb();
    void try_header(bool at_end);
    void write_header(std::string_view header);
    void append(std::string_view bytes);
    void refuse(smtp::Reply reply);

    queue::Draft draft_;
    Limits limits_;
    Stamp stamp_;
    Judge judge_;
    smtp::ContentReader reader_;
    std::string pending_;  // the header section until it is complete, then the current chunk
    size_t searched_ = 0;
    bool header_done_ = false;
    uint64_t total_ = 0;
    std::optional<smtp::Reply> refusal_;
    mail::AuthenticationResults mark_;
    std::string message_id_;
};

// Whether a content that has gone on for so long comes too slowly: below 500 bytes a second after
// five minutes. A byte now and then must not hold a session.
bool is_too_slow(uint64_t bytes, Duration passed);

// The reply to a failure of our own while storing: 452 for a full disk, else 451.
smtp::Reply storage_reply(const Fault& fault);

}  // namespace valija::receive
