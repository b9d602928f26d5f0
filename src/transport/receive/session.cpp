#include "transport/receive/session.hpp"

#include <fmt/format.h>

#include "platform/base/text.hpp"
#include "platform/net/task_group.hpp"
#include "protocol/smtp/server_dialog.hpp"
#include "transport/receive/intake.hpp"
#include "trust/channel/connection.hpp"
#include "trust/channel/handshake_rows.hpp"

namespace valija::receive {
namespace {

using boost::asio::ip::tcp;
using observe::Event;
using observe::Metric;

constexpr size_t kLineLimit = 2048;

// RFC 5321 4.5.3.2.5 for the client's side; the same patience from us.
constexpr Duration kContentPause = std::chrono::minutes(3);
constexpr Duration kHandshake = std::chrono::seconds(60);

// A judgement holds so long for the same sender's domain in one session: dates go on.
constexpr Duration kMemory = std::chrono::seconds(60);

class Session {
  public:
    Session(const Parts& parts, SessionSetting setting, tcp::socket socket)
        : parts_(parts),
          setting_(std::move(setting)),
          connection_(std::move(socket)),
          id_(observe::new_session_id(parts.clock.now())),
          log_(parts.log.with({{"session", id_},
                               {"connector", setting_.connector.name},
                               {"client", net::endpoint_text(connection_.remote())}})),
          rows_(rows_of(parts, setting_.connector, id_, connection_)),
          client_{.domain_secure = setting_.connector.domain_secure,
                  .may_relay = setting_.may_relay,
                  .tls = std::nullopt,
                  .reached = {.address = connection_.remote().address().to_string()}} {}

    Task<void> run();

  private:
    static observe::SessionRows rows_of(const Parts& parts, const settings::Receive& connector,
                                        const std::string& id,
                                        const channel::Connection& connection);
    smtp::ServerOptions dialog_options();
    void offer_tls();
    Task<bool> hear_line();
    Task<bool> perform(smtp::ServerStep step);
    void put(const smtp::Reply& reply);
    Task<bool> say(smtp::Reply reply);
    Task<bool> flush();
    Task<bool> shake_hands(smtp::Reply go_ahead);
    Task<void> ask_sender(smtp::AskSender question);
    Task<void> look_up_client(std::shared_ptr<const partners::World> world, std::string domain);
    bool is_remembered(const partners::World& world, const revocation::Book& book,
                       const std::string& domain, Time now) const;
    void note_refused_sender();
    std::string tls_word() const;
    void count_sender(Metric metric) const;
    Task<bool> take_content(smtp::Reply go_ahead);
    Intake make_intake(const queue::QueueId& id);
    std::string trace(const queue::QueueId& id) const;
    Task<smtp::Reply> finish(queue::QueueId id, Intake* intake);
    queue::Arrival arrival() const;
    mail::Envelope envelope() const;
    void note_message(const queue::QueueId& id, const Intake& intake) const;

    const Parts& parts_;
    SessionSetting setting_;
    channel::Connection connection_;
    std::string id_;
    observe::Log log_;
    observe::SessionRows rows_;
    policy::Client client_;
    std::shared_ptr<const channel::TlsContext> context_;
    std::optional<smtp::ServerDialog> dialog_;
    policy::SenderDecision sender_;
    bool ptr_asked_ = false;

    // What the last judgement was made by: as long as it holds, the domain is not judged anew.
    struct Judged {
        std::shared_ptr<const partners::World> world;
        std::shared_ptr<const revocation::Book> book;
        Time at;
    };

