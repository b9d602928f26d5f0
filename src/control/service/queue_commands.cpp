// queue list, show and retry.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "control/explain/refusal.hpp"
#include "control/explain/rendering.hpp"
#include "control/service/service.hpp"
#include "control/service/table.hpp"
#include "platform/base/text.hpp"
#include "trust/identity/ladder.hpp"

namespace json = boost::json;

namespace valija::service {
namespace {

constexpr int status_no = 1;
constexpr int status_unknown = 2;
constexpr int status_usage = 64;
constexpr size_t usual_limit = 1000;
constexpr size_t highest_limit = 20'000;  // an answer is bounded to 64 MiB
constexpr size_t page = 500;

using queue::QueuedMessage;
using queue::QueuedRecipient;
using queue::RecipientState;

Answer failed(const Fault& fault) {
    return {.exit_status = status_unknown,
            .out = {},
            .err = fmt::format("The queue could not be read: {}\n", fault.text())};
}

std::string sender_of(const QueuedMessage& message) {
    return message.sender ? message.sender->text() : "<>";
}

std::string_view state_word(RecipientState state) {
    switch (state) {
        case RecipientState::Waiting:
            return "waiting";
        case RecipientState::Delivered:
            return "delivered";
        case RecipientState::Failed:
            return "failed";
    }
    broken_invariant("state", "a recipient has a known state", __FILE__, __LINE__);
}

std::string wait_text(Time next, Time now) {
    return next <= now ? "now" : "in " + short_time(next - now);
}

// The recipients that still wait, and of these the one that is tried first.
struct Waiting {
    size_t count = 0;
    const QueuedRecipient* first = nullptr;

