#include "transport/deliver/settle.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "platform/net/task_group.hpp"
#include "transport/queue/schedule.hpp"
#include "transport/report/dsn.hpp"

namespace valija::deliver {
namespace {

using observe::Event;
using observe::Metric;
using queue::RecipientState;

constexpr Duration kRecordAgain = std::chrono::seconds(5);
constexpr size_t kHeaderReturned = 64UL << 10U;

// One message's outcomes on their way to the spool.
struct Closing {
    const queue::Lease& lease;
    const settings::Server& server;
    Time now;
    std::vector<queue::Settlement> settlements;
    std::vector<report::Failure> failures;
};

report::Failure failure_of(const queue::QueuedRecipient& recipient, const Trouble& trouble,
                           bool expired) {
    report::Failure failure{
        .recipient = recipient.recipient,
        .status = expired ? "4.4.7" : trouble.status,
        .diagnostic = trouble.diagnostic.empty() ? std::string() : "smtp; " + trouble.diagnostic,
        .remote = trouble.remote.empty() ? std::string() : "dns; " + trouble.remote,
        .explanation = trouble.text};
    if (expired) {
        failure.explanation =
            "the message expired in our queue; at the last attempt " + failure.explanation;
    }
    if (!trouble.ladder.steps.empty()) {
        failure.explanation +=
            "\n" + identity::ladder_text(trouble.ladder, identity::Show::Findings);
    }
    return failure;
}

Time next_attempt(const Closing& closing, const queue::QueuedRecipient& recipient) {
    const queue::Schedule schedule{.steps = closing.server.queue_retry};
    const Time next = schedule.next(recipient.attempts + 1, closing.now);
    const Time last =
        std::max(closing.lease.message.arrival.expires, closing.now + std::chrono::seconds(1));
    return std::min(next, last);
}

void close_recipient(Closing& closing, const queue::QueuedRecipient& recipient,
                     const Outcome& outcome) {
    queue::Settlement settlement{.number = recipient.number,
                                 .state = RecipientState::Delivered,
                                 .next_attempt = closing.now,
                                 .text = outcome.text,
                                 .ladder = outcome.ladder};
    if (outcome.trouble) {
        const Trouble& trouble = *outcome.trouble;
        const bool expired =
            !trouble.permanent && closing.now >= closing.lease.message.arrival.expires;
        settlement.text = trouble.text;
        if (trouble.permanent || expired) {
            settlement.state = RecipientState::Failed;
            closing.failures.push_back(failure_of(recipient, trouble, expired));
        } else {
            settlement.state = RecipientState::Waiting;
            settlement.next_attempt = next_attempt(closing, recipient);
        }
    }
    closing.settlements.push_back(std::move(settlement));
}

// What the judgement of an attempt came to, for the log line.
struct Verdict {
    std::string word;  // "pass", "fail", "unknown"; "none" where nothing was judged
    std::string step;  // the first that failed
};

Verdict verdict_of(const Outcome& outcome) {
    const auto ladder = identity::Ladder::from_record(outcome.ladder);
    if (outcome.ladder.empty() || !ladder) {
        return {.word = "none", .step = {}};
    }
    const identity::Step* failure = ladder->first_failure();
    if (failure == nullptr) {
        return {.word = "pass", .step = {}};
    }
    return {.word = std::string(identity::state_text(failure->state)),
            .step = std::string(identity::step_text(failure->name))};
}

// One line an outcome: who, over which path, how it was proven, what came of it.
void note_recipient(const Parts& parts, const queue::Lease& lease, const Outcome& outcome,
                    const std::string& recipient, const queue::Settlement& settlement) {
    const bool delivered = settlement.state == RecipientState::Delivered;
    const bool waits = settlement.state == RecipientState::Waiting;
    parts.counters.add(delivered ? Metric::RecipientsDelivered
                                 : (waits ? Metric::RecipientsDeferred : Metric::RecipientsFailed));
    const auto partner = parts.world.get()->partner_of(lease.domain);
    const Verdict verdict = verdict_of(outcome);
    const Event event = delivered ? Event::Delivered : (waits ? Event::Deferred : Event::Failed);
    parts.log.emit(event, {{"id", lease.id},
                           {"recipient", recipient},
                           {"partner", partner ? partner->name : std::string()},
                           {"remote", outcome.remote},
                           {"tls", outcome.tls},
                           {"verdict", verdict.word},
                           {"step", verdict.step},
                           {"status", outcome.trouble ? outcome.trouble->status : "2.0.0"},
                           {"text", settlement.text},
                           {"next", waits ? iso_time(settlement.next_attempt) : std::string()}});
}

// The header section of the message, for the report; what cannot be read is left out.
Task<std::string> original_header(const Parts* parts, queue::QueueId id) {
    auto body = co_await parts->spool.open_body(std::move(id));
    std::string header;
    while (body && header.size() < kHeaderReturned) {
        const auto chunk = body->next();
        if (!chunk || chunk->empty()) {
            break;
        }
        header.append(*chunk);
        if (const size_t end = header.find("\r\n\r\n"); end != std::string::npos) {
            header.resize(end + 2);
            break;
        }
    }
    header.resize(std::min(header.size(), kHeaderReturned));
    co_return header;
}

Task<std::optional<queue::NewMessage>> make_report(const Parts* parts, Closing* closing) {
    if (closing->failures.empty()) {
        co_return std::nullopt;
    }
    const queue::Lease& lease = closing->lease;
    std::string header = co_await original_header(parts, lease.id);
    const queue::QueueId serial = parts->spool.new_id();
    report::ReportRequest request{
        .action = report::Action::Failed,
        .reporting_mta = closing->server.hostname,
        .boundary = "=_valija_" + serial,
        .message_id = fmt::format("<{}.report@{}>", serial, closing->server.hostname),
        .now = closing->now,
        .message = &lease.message,
        .failures = std::move(closing->failures),
        .original_header = std::move(header),
        .will_retry_until = std::nullopt};
    auto report = report::make_report(request);
    if (report) {
        report->arrival.expires = closing->now + closing->server.queue_life;
        parts->log.emit(Event::Bounced, {{"id", lease.id}, {"to", lease.message.sender->text()}});
    } else {
        parts->log.emit(Event::ReportDropped, {{"id", lease.id}});
    }
    co_return report;
}

}  // namespace

Task<void> settle(const Parts* parts, queue::Lease lease, std::vector<Outcome> outcomes) {
    const auto world = parts->world.get();
    Closing closing{.lease = lease,
                    .server = world->directory.server,
                    .now = parts->clock.now(),
                    .settlements = {},
                    .failures = {}};
    const auto& recipients = lease.message.recipients;
    VALIJA_ENSURE(outcomes.size() == recipients.size(), "each recipient has one outcome");
    for (size_t i = 0; i < recipients.size(); ++i) {
        close_recipient(closing, recipients[i], outcomes[i]);
        note_recipient(*parts, lease, outcomes[i], recipients[i].recipient.address.text(),
                       closing.settlements.back());
    }
    const auto report = co_await make_report(parts, &closing);
    while (true) {
        const auto recorded = co_await parts->spool.settle(lease, closing.settlements, report);
        if (recorded) {
            co_return;
        }
        parts->log.emit(Event::ServerFault, {{"text", recorded.error().text()}, {"id", lease.id}});
        if (recorded.error().kind == FaultKind::Stopped || !co_await net::pause(kRecordAgain)) {
            co_return;
        }
    }
}

}  // namespace valija::deliver
