// One SMTP or LMTP session with one address of a host, as a client.
//
// Promise: for a plan that demands proof nothing of a message is said before the path is proven;
// the ladder of the attempt is kept, proven or not. A message is offered once in a session.
// Each recipient gets exactly one outcome. Every wait is under its phase's deadline.
// Not here: which host, retries, what becomes of outcomes. Thread: the loop of the task.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <optional>
#include <vector>

#include "protocol/smtp/client_dialog.hpp"
#include "transport/deliver/parts.hpp"
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

  private:
    observe::SessionRows rows_of() const;
    Task<Result<void>> connect();
    void log_output(std::string_view output);
    Task<Result<void>> converse();
    Task<Result<smtp::Reply>> read_reply();
    Task<std::optional<Trouble>> greet();
    Task<std::optional<Trouble>> decide();
    Task<std::optional<Trouble>> shake_hands();
    std::optional<Trouble> judge(const x509::Evidence& evidence);
    void note_unproven(const identity::Ladder& ladder);
    std::optional<Trouble> path_failure(identity::Ladder ladder);
    std::optional<Trouble> broken(const Result<void>& result);
    Trouble with_ladder(Trouble trouble, smtp::Phase phase) const;
    Task<Result<void>> send_content(queue::QueueId id);
    Outcome outcome_of(const smtp::Reply& reply) const;
    std::vector<Outcome> gather(size_t count) const;
    bool is_believed() const;
    const std::string& our_name() const;
    const std::string& certificate_name() const;

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
    identity::Reached reached_;
    std::string ladder_record_;
    std::string tls_text_;
    bool usable_ = false;
    bool peer_ended_ = false;  // the connection broke: it was not we who left
    bool proven_ = false;
};

}  // namespace valija::deliver
