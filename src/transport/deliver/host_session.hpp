// One SMTP or LMTP session with one address of a host, as a client.
//
// Promise: for a plan that demands proof nothing of a message is said before the path is proven;
// the ladder of the attempt is kept, proven or not. A message is offered once in a session.
// What the judge wants to know of DNS (PTR, TLSA) is looked up before the handshake.
// Each recipient gets exactly one outcome. Every wait is under its phase's deadline.
// Not here: which host, retries, what becomes of outcomes. Thread: the loop of the task.
// `valija check` opens a session without a message, and reads what was heard and judged.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <optional>
#include <vector>

#include "protocol/smtp/client_dialog.hpp"
#include "transport/deliver/parts.hpp"
#include "transport/deliver/path_ladder.hpp"
#include "transport/deliver/trouble.hpp"
#include "trust/channel/connection.hpp"

namespace valija::deliver {

// What became of one recipient: taken over (trouble empty) or not.
struct Outcome {
    std::optional<Trouble> trouble;
    std::string text;    // what the peer said
    std::string ladder;  // record form, empty where nothing was judged
    std::string remote;  // the host that was talked to, empty where none was
    std::string tls;     // "TLSv1.3" or "clear", empty without a session
};

class HostSession {
  public:
    enum class Tls { IfOffered, Never };  // Never: only after a broken opportunistic handshake

    // `parts` and `plan` outlive the session.
    HostSession(const Parts& parts, const route::Plan& plan, std::string host,
                const boost::asio::ip::tcp::endpoint& endpoint, Tls tls);

    // No wait goes beyond this time, whatever the deadline of its phase.
    void end_by(std::chrono::steady_clock::time_point end) { end_ = end; }

    // For Tls::Never: what the attempt with TLS came to; where it failed, it is counted already.
    void after(identity::Ladder earlier) { earlier_ = std::move(earlier); }

    // Connects, greets, secures and judges. Nullopt: ready for messages.
    Task<std::optional<Trouble>> open();

    // Offers one message; one outcome a recipient, in order.
    Task<std::vector<Outcome>> deliver(const queue::Lease* lease);

    bool is_usable() const { return usable_; }

    bool is_proven() const { return proven_; }

    const Remote& remote() const { return remote_; }

    // How the session is secured: "TLSv1.3" or "clear"; empty before it is one.
    const std::string& tls() const { return tls_text_; }

    Task<void> quit();

    // For explanations: what was said before the handshake, what the handshake yielded, and the
    // judgement (no steps where nothing was judged).
    const Heard& heard() const { return heard_; }

    const std::optional<x509::Evidence>& evidence() const { return evidence_; }

    const identity::Ladder& ladder() const { return ladder_; }

    // The same evidence again, by what is known of revocation now.
    std::optional<Trouble> judge_again();

  private:
    observe::SessionRows rows_of() const;
    Task<Result<void>> connect();
    void wait_for(smtp::Phase phase);
    void keep(const smtp::Reply& reply);
    void log_output(std::string_view output);
    Task<Result<void>> converse();
    Task<Result<smtp::Reply>> read_reply();
    Task<std::optional<Trouble>> greet();
    Task<std::optional<Trouble>> decide();
    Task<std::optional<Trouble>> shake_hands();
    std::optional<Trouble> judge(const x509::Evidence& evidence);
    void note_unproven(const identity::Ladder& ladder);
    std::optional<Trouble> path_failure(identity::Ladder ladder);
    void remember(identity::Ladder ladder);
    std::optional<Trouble> broken(const Result<void>& result);
    Trouble with_ladder(Trouble trouble, identity::Ladder ladder);
    Trouble broke_after_handshake(Trouble trouble, const Fault& fault);
    std::optional<Trouble> starttls_failed(const Result<void>& agreed);
    std::optional<Trouble> handshake_failed(const Fault& fault);
    Task<Result<void>> send_content(queue::QueueId id);
    Outcome outcome_of(const smtp::Reply& reply) const;
    std::vector<Outcome> gather(size_t count) const;
    bool is_believed() const;
    const std::string& our_name() const;
    Result<std::shared_ptr<const channel::TlsContext>> tls_context() const;

    const Parts& parts_;
    const route::Plan& plan_;
    std::shared_ptr<const partners::World> world_;
    Remote remote_;
    std::string id_;
    observe::SessionRows rows_;
    boost::asio::ip::tcp::endpoint endpoint_;
    Tls tls_;
    std::optional<channel::Connection> connection_;
    smtp::ClientDialog dialog_;
    smtp::ReplyReader reader_;
    Heard heard_;
    std::optional<x509::Evidence> evidence_;
    std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::time_point::max();
    identity::Ladder ladder_;
    identity::Ladder earlier_;
    std::string ladder_record_;
    std::string tls_text_;
    bool usable_ = false;
    bool peer_ended_ = false;  // the connection broke: it was not we who left
    bool proven_ = false;
    bool is_counted_ = false;  // as a session whose path is not proven
};

}  // namespace valija::deliver