    explicit Waiting(const QueuedMessage& message) {
        for (const QueuedRecipient& recipient : message.recipients) {
            if (recipient.state != RecipientState::Waiting) continue;
            ++count;
            if (first == nullptr || recipient.next_attempt < first->next_attempt) {
                first = &recipient;
            }
        }
    }
};

// The ladder as people read it; one that does not parse is shown as missing, never as it stands.
std::string ladder_of(const QueuedRecipient& recipient, Language language) {
    if (recipient.last_ladder.empty()) return {};
    const auto ladder = identity::Ladder::from_record(recipient.last_ladder);
    return ladder ? identity::ladder_text(*ladder, identity::Show::All, language)
                  : "the record of the last judgement is damaged\n";
}

json::value json_of(const QueuedRecipient& recipient) {
    json::object object{{"address", recipient.recipient.address.text()},
                        {"state", state_word(recipient.state)},
                        {"attempts", recipient.attempts},
                        {"last", recipient.last_text}};
    if (recipient.state == RecipientState::Waiting) {
        object["next_attempt"] = iso_time(recipient.next_attempt);
    }
    const auto ladder = identity::Ladder::from_record(recipient.last_ladder);
    if (recipient.last_ladder.empty() || !ladder) return object;
    object["ladder"] = explain::json_of(*ladder);
    return object;
}

json::value json_of(const QueuedMessage& message) {
    json::array recipients;
    for (const QueuedRecipient& recipient : message.recipients) {
        recipients.push_back(json_of(recipient));
    }
    return json::object{{"id", message.id},
                        {"sender", message.sender ? message.sender->text() : ""},
                        {"size", message.size},
                        {"arrived", iso_time(message.arrival.time)},
                        {"expires", iso_time(message.arrival.expires)},
                        {"client", message.arrival.client},
                        {"partner", message.arrival.partner},
                        {"domain_secured", message.arrival.domain_secured},
                        {"recipients", std::move(recipients)}};
}

std::string list_text(const std::vector<QueuedMessage>& messages, Time now) {
    Table table({"ID", "AGE", "SIZE", "WAITING", "NEXT", "SENDER", "LAST REASON"});
    table.align_right(1).align_right(2).align_right(3);
    for (const QueuedMessage& message : messages) {
        const Waiting waiting(message);
        const auto* first = waiting.first;
        const std::string reason = first == nullptr ? "" : first->last_text;
        table.add({message.id, short_time(now - message.arrival.time), short_size(message.size),
                   std::to_string(waiting.count),
                   first == nullptr ? "-" : wait_text(first->next_attempt, now), sender_of(message),
                   reason.empty() ? "not tried yet" : escape_peer_text(reason, 100)});
    }
    return table.text();
}

std::string indented(std::string_view text) {
    std::string all;
    for (const std::string_view line : split(text, '\n')) {
        if (!line.empty()) all += fmt::format("    {}\n", line);
    }
    return all;
}

std::string message_text(const QueuedMessage& message, Time now, Language language) {
    const queue::Arrival& arrival = message.arrival;
    std::string text = fmt::format(
        "message    {}\nsender     {}\nsize       {} ({} bytes)\narrived    {}, {} ago, from {}\n"
        "path       {}\ngiven up   {}\n",
        message.id, sender_of(message), short_size(message.size), message.size,
        iso_time(arrival.time), short_time(now - arrival.time),
        arrival.client.empty() ? "ourselves" : arrival.client,
        arrival.domain_secured ? fmt::format("domain-secured, partner {}", arrival.partner)
                               : "not domain-secured",
        iso_time(arrival.expires));
    for (const QueuedRecipient& recipient : message.recipients) {
        text += fmt::format(
            "\n{}  {}, {}", recipient.recipient.address.text(), state_word(recipient.state),
            counted(static_cast<uint64_t>(std::max(0, recipient.attempts)), "attempt", "attempts"));
        if (recipient.state == RecipientState::Waiting) {
            text += ", next " + wait_text(recipient.next_attempt, now);
        }
        text += "\n";
        if (!recipient.last_text.empty()) {
            text += fmt::format("  last attempt: {}\n", escape_peer_text(recipient.last_text));
            if (const Text meaning = explain::about_refusal(recipient.last_text);
                !meaning.empty()) {
                text += fmt::format("  {}: {}\n", say("what it means").in(language),
                                    meaning.in(language));
            }
        }
        text += indented(ladder_of(recipient, language));
    }
    return text;
}

// Nothing: not a limit.
std::optional<size_t> limit_of(const Request& request) {
    const std::string text = request.argument("limit");
    if (text.empty()) return usual_limit;
    size_t limit = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (error != std::errc() || end != text.data() + text.size() || limit == 0) return {};
    return std::min(limit, highest_limit);
}

Answer not_found(const std::string& id) {
    return {.exit_status = status_no,
            .out = {},
            .err = fmt::format("No message {} is in the queue; it may have been delivered.\n",
                               escape_peer_text(id, 60))};
}

}  // namespace

Task<Answer> Service::queue_list(Request request) {
    const auto limit = limit_of(request);
    if (!limit) {
        co_return Answer{.exit_status = status_usage, .err = "--limit wants a number above 0.\n"};
    }
    std::vector<QueuedMessage> messages;
    bool is_at_end = false;
    while (!is_at_end && messages.size() < *limit) {
        const size_t want = std::min(page, *limit - messages.size());
        const queue::QueueId after = messages.empty() ? "" : messages.back().id;
        auto more = co_await parts_.spool.list(after, want);
        if (!more) co_return failed(more.error());
        is_at_end = more->size() < want;
        std::ranges::move(*more, std::back_inserter(messages));
    }
    const auto summary = co_await parts_.spool.summary();
    if (!summary) co_return failed(summary.error());
    const auto set_aside = parts_.spool.set_aside();
    if (request.json) {
        json::array all;
        for (const QueuedMessage& message : messages) all.push_back(json_of(message));
        co_return Answer{
            .out = json::serialize(json::object{{"messages", std::move(all)},
                                                {"total_messages", summary->messages},
                                                {"total_recipients", summary->recipients},
                                                {"set_aside", json::value_from(set_aside)}}) +
                   "\n"};
    }
    std::string text = messages.empty() ? "" : list_text(messages, parts_.clock.now());
    text +=
        summary->messages == 0
            ? "The queue is empty.\n"
            : fmt::format("{}, {} waiting.\n", counted(summary->messages, "message", "messages"),
                          counted(summary->recipients, "recipient", "recipients"));
    if (messages.size() < summary->messages) {
        text += fmt::format("The oldest {} are shown; --limit shows more.\n", messages.size());
    }
    for (const std::string& line : set_aside) text += "set aside: " + line + "\n";
    co_return Answer{.out = std::move(text)};
}

Task<Answer> Service::queue_show(Request request) {
    const std::string id = request.argument("id");
    const auto found = co_await parts_.spool.find(id);
    if (!found) co_return failed(found.error());
    if (!*found) co_return not_found(id);
    const Language language = language_of(request.argument("lang")).value_or(Language::English);
    co_return Answer{.out = request.json ? json::serialize(json_of(**found)) + "\n"
                                         : message_text(**found, parts_.clock.now(), language)};
}

Task<Answer> Service::queue_retry(Request request) {
    const std::string id = request.argument("id");
    const bool is_all = request.argument("all") == "yes";
    if (id.empty() != is_all) {
        co_return Answer{.exit_status = status_usage, .err = "Name one message, or say --all.\n"};
    }
    if (!is_all) {
        const auto found = co_await parts_.spool.find(id);
        if (!found) co_return failed(found.error());
        if (!*found) co_return not_found(id);
    }
    const auto count = co_await parts_.spool.retry(id, parts_.clock.now());
    if (!count) co_return failed(count.error());
    if (request.json) {
        co_return Answer{.out = json::serialize(json::object{{"recipients", *count}}) + "\n"};
    }
    co_return Answer{.out = *count == 0 ? "No recipient waits.\n"
                                        : fmt::format("{} will be tried now.\n",
                                                      counted(*count, "recipient", "recipients"))};
}

}  // namespace valija::service
