// The server's side of an SMTP session as a table: lines in, steps out. No socket, clock or policy.
//
// Promise: each command is checked against the rules table (state, TLS, arguments); whatever ends a
// transaction (end of data, RSET, EHLO, STARTTLS, refusal) goes through the one reset function.
// After tls_started() nothing learned before is left. Standards: RFC 5321, 1870, 2034, 2920, 3207,
// 6152. The session performs the steps; while an answer is pending, hear() must not be called.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "protocol/mail/address.hpp"
#include "protocol/smtp/reply.hpp"

namespace valija::smtp {

struct ServerOptions {
    std::string fqdn;            // EHLO reply, and the greeting where no banner is set
    std::string banner;          // text of the greeting
    std::string client_address;  // printed in the EHLO reply: "Hello [192.0.2.1]"
    uint64_t max_size = 36UL << 20U;
    size_t max_recipients = 1000;
    int max_errors = 20;  // negative replies before 421
    bool offer_starttls = false;
};

// Send this reply and read the next command.
struct SendReply {
    Reply reply;
};

// Ask policy whether this sender may come in; then answer().
struct AskSender {
    mail::ReversePath sender;
    uint64_t declared_size = 0;  // 0 = not declared
};

// Ask policy about this recipient; then answer(). A positive answer adds it to the envelope.
struct AskRecipient {
    mail::Recipient recipient;
};

// Send the 354, read content to CRLF.CRLF, then content_ended() and send its own reply.
struct TakeContent {
    Reply reply;
};

// Send the reply; input must be empty; shake hands; then tls_started(). If it fails: end.
struct StartTls {
    Reply reply;
};

// Send the reply and end the session.
struct Close {
    Reply reply;
};

using ServerStep = std::variant<SendReply, AskSender, AskRecipient, TakeContent, StartTls, Close>;

class ServerDialog {
  public:
    explicit ServerDialog(ServerOptions options);

    Reply greeting() const;

    // `line` without CRLF. Longer than 2,048 bytes must be refused before (see too_long()).
    ServerStep hear(std::string_view line);

    // The reply for a line that was over the limit; counts as an error.
    ServerStep too_long();

    // The decision on AskSender or AskRecipient.
    void answer(const Reply& decision);

    // After TakeContent, whatever became of it: resets the transaction.
    void content_ended();

    void tls_started();

    bool is_tls() const { return tls_; }

    bool is_extended() const { return extended_; }  // EHLO, not HELO

    const std::string& client_name() const { return helo_; }  // argument of EHLO or HELO

    const mail::Envelope& envelope() const { return envelope_; }

  private:
    enum class State { Start, Ready, Mail, Recipients };
    struct Rule;
    static std::span<const Rule> rules();
    static const Rule* find_rule(std::string_view verb);

    void reset_transaction();
    ServerStep refuse(Reply reply);

    ServerStep on_ehlo(std::string_view arguments);
    ServerStep on_helo(std::string_view arguments);
    ServerStep on_starttls(std::string_view arguments);
    ServerStep on_mail(std::string_view arguments);
    ServerStep on_rcpt(std::string_view arguments);
    ServerStep on_data(std::string_view arguments);
    ServerStep on_rset(std::string_view arguments);
    ServerStep on_noop(std::string_view arguments);
    ServerStep on_quit(std::string_view arguments);
    ServerStep on_help(std::string_view arguments);
    ServerStep on_vrfy(std::string_view arguments);

    ServerOptions options_;
    State state_ = State::Start;
    bool tls_ = false;
    bool extended_ = false;
    std::string helo_;
    int errors_ = 0;  // bad commands, and refusals of policy
    int junk_ = 0;    // since the last message
    mail::Envelope envelope_;
    std::variant<std::monostate, AskSender, AskRecipient> pending_;
};

}  // namespace valija::smtp
