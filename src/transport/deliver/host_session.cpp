#include "transport/deliver/host_session.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "platform/base/text.hpp"
#include "platform/net/endpoint.hpp"
#include "protocol/smtp/content.hpp"
#include "transport/route/reach.hpp"
#include "trust/channel/handshake_rows.hpp"

namespace valija::deliver {
namespace {

using observe::Event;
using observe::Metric;
using route::Proof;
using smtp::Phase;
using Need = smtp::ClientDialog::Need;

constexpr size_t kReplyLineLimit = 4096;
constexpr size_t kKeptLine = 200;
constexpr size_t kKeptLines = 50;

std::string name_for_hello(const partners::World& world, const route::Plan& plan) {
    return plan.connector.fqdn.empty() ? world.directory.server.hostname : plan.connector.fqdn;
}

}  // namespace

HostSession::HostSession(const Parts& parts, const route::Plan& plan, std::string host,
                         const boost::asio::ip::tcp::endpoint& endpoint, Tls tls)
    : parts_(parts),
      plan_(plan),
      world_(parts.world.get()),
      remote_{.host = std::move(host), .address = net::endpoint_text(endpoint)},
      id_(observe::new_session_id(parts.clock.now())),
      rows_(rows_of()),
      endpoint_(endpoint),
      tls_(tls),
      dialog_({.client_name = name_for_hello(*world_, plan),
               .lmtp = plan.kind == route::Kind::Mailbox}) {}

bool HostSession::is_believed() const { return plan_.proof != Proof::Verified || proven_; }

std::optional<Trouble> HostSession::broken(const Result<void>& result) {
    if (result && !dialog_.failure()) {
        return std::nullopt;
    }
    usable_ = false;
    peer_ended_ = !result && result.error().kind == FaultKind::Network;
    const Phase phase = dialog_.phase();
    if (result) {
        Trouble trouble = from_reply(*dialog_.failure(), phase, remote_, is_believed());
        auto ladder = ladder_refused_at(plan_, remote_, heard_, phase, trouble.diagnostic);
        return with_ladder(std::move(trouble), std::move(ladder));
    }
    Trouble trouble = from_fault(result.error(), phase, remote_);
    auto ladder = ladder_broken_at(plan_, remote_, heard_, phase, trouble.text);
    return with_ladder(std::move(trouble), std::move(ladder));
}

// What ends a partner's session before its path was judged is a step of the ladder too.
Trouble HostSession::with_ladder(Trouble trouble, identity::Ladder ladder) {
    if (plan_.partner && ladder_record_.empty()) {
        ladder_ = ladder;
        trouble.ladder = std::move(ladder);
    }
    return trouble;
}

void HostSession::remember(identity::Ladder ladder) {
    ladder_record_ = ladder.record();
    ladder_ = std::move(ladder);
}

// The deadline of a phase, and never beyond the end that was set.
void HostSession::wait_for(Phase phase) {
    const auto left = std::chrono::duration_cast<Duration>(end_ - std::chrono::steady_clock::now());
    connection_->within(std::clamp(left, Duration(1), smtp::phase_deadline(phase)));
}

observe::SessionRows HostSession::rows_of() const {
    if (plan_.connector.protocol_log != "verbose") {
        return {};
    }
    return {parts_.protocol_log, parts_.clock, plan_.connector.name, id_, remote_.address};
}

Task<Result<void>> HostSession::connect() {
    rows_.note({}, "attempting to connect");
    const auto left = std::chrono::duration_cast<Duration>(end_ - std::chrono::steady_clock::now());
    const Duration patience =
        std::clamp(left, Duration(1),
                   std::max(Duration(1), world_->directory.server.delivery_connect_timeout));
    auto socket = co_await net::connect(endpoint_, plan_.connector.source_address, patience);
    if (!socket) {
        rows_.disconnected(socket.error().text());
        co_return std::unexpected(socket.error());
    }
    connection_.emplace(std::move(*socket));
    rows_.connected(net::endpoint_text(connection_->local()));
    tls_text_ = "clear";
    co_return Result<void>();
}

Task<std::optional<Trouble>> HostSession::open() {
    const auto connected = co_await connect();
    heard_.reached = route::reached_by(plan_, remote_.host, endpoint_.address().to_string());
    if (!connected) {
        Trouble trouble = from_fault(connected.error(), Phase::Connect, remote_);
        auto ladder = ladder_broken_at(plan_, remote_, heard_, Phase::Connect, trouble.text);
        co_return with_ladder(std::move(trouble), std::move(ladder));
    }
    if (plan_.partner) {
        heard_.reached = co_await route::reach(heard_.reached, plan_.partner->rule.profile,
                                               endpoint_.port(), &parts_.resolver);
    }
    auto trouble = co_await greet();
    usable_ = !trouble.has_value();
    if (trouble) {
        co_await quit();
    }
    co_return trouble;
}

// Greeting, EHLO, and TLS with EHLO again where it applies.
Task<std::optional<Trouble>> HostSession::greet() {
    const Result<void> greeted = co_await converse();
    if (auto trouble = broken(greeted)) {
        co_return trouble;
    }
    if (plan_.kind == route::Kind::Mailbox) {
        co_return std::nullopt;
    }
    auto trouble = co_await decide();
    co_return trouble;
}

Task<std::optional<Trouble>> HostSession::decide() {
    const bool offered = dialog_.capabilities().starttls;
    if (!offered || tls_ == Tls::Never) {
        if (plan_.proof == Proof::Opportunistic) {
            co_return std::nullopt;
        }
        if (earlier_.first_failure() != nullptr) {
            remember(earlier_);
            co_return std::nullopt;
        }
        co_return path_failure(
            offered ? ladder_broken_handshake(
                          plan_, remote_, heard_,
                          {FaultKind::Network, "an attempt before this one broke", {}})
                    : ladder_without_starttls(plan_, remote_, heard_));
    }
    dialog_.start_tls();
    const Result<void> agreed = co_await converse();
    if (auto failed = starttls_failed(agreed)) {
        co_return failed;
    }
    auto trouble = co_await shake_hands();
    if (trouble) {
        co_return trouble;
    }
    const Result<void> again = co_await converse();
    auto failed = broken(again);
    if (failed && !again) {
        co_return broke_after_handshake(std::move(*failed), again.error());
    }
    co_return failed;
}

// A refused STARTTLS is a path that is not proven, as a missing one is.
std::optional<Trouble> HostSession::starttls_failed(const Result<void>& agreed) {
    if (agreed && dialog_.failure() && plan_.partner) {
        const std::string reply = escape_peer_text(dialog_.failure()->text());
        auto failed =
            path_failure(ladder_refused_at(plan_, remote_, heard_, Phase::StartTls, reply));
        if (failed) {
            failed->of_tls = true;
            return failed;
        }
    }
    auto trouble = broken(agreed);
    if (trouble && plan_.partner) {
        static_cast<void>(path_failure(ladder_));  // the fault itself says better what to do
    }
    if (trouble) {
        trouble->of_tls = true;
        trouble->ladder = ladder_;
    }
    return trouble;
}

// TLS 1.3: a server that refuses our certificate says so only now.
Trouble HostSession::broke_after_handshake(Trouble trouble, const Fault& fault) {
    trouble.of_tls = true;
    const std::string words = escape_peer_text(fault.text());
    const bool may_be_ours =
        fault.kind == FaultKind::Network && evidence_ && !evidence_->own_chain.empty();
    if (!plan_.partner || !may_be_ours) {
        trouble.ladder = ladder_;
        return trouble;
    }
    proven_ = false;
    auto refused = path_failure(with_refused_certificate(ladder_, words));
    if (refused) {
        return std::move(*refused);
    }
    trouble.ladder = ladder_;
    return trouble;
}

// Outsiders are not shown our certificate. One that the configuration names is shown whatever the
// server asks for.
Result<std::shared_ptr<const channel::TlsContext>> HostSession::tls_context() const {
    using Choice = channel::Credentials::Choice;
    const auto credentials = parts_.credentials.get();
    const Time now = parts_.clock.now();
    if (!plan_.partner) {
        return credentials->client({}, now, Choice::Best);
    }
    const std::string& named = plan_.partner->certificate.empty() ? plan_.connector.certificate
                                                                  : plan_.partner->certificate;
    return named.empty() ? credentials->client(our_name(), now, Choice::AsServerAsks)
                         : credentials->client(named, now, Choice::Best);
}

const std::string& HostSession::our_name() const {
    return plan_.connector.fqdn.empty() ? world_->directory.server.hostname : plan_.connector.fqdn;
}

Task<std::optional<Trouble>> HostSession::shake_hands() {
    const auto context = tls_context();
    if (!context) {
        co_return from_fault(context.error(), Phase::Handshake, remote_);
    }
    wait_for(Phase::Handshake);
    const auto evidence = co_await connection_->connect_tls(*context, remote_.host);
    if (!evidence) {
        co_return handshake_failed(evidence.error());
    }
    channel::log_handshake(rows_, *evidence);
    tls_text_ = evidence->protocol;
    evidence_ = *evidence;
    auto trouble = judge(*evidence);
    if (!trouble) {
        dialog_.tls_started();
    }
    co_return trouble;
}

std::optional<Trouble> HostSession::handshake_failed(const Fault& fault) {
    channel::log_broken_handshake(rows_, fault.text());
    parts_.log.emit(Event::TlsFailed,
                    {{"session", id_}, {"remote", remote_.text()}, {"text", fault.text()}});
    if (plan_.partner) {
        auto failed = path_failure(ladder_broken_handshake(plan_, remote_, heard_, fault));
        if (failed) {
            return failed;
        }
    }
    Trouble trouble = from_fault(fault, Phase::Handshake, remote_);
    trouble.of_tls = true;
    trouble.ladder = ladder_;
    return trouble;
}

std::optional<Trouble> HostSession::judge_again() {
    return evidence_ ? judge(*evidence_) : std::nullopt;
}

std::optional<Trouble> HostSession::judge(const x509::Evidence& evidence) {
    if (!plan_.partner) {
        return std::nullopt;
    }
    const identity::Rule rule = plan_.partner->rule_for(plan_.domain);
    const Time now = parts_.clock.now();
    const identity::OwnStatus own =
        evidence.own_chain.empty() ? identity::OwnStatus{} : parts_.own(evidence.own_chain);
    const auto book = parts_.book();
    identity::Ladder ladder =
        identity::judge(rule, evidence, heard_.reached, identity::Direction::Outbound, *book, now,
                        ladder_before_handshake(plan_, remote_, heard_), own);
    if (identity::lacks_revocation(ladder)) {
        for (const identity::WantedList& list : identity::wanted_lists(
                 rule, evidence, heard_.reached, identity::Direction::Outbound, *book, now)) {
            parts_.want(list);
        }
    }
    proven_ = ladder.is_proven();
    if (!proven_) {
        return path_failure(std::move(ladder));
    }
    remember(std::move(ladder));
    return std::nullopt;
}

// Enforce: the trouble that ends the session. Monitor: counted, once a session, and the mail goes
// on.
std::optional<Trouble> HostSession::path_failure(identity::Ladder ladder) {
    if (!std::exchange(is_counted_, true)) {
        note_unproven(ladder);
    }
    remember(ladder);
    if (plan_.proof != Proof::Verified) {
        return std::nullopt;
    }
    return from_ladder(std::move(ladder), remote_);
}

void HostSession::note_unproven(const identity::Ladder& ladder) {
    const bool enforced = plan_.proof == Proof::Verified;
    const std::string& partner = plan_.partner->name;
    parts_.counters.add(enforced ? Metric::OutboundSessionFailures : Metric::WouldHaveRefused,
                        partner, plan_.connector.name);
    const identity::Step* failure = ladder.first_failure();
    rows_.note(
        {}, fmt::format("path not proven at step {} ({}): {}", identity::step_text(failure->name),
                        identity::reason_text(failure->reason), failure->evidence.english()));
    parts_.log.emit(enforced ? Event::PathFailed : Event::WouldHaveRefused,
                    {{"session", id_},
                     {"partner", partner},
                     {"domain", plan_.domain},
                     {"connector", plan_.connector.name},
                     {"remote", remote_.text()},
                     {"step", std::string(identity::step_text(failure->name))},
                     {"reason", std::string(identity::reason_text(failure->reason))},
                     {"evidence", failure->evidence.english()},
                     {"fix", failure->fix.english()},
                     {"ladder", identity::ladder_summary(ladder)}});
}

void HostSession::log_output(std::string_view output) {
    if (!rows_.is_on()) {
        return;
    }
    for (const std::string_view line : split(output, '\n')) {
        if (!line.empty()) {
            rows_.sent(line.substr(0, line.size() - 1));  // without the CR
        }
    }
}

// Sends and hears until the dialog needs something other than a reply.
Task<Result<void>> HostSession::converse() {
    while (dialog_.need() == Need::Reply) {
        wait_for(dialog_.phase());
        const std::string output = dialog_.output();
        log_output(output);
        if (!output.empty()) {
            const auto written = co_await connection_->write(output);
            if (!written) {
                co_return written;
            }
        }
        auto reply = co_await read_reply();
        if (!reply) {
            co_return std::unexpected(reply.error());
        }
        keep(*reply);
        dialog_.hear(*reply);
    }
    co_return Result<void>();
}

// What was said before the handshake tells whether somebody between us alters SMTP (EX-08).
void HostSession::keep(const smtp::Reply& reply) {
    if (evidence_) {
        return;
    }
    if (dialog_.phase() == Phase::Greeting) {
        heard_.greeting = escape_peer_text(reply.text(), kKeptLine);
    } else if (dialog_.phase() == Phase::Hello && reply.code != 250) {
        heard_.refused_hello = escape_peer_text(reply.text(), kKeptLine);
    } else if (dialog_.phase() == Phase::Hello) {
        heard_.offers.clear();
        for (size_t i = 1; i < std::min(reply.lines.size(), kKeptLines); ++i) {
            heard_.offers.push_back(escape_peer_text(reply.lines[i], kKeptLine));
        }
    }
}

Task<Result<smtp::Reply>> HostSession::read_reply() {
    while (true) {
        const auto line = co_await connection_->read_line(kReplyLineLimit);
        if (!line) {
            co_return std::unexpected(line.error());
        }
        rows_.received(line->text);
        const auto progress = reader_.hear(line->text);
        if (progress == smtp::ReplyReader::Progress::Complete) {
            co_return reader_.take();
        }
        if (progress == smtp::ReplyReader::Progress::Malformed || line->too_long) {
            co_return fault(FaultKind::Network, "reading a reply", "it is not an SMTP reply");
        }
    }
}

Task<std::vector<Outcome>> HostSession::deliver(const queue::Lease* lease) {
    const queue::QueuedMessage& message = lease->message;
    mail::Envelope envelope{
        .sender = message.sender, .recipients = {}, .eight_bit = message.eight_bit};
    for (const queue::QueuedRecipient& recipient : message.recipients) {
        envelope.recipients.push_back(recipient.recipient);
    }
    rows_.message_begins("sending message");
    dialog_.begin(envelope, message.size);
    Result<void> result = co_await converse();
    if (result && dialog_.need() == Need::Content) {
        result = co_await send_content(lease->id);
        if (result) {
            dialog_.content_sent();
            result = co_await converse();
        }
    }
    const size_t count = message.recipients.size();
    if (result && dialog_.need() == Need::Outcome && dialog_.outcomes().size() == count) {
        co_return gather(count);
    }
    const std::optional<Trouble> trouble = broken(result);
    usable_ = false;
    const Outcome all{.trouble = trouble ? *trouble
                                         : from_fault({FaultKind::Network, "the session ended", {}},
                                                      dialog_.phase(), remote_),
                      .text = {},
                      .ladder = ladder_record_,
                      .remote = remote_.text(),
                      .tls = tls_text_};
    // Who has a final reply keeps it: a recipient that was taken over must not get a second copy.
    std::vector<Outcome> outcomes(count, all);
    for (size_t i = 0; i < count; ++i) {
        if (dialog_.is_final(i)) {
            outcomes[i] = outcome_of(dialog_.outcomes()[i]);
        }
    }
    co_return outcomes;
}

Outcome HostSession::outcome_of(const smtp::Reply& reply) const {
    Outcome outcome{.trouble = std::nullopt,
                    .text = escape_peer_text(reply.text()),
                    .ladder = ladder_record_,
                    .remote = remote_.text(),
                    .tls = tls_text_};
    if (!reply.is_positive()) {
        outcome.trouble = from_reply(reply, std::nullopt, remote_, is_believed());
    }
    return outcome;
}

std::vector<Outcome> HostSession::gather(size_t count) const {
    std::vector<Outcome> outcomes;
    outcomes.reserve(count);
    for (const smtp::Reply& reply : dialog_.outcomes()) {
        outcomes.push_back(outcome_of(reply));
    }
    return outcomes;
}

Task<Result<void>> HostSession::send_content(queue::QueueId id) {
    auto body = co_await parts_.spool.open_body(std::move(id));
    if (!body) {
        co_return std::unexpected(body.error());
    }
    smtp::ContentWriter writer;
    std::string wire = dialog_.output();
    while (true) {
        const auto chunk = body->next();
        if (!chunk) {
            co_return std::unexpected(chunk.error());
        }
        chunk->empty() ? writer.finish(wire) : writer.append(*chunk, wire);
        wait_for(Phase::Content);
        const auto written = co_await connection_->write(wire);
        if (!written || chunk->empty()) {
            co_return written;
        }
        wire.clear();
    }
}

Task<void> HostSession::quit() {
    if (!connection_) {
        co_return;
    }
    const bool is_unproven = dialog_.need() == Need::Handshake && connection_->is_tls();
    if (dialog_.need() == Need::Decide || dialog_.need() == Need::Outcome || is_unproven) {
        dialog_.quit();
        co_await converse();
    }
    connection_->close();
    rows_.disconnected(peer_ended_ ? "Remote" : "Local");
    usable_ = false;
}

}  // namespace valija::deliver