    std::optional<Judged> judged_;
    policy::SenderDecision judged_sender_;
    std::string output_;
    bool closed_by_us_ = false;
};

// The connector's name as Exchange writes it: SERVER\Name.
observe::SessionRows Session::rows_of(const Parts& parts, const settings::Receive& connector,
                                      const std::string& id,
                                      const channel::Connection& connection) {
    if (connector.protocol_log != "verbose") {
        return {};
    }
    return {parts.protocol_log, parts.clock,
            parts.world.get()->directory.server.hostname + "\\" + connector.name, id,
            net::endpoint_text(connection.remote())};
}

Task<void> Session::run() {
    rows_.connected(net::endpoint_text(connection_.local()));
    offer_tls();
    dialog_.emplace(dialog_options());
    if (co_await say(dialog_->greeting())) {
        while (co_await hear_line()) {
        }
    }
    connection_.close();
    rows_.disconnected(closed_by_us_ ? "Local" : "Remote");
    log_.emit(Event::SessionEnded);
}

smtp::ServerOptions Session::dialog_options() {
    const settings::Receive& row = setting_.connector;
    return {.fqdn = row.fqdn,
            .banner = row.banner,
            .client_address = connection_.remote().address().to_string(),
            .max_size = row.max_message_size,
            .max_recipients = static_cast<size_t>(row.max_recipients),
            .max_errors = static_cast<int>(row.max_errors),
            .offer_starttls = context_ != nullptr};
}

void Session::offer_tls() {
    const settings::Receive& row = setting_.connector;
    const std::string& name = settings::certificate_name(row);
    auto context = parts_.credentials.get()->server(name, parts_.clock.now());
    if (context) {
        context_ = std::move(*context);
        client_.tls_offered = context_ != nullptr;
    } else {
        client_.tls_offered = false;
        log_.emit(Event::ServerFault, {{"text", context.error().text()}});
    }
}

// One command. False: the session is over.
Task<bool> Session::hear_line() {
    if (!connection_.has_line() && !co_await flush()) {
        co_return false;
    }
    connection_.within(setting_.connector.idle_timeout);
    const auto line = co_await connection_.read_line(kLineLimit);
    if (!line) {
        if (line.error().kind == FaultKind::Input) {
            co_await say(smtp::reply(554, "5.5.0", "Protocol violation"));
        }
        co_return false;
    }
    rows_.received(line->too_long ? "(a line that is too long)" : line->text);
    if (line->bare) {
        log_.emit(Event::SessionRefused, {{"text", "bare CR or LF in a command"}});
        closed_by_us_ = true;
        co_await say(smtp::reply(521, "5.5.2", "Bare CR or LF in a command: lines end in CRLF"));
        co_return false;
    }
    smtp::ServerStep step = line->too_long ? dialog_->too_long() : dialog_->hear(line->text);
    const bool goes_on = co_await perform(std::move(step));
    co_return goes_on;
}

Task<bool> Session::perform(smtp::ServerStep step) {
    if (auto* send = std::get_if<smtp::SendReply>(&step)) {
        put(send->reply);
    } else if (auto* sender = std::get_if<smtp::AskSender>(&step)) {
        co_await ask_sender(*sender);
        if (sender_.partner) {
            co_await net::pause(Duration(0));  // a judgement costs: the others have their turn
        }
    } else if (auto* recipient = std::get_if<smtp::AskRecipient>(&step)) {
        const smtp::Reply reply =
            policy::decide_recipient(*parts_.world.get(), client_, recipient->recipient);
        dialog_->answer(reply);
        put(reply);
    } else if (auto* content = std::get_if<smtp::TakeContent>(&step)) {
        const bool goes_on = co_await take_content(std::move(content->reply));
        dialog_->content_ended();
        co_return goes_on;
    } else if (auto* tls = std::get_if<smtp::StartTls>(&step)) {
        const bool goes_on = co_await shake_hands(std::move(tls->reply));
        co_return goes_on;
    } else if (auto* close = std::get_if<smtp::Close>(&step)) {
        closed_by_us_ = true;
        co_await say(std::move(close->reply));
        co_return false;
    }
    co_return true;
}

// The one way in which a reply gets out and into the protocol log.
void Session::put(const smtp::Reply& reply) {
    const std::string wire = reply.wire();
    output_ += wire;
    if (rows_.is_on()) {
        for (const std::string_view line :
             split(std::string_view(wire).substr(0, wire.size() - 2), '\n')) {
            rows_.sent(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
        }
    }
}

Task<bool> Session::say(smtp::Reply reply) {
    put(reply);
    const bool sent = co_await flush();
    co_return sent;
}

Task<bool> Session::flush() {
    if (output_.empty()) {
        co_return true;
    }
    connection_.within(setting_.connector.idle_timeout);
    const auto written = co_await connection_.write(output_);
    output_.clear();
    co_return written.has_value();
}

Task<bool> Session::shake_hands(smtp::Reply go_ahead) {
    if (!co_await say(std::move(go_ahead))) {
        co_return false;
    }
    connection_.within(kHandshake);
    auto evidence = co_await connection_.accept_tls(context_, parts_.staple(context_->own_chain()));
    if (!evidence) {
        log_.emit(Event::TlsFailed, {{"text", evidence.error().text()}});
        channel::log_broken_handshake(rows_, evidence.error().text());
        co_return false;
    }
    channel::log_handshake(rows_, *evidence);
    client_.tls = std::move(*evidence);
    sender_ = {};
    judged_.reset();
    dialog_->tls_started();
    co_return true;
}

// `cisco-verify` compares the client's PTR names; nobody else needs them. Once a session.
Task<void> Session::look_up_client(std::shared_ptr<const partners::World> world,
                                   std::string domain) {
    const auto partner = world->partner_of(domain);
    const bool wants = partner && partner->receive != partners::Mode::Off &&
                       partner->rule.profile == identity::Profile::CiscoVerify;
    if (!wants || ptr_asked_) {
        co_return;
    }
    ptr_asked_ = true;
    const auto answer = co_await parts_.resolver.ptr(client_.reached.address);
    if (!answer) {
        co_return;  // no name, so none can match
    }
    for (const net::PtrName& ptr : answer->records) {
        client_.reached.ptr.push_back({.name = ptr.name, .confirmed = ptr.confirmed});
    }
}

bool Session::is_remembered(const partners::World& world, const revocation::Book& book,
                            const std::string& domain, Time now) const {
    return judged_ && judged_->world.get() == &world && judged_->book.get() == &book &&
           judged_sender_.domain == domain && now >= judged_->at && now - judged_->at < kMemory;
}

Task<void> Session::ask_sender(smtp::AskSender question) {
    const auto world = parts_.world.get();
    const std::string domain = question.sender ? question.sender->domain : std::string();
    co_await look_up_client(world, domain);
    const auto book = parts_.book();
    const Time now = parts_.clock.now();
    if (is_remembered(*world, *book, domain, now)) {
        sender_ = policy::again(judged_sender_, question.sender);
    } else {
        sender_ = policy::decide_sender(*world, client_, question.sender, *book, now);
        if (sender_.partner) {
            judged_ = Judged{.world = world, .book = book, .at = now};
            judged_sender_ = sender_;
        }
    }
    for (const identity::WantedList& list : sender_.wanted) {
        parts_.want(list);
    }
    if (sender_.partner && !sender_.proven) {
        note_refused_sender();
    }
    if (sender_.reply.is_positive()) {
        rows_.message_begins("receiving message");
    }
    dialog_->answer(sender_.reply);
    put(sender_.reply);
}

std::string Session::tls_word() const { return client_.tls ? client_.tls->protocol : "clear"; }

void Session::count_sender(Metric metric) const {
    parts_.counters.add(metric, sender_.partner->name, setting_.connector.name);
}

// The partner's path is not proven: refused, or only counted in monitor.
void Session::note_refused_sender() {
    Event event = Event::PeerUnverified;
    if (sender_.would_have_refused) {
        event = Event::WouldHaveRefused;
    } else if (sender_.reason == identity::Reason::NoTls) {
        event = Event::PeerWithoutTls;
    } else if (sender_.reason == identity::Reason::SubjectMismatch) {
        event = Event::PeerNameMismatch;
    }
    count_sender(sender_.would_have_refused ? Metric::WouldHaveRefused : Metric::InboundRefusals);
    const identity::Step* failure = sender_.ladder.first_failure();
    rows_.note(
        {}, fmt::format("path not proven at step {} ({}): {}", identity::step_text(failure->name),
                        identity::reason_text(sender_.reason), failure->evidence.english()));
    log_.emit(event, {{"partner", sender_.partner->name},
                      {"domain", sender_.domain},
                      {"reason", std::string(identity::reason_text(sender_.reason))},
                      {"step", std::string(identity::step_text(failure->name))},
                      {"evidence", failure->evidence.english()},
                      {"fix", failure->fix.english()},
                      {"tls", tls_word()},
                      {"ladder", identity::ladder_summary(sender_.ladder)}});
}

Task<bool> Session::take_content(smtp::Reply go_ahead) {
    if (!co_await say(std::move(go_ahead))) {
        co_return false;
    }
    const queue::QueueId id = parts_.spool.new_id();
    Intake intake = make_intake(id);
    const Time began = parts_.clock.now();
    uint64_t count = 0;
    while (!intake.is_complete()) {
        connection_.within(kContentPause);
        const auto bytes = co_await connection_.peek();
        if (!bytes) {
            co_return false;
        }
        const size_t taken = intake.take(*bytes);
        count += taken;
        connection_.consume(taken);
        if (!intake.is_complete() && is_too_slow(count, parts_.clock.now() - began)) {
            closed_by_us_ = true;
            co_await say(smtp::reply(421, "4.4.2", "Content comes too slowly, closing"));
            co_return false;
        }
        if (intake.is_hopeless()) {
            co_await say(smtp::reply(552, "5.3.4", "Message size exceeds fixed limit, closing"));
            co_return false;
        }
    }
    const smtp::Reply reply = co_await finish(id, &intake);
    put(reply);
    co_return true;
}

Intake Session::make_intake(const queue::QueueId& id) {
    const settings::Receive& row = setting_.connector;
    auto judge = [this](std::string_view header) {
        return policy::decide_content(*parts_.world.get(), sender_, setting_.connector.fqdn,
                                      setting_.connector.max_hops, header);
    };
    return {parts_.spool.begin(),
            {.message = row.max_message_size, .header = static_cast<size_t>(row.max_header_size)},
            {.trace = trace(id), .authserv_ids = parts_.world.get()->directory.own_names()},
            std::move(judge)};
}

std::string Session::trace(const queue::QueueId& id) const {
    const mail::Envelope& envelope = dialog_->envelope();
    mail::Received field{.helo = dialog_->client_name(),
                         .client_address = connection_.remote().address().to_string(),
                         .fqdn = setting_.connector.fqdn,
                         .queue_id = id,
                         .protocol = dialog_->is_extended() ? "ESMTP" : "SMTP",
                         .time = parts_.clock.now()};
    if (client_.tls) {
        field.protocol += "S";
        field.tls = fmt::format("{} cipher {}", client_.tls->protocol, client_.tls->cipher);
    }
    if (envelope.recipients.size() == 1) {
        field.for_recipient = envelope.recipients.front().address.text();
    }
    return mail::received(field);
}

queue::Arrival Session::arrival() const {
    const Time now = parts_.clock.now();
    return {.time = now,
            .client = fmt::format("{} ({})", connection_.remote().address().to_string(),
                                  escape_peer_text(dialog_->client_name(), 255)),
            .session = id_,
            .partner = sender_.proven ? sender_.partner->name : std::string(),
            .domain_secured = sender_.proven,
            .expires = now + parts_.world.get()->directory.server.queue_life};
}

// <Postmaster> without a domain is ours (RFC 5321 4.5.1).
mail::Envelope Session::envelope() const {
    mail::Envelope envelope = dialog_->envelope();
    const auto postmaster = mail::parse_address(parts_.world.get()->directory.server.postmaster);
    for (mail::Recipient& recipient : envelope.recipients) {
        if (recipient.address.domain.empty() && postmaster) {
            recipient.address = *postmaster;
        }
    }
    return envelope;
}

Task<smtp::Reply> Session::finish(queue::QueueId id, Intake* intake) {
    if (intake->refusal()) {
        smtp::Reply refusal = *intake->refusal();
        log_.emit(Event::MessageRefused,
                  {{"sender", dialog_->envelope().sender_text()}, {"reply", refusal.text()}});
        co_return refusal;
    }
    const auto committed =
        co_await parts_.spool.commit(id, intake->take_draft(), envelope(), arrival());
    if (!committed) {
        log_.emit(Event::ServerFault, {{"text", committed.error().text()}});
        co_return storage_reply(committed.error());
    }
    note_message(id, *intake);
    // Exchange's words: the message's own id, then ours.
    const std::string message_id = intake->message_id().empty()
                                       ? fmt::format("<{}@{}>", id, setting_.connector.fqdn)
                                       : intake->message_id();
    co_return smtp::reply(
        250, "2.6.0", fmt::format("{} [InternalId={}] Queued mail for delivery", message_id, id));
}

void Session::note_message(const queue::QueueId& id, const Intake& intake) const {
    parts_.counters.add(Metric::MessagesReceived);
    if (sender_.proven) {
        count_sender(Metric::DomainSecureReceived);
    }
    const mail::Envelope& envelope = dialog_->envelope();
    if (!envelope.sender) {
        parts_.counters.add(Metric::NullSender);
    }
    log_.emit(Event::MessageReceived, {{"id", id},
                                       {"sender", envelope.sender_text()},
                                       {"recipients", std::to_string(envelope.recipients.size())},
                                       {"protocol", client_.tls ? client_.tls->protocol : "clear"},
                                       {"partner", sender_.partner ? sender_.partner->name : ""},
                                       {"verdict", intake.mark().words}});
}

}  // namespace

Task<void> run_session(const Parts* parts, SessionSetting setting, tcp::socket socket) {
    Session session(*parts, std::move(setting), std::move(socket));
    co_await session.run();
}

}  // namespace valija::receive
