// The durable queue.
//
// Promise: commit() returns a QueueId only after content and envelope would survive loss of power.
// A message that has an id is never lost; a recipient may be delivered twice after a crash, never
// zero times. Bodies above `memory_bound` are never held in memory: they stream to a file.
// Settling recipients and queueing the report about them is one transaction.
// Not here: retry times (schedule.hpp), what failure means (deliver/trouble.hpp), reports
// (report/). Thread: Task functions from any loop, completion on the caller's executor; one writer
// thread inside groups the commits of all sessions. Failure: Fault System, or Full for lack of
// space; the caller answers 451 or 452, and the draft is gone. After a failed sync the file is
// dropped, not synced again. Leases live in memory: a restart releases all. What is read back is as
// hostile as the network: a damaged record is set aside and listed. States and their crash
// clean-up: docs/queue.md, tested by tests/crash.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.hpp"
#include "platform/base/task.hpp"
#include "platform/base/time.hpp"
#include "platform/observe/log.hpp"
#include "protocol/mail/address.hpp"

namespace valija::queue {

// 16 upper-case hexadecimal digits, unique for the life of the spool, in order of arrival.
using QueueId = std::string;

struct SpoolOptions {
    std::string directory;                 // DIR/spool
    size_t memory_bound = 256UL << 10U;    // a body larger than this streams to a file
    size_t max_batch = 256;                // commits in one transaction
    uint64_t reserve_bytes = 64UL << 20U;  // free space below which nothing new is taken
};

// Content being received. Bounded memory; what is not committed is removed with it.
class Draft {
  public:
    ~Draft();
    Draft(Draft&&) noexcept;
    Draft& operator=(Draft&&) noexcept;

    Result<void> append(std::string_view bytes);
    uint64_t size() const;

  private:
    friend class Spool;
    struct State;
    explicit Draft(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// Where the message came from: for reports and listings.
struct Arrival {
    Time time;
    std::string client;   // "192.0.2.1 (mx.example.org)"
    std::string session;  // session id
    std::string partner;  // name of the partner whose path was proven, or empty
    bool domain_secured = false;
    Time expires;
};

enum class RecipientState { Waiting, Delivered, Failed };

struct QueuedRecipient {
    int64_t number = 0;  // within the message
    mail::Recipient recipient;
    RecipientState state = RecipientState::Waiting;
    int attempts = 0;
    Time next_attempt;
    std::string last_text;    // last outcome in words
    std::string last_ladder;  // record form of the ladder of the last attempt, may be empty
};

struct QueuedMessage {
    QueueId id;
    mail::ReversePath sender;
    bool eight_bit = false;
    uint64_t size = 0;
    Arrival arrival;
    std::vector<QueuedRecipient> recipients;
};

// Recipients of one message for one domain, to be tried now.
struct Lease {
    QueueId id;
    std::string domain;
    QueuedMessage message;  // `recipients` holds only those of this lease
};

// What became of one recipient in an attempt.
struct Settlement {
    int64_t number = 0;
    RecipientState state = RecipientState::Waiting;
    Time next_attempt;  // for Waiting
    std::string text;
    std::string ladder;
};

// A message of our own to be queued in the same transaction (a delivery report).
struct NewMessage {
    mail::Envelope envelope;
    Arrival arrival;
    std::string content;
};

// The content of a queued message, in chunks; no more than `memory_bound` in memory at once.
class Body {
  public:
    ~Body();
    Body(Body&&) noexcept;
    uint64_t size() const;
    // The next chunk, empty at the end. Fault Input: the checksum does not match, and the message
    // is set aside. Only as long as the spool lives.
    // Reads a file of ours; blocking is bounded by one chunk (64 KiB).
    Result<std::string_view> next();

  private:
    friend class Spool;
    struct State;
    explicit Body(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

struct Summary {
    uint64_t messages = 0;
    uint64_t recipients = 0;
    std::optional<Time> oldest;
};

class Spool {
  public:
    static Result<std::unique_ptr<Spool>> open(SpoolOptions options, observe::Log log);
    ~Spool();  // finishes what was handed to the writer, then closes

    // Called on any thread whenever something may have become due (a commit, a release).
    void on_work(std::function<void()> wake);

    Draft begin();
    QueueId new_id();  // for the trace line, before commit
    Task<Result<void>> commit(QueueId id, Draft draft, mail::Envelope envelope, Arrival arrival);

    // Up to `limit` leases of recipients due at `now` that are not leased already, oldest first;
    // `is_blocked` skips domains that may not be tried now (called on the writer thread).
    Task<Result<std::vector<Lease>>> lease(Time now, size_t limit,
                                           std::function<bool(const std::string&)> is_blocked);
    // When the next unleased recipient becomes due; nullopt = nothing waits.
    Task<Result<std::optional<Time>>> next_due();

    // Records the outcome, queues the report if there is one, removes the message when no
    // recipient waits any more, and ends the lease. After a Fault nothing is recorded and the lease
    // is still held: settle again, or release().
    Task<Result<void>> settle(Lease lease, std::vector<Settlement> settlements,
                              std::optional<NewMessage> report);
    void release(const Lease& lease);  // nothing was tried

    Task<Result<Body>> open_body(QueueId id);

    // For operators; `after` pages by id.
    Task<Result<std::vector<QueuedMessage>>> list(QueueId after, size_t limit);
    Task<Result<std::optional<QueuedMessage>>> find(QueueId id);
    Task<Result<Summary>> summary();
    // Makes waiting recipients due now; empty id = all. Returns how many.
    Task<Result<uint64_t>> retry(QueueId id, Time now);
    std::vector<std::string> set_aside() const;  // damaged records, one line each

  private:
    struct Work;
    explicit Spool(std::unique_ptr<Work> work);
    std::unique_ptr<Work> work_;
};

}  // namespace valija::queue
