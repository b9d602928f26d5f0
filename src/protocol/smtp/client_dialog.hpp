// The client's side of an SMTP or LMTP session: replies in, bytes to send and needs out.
//
// Promise: commands go out pipelined where the server offers it (MAIL and RCPT… in one batch; RFC
// 2920) and one by one where it does not. DATA is said only once a recipient was accepted, so that
// no server can take an empty message for one of ours; the content only after a 354. Each recipient
// gets exactly one outcome for each message. tls_started() forgets all that was learned before.
// Not here: socket, clock, what a failure means (transport/deliver/trouble).
// Standards: RFC 5321, 1870, 2034, 2920, 3207, 6152; LMTP RFC 2033 (one reply a recipient).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/time.hpp"
#include "protocol/mail/address.hpp"
#include "protocol/smtp/reply.hpp"

namespace valija::smtp {

struct Capabilities {
    bool pipelining = false;
    bool eight_bit = false;
    bool starttls = false;
    bool enhanced_codes = false;
    std::optional<uint64_t> size;
};

// Where the session stands; each phase has its own deadline (RFC 5321 4.5.3.2) and its phrase,
// the same in log, report and explanation.
enum class Phase {
    Connect,
    Greeting,
    Hello,
    StartTls,
    Handshake,
    Mail,
    Recipient,
    Data,
    Content,
    EndOfData,
    Quit
};
Duration phase_deadline(Phase phase);
std::string_view phase_phrase(Phase phase);  // "waiting for the reply to the end of data"

class ClientDialog {
  public:
    struct Options {
        std::string client_name;  // EHLO or LHLO argument
        bool lmtp = false;
    };

    enum class Need {
        Reply,      // send output(), then read one reply and hear() it
        Decide,     // EHLO was answered: start_tls(), begin() or quit()
        Handshake,  // 220 to STARTTLS: input must be empty; shake hands; tls_started()
        Content,    // 354: send output() if any, then the content, then content_sent()
        Outcome,    // outcomes() are complete: begin() the next message or quit()
        Ended,      // the session is over (QUIT answered, or refused: see failure())
    };

    explicit ClientDialog(Options options);

    Need need() const { return need_; }

    Phase phase() const { return phase_; }

    // Bytes to send before the need is met; empties the buffer.
    std::string output();

    void hear(const Reply& reply);

    void start_tls();
    void tls_started();

    // A message of this size for these recipients (those of `envelope`, in order).
    // If content needs 8BITMIME and the server lacks it, it is sent as it is (RFC 6152 3 allows
    // to refuse; all servers of today take it).
    void begin(const mail::Envelope& envelope, uint64_t size);
    void content_sent();
    void quit();

    const Capabilities& capabilities() const { return capabilities_; }

    // Why the session ended before a message could be sent: the reply and the phase it came in.
    const std::optional<Reply>& failure() const { return failure_; }

    // After Need::Outcome: the final reply for each recipient, in order.
    const std::vector<Reply>& outcomes() const { return outcomes_; }

    // Whether this recipient has its final reply, also where the session broke before the others
    // had theirs: refused at RCPT, or (LMTP) answered after the content.
    bool is_final(size_t recipient) const;

  private:
    Options options_;
    Need need_ = Need::Reply;
    Phase phase_ = Phase::Greeting;
    std::string output_;
    Capabilities capabilities_;
    std::optional<Reply> failure_;
    std::vector<Reply> outcomes_;

    // What the replies to come answer, in order: a batch may have many on the way.
    enum class Awaited {
        Greeting,
        Hello,
        OldHello,
        StartTls,
        Mail,
        Recipient,
        Data,
        EndOfData,
        Reset,
        Quit
    };
    void await(Awaited what, std::string_view command);
    void await_next();
    void fail(const Reply& reply);
    void say_hello();
    void on_hello(const Reply& reply);
    void on_old_hello(const Reply& reply);
    void on_start_tls(const Reply& reply);
    void on_mail(const Reply& reply);
    void on_recipient(const Reply& reply);
    void on_data(const Reply& reply);
    void on_end_of_data(const Reply& reply);
    void send_recipient(size_t index);
    void finish_message();

    std::deque<Awaited> awaited_;
    std::vector<std::string> recipient_commands_;
    std::vector<size_t> accepted_;  // indexes of recipients that were accepted, in order
    size_t answered_ = 0;           // recipients with a reply
    size_t next_final_ = 0;         // LMTP: which accepted recipient the next reply is for
    std::optional<Reply> mail_refused_;
};

}  // namespace valija::smtp
