#include "transport/queue/spool_records.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

#include "platform/base/text.hpp"

namespace valija::queue {
namespace {

using store::Statement;

// Recipient states in the table; SetAside is the table's own.
constexpr int64_t kWaiting = 0;
constexpr int64_t kSetAside = 3;

constexpr const char* kInsertMessage =
    "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr const char* kInsertBody = "INSERT INTO body VALUES (?, ?)";
constexpr const char* kInsertRecipient =
    "INSERT INTO recipient VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?, '', '')";
constexpr const char* kDue =
    "SELECT message, domain FROM recipient INDEXED BY recipient_due WHERE state = 0 AND"
    " next_attempt <= ? ORDER BY next_attempt, message";
constexpr const char* kDueOfDomain =
    "SELECT message, domain FROM recipient INDEXED BY recipient_domain WHERE state = 0 AND"
    " next_attempt <= ? AND domain = ? ORDER BY next_attempt, message";
constexpr const char* kNextDomain =
    "SELECT domain FROM recipient INDEXED BY recipient_domain WHERE state = 0 AND domain > ?"
    " ORDER BY domain LIMIT 1";
constexpr const char* kNextDue =
    "SELECT next_attempt, message, domain FROM recipient INDEXED BY recipient_due WHERE state = 0"
    " ORDER BY next_attempt";
constexpr const char* kMessage =
    "SELECT sender, eight_bit, size, arrived, client, session, partner, secured, expires"
    " FROM message WHERE id = ?";
constexpr const char* kRecipients =
    "SELECT number, local, domain, notify, original, state, attempts, next_attempt, text, ladder"
    " FROM recipient WHERE message = ? ORDER BY number";
// What was set aside during the attempt does not wait again.
constexpr const char* kSettle =
    "UPDATE recipient SET state = iif(state = 3 AND ?1 = 0, 3, ?1), attempts = attempts + 1,"
    " next_attempt = ?2, text = ?3, ladder = ?4 WHERE message = ?5 AND number = ?6";
constexpr const char* kHasWaiting =
    "SELECT 1 FROM recipient WHERE message = ? AND state IN (0, 3) LIMIT 1";
constexpr const char* kSetAsideMessage =
    "UPDATE recipient SET state = 3 WHERE message = ? AND state = 0";

// Rows of claims that may not be taken, before the search goes on by domain: a queue that is full
// of mail for one busy domain is not walked through each time.
constexpr size_t kLookPast = 1000;

// The end of the year 9999: later ones, like those before 1970, are damage, and would overflow.
constexpr int64_t kLatest = 253'402'300'799'999;

bool is_plausible_text(const std::string& text, size_t limit) {
    return text.size() <= limit && text.find('\0') == std::string::npos;
}

bool is_plausible_time(int64_t millis) { return millis >= 0 && millis <= kLatest; }

std::optional<QueuedRecipient> recipient_from(const Statement& row) {
    QueuedRecipient recipient{
        .number = row.integer(0),
        .recipient = {.address = {.local = row.text(1), .domain = row.text(2)},
                      .notify = row.text(3),
                      .original = row.text(4)},
        .state = RecipientState::Waiting,
        .attempts = static_cast<int>(row.integer(6)),
        .next_attempt = from_millis(row.integer(7)),
        .last_text = row.text(8),
        .last_ladder = row.text(9)};
    const int64_t state = row.integer(5);
    const auto parsed = mail::parse_address(recipient.recipient.address.text());
    const bool sound = parsed && *parsed == recipient.recipient.address && recipient.number >= 0 &&
                       row.integer(6) >= 0 && row.integer(6) < 1'000'000 && state >= kWaiting &&
                       state <= kSetAside && is_plausible_time(row.integer(7)) &&
                       is_plausible_text(recipient.last_text, 1U << 16U) &&
                       is_plausible_text(recipient.recipient.notify, 100) &&
                       is_plausible_text(recipient.recipient.original, 1000);
    if (!sound) {
        return std::nullopt;
    }
    if (state != kSetAside) {
        recipient.state = static_cast<RecipientState>(state);
    }
    return recipient;
}

// Empty: sound. Else what is wrong.
std::string message_from(const Statement& row, QueuedMessage& message) {
    if (!row.is_null(0)) {
        message.sender = mail::parse_address(row.text(0));
        if (!message.sender) {
            return "the sender is not an address";
        }
    }
    message.eight_bit = row.integer(1) != 0;
    if (row.integer(2) < 0) {
        return "the size is negative";
    }
    message.size = static_cast<uint64_t>(row.integer(2));
    if (!is_plausible_time(row.integer(3)) || !is_plausible_time(row.integer(8))) {
        return "the time of arrival or expiry is none";
    }
    for (const int column : {4, 5, 6}) {
        if (!is_plausible_text(row.text(column), 1000)) {
            return "the client, session or partner is malformed";
        }
    }
    message.arrival = {.time = from_millis(row.integer(3)),
                       .client = row.text(4),
                       .session = row.text(5),
                       .partner = row.text(6),
                       .domain_secured = row.integer(7) != 0,
                       .expires = from_millis(row.integer(8))};
    return {};
}

}  // namespace

QueueId id_text(int64_t number) { return fmt::format("{:016X}", number); }

std::optional<int64_t> id_number(std::string_view text) {
    int64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number, 16);
    const bool good = text.size() == 16 && error == std::errc() && stop == end && number > 0;
    return good ? std::optional(number) : std::nullopt;
}

void Checksum::add(std::string_view bytes) {
    uint64_t state = state_;
    for (const char c : bytes) {
        state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    }
    state_ = state;
}

// What an earlier run set aside: listed still, not reported a second time.
Result<void> Records::recall_set_aside() {
    const auto query = use("SELECT DISTINCT message FROM recipient WHERE state = 3");
    if (!query) {
        return std::unexpected(query.error());
    }
    while (true) {
        const auto row = (*query)->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        if (!*row) {
            (*query)->reset();
            return {};
        }
        const int64_t id = (*query)->integer(0);
        if (aside_ids_.insert(id).second) {
            set_aside_.push_back(id_text(id) + ": set aside by an earlier run");
        }
    }
}

Result<Statement*> Records::use(const char* sql) {
    const auto found = statements_.find(sql);
    if (found != statements_.end()) {
        found->second.reset();
        return &found->second;
    }
    const auto database = this->database();
    if (!database) {
        return std::unexpected(database.error());
    }
    auto prepared = (*database)->prepare(sql);
    if (!prepared) {
        return std::unexpected(prepared.error());
    }
    return &statements_.emplace(sql, std::move(*prepared)).first->second;
}

Result<int64_t> Records::highest_id() {
    // Without what a damaged table may hold at the end of the range: ids must be able to grow.
    const auto query =
        use("SELECT coalesce(max(id), 0) FROM message WHERE id < 9223372032559808512");
    if (!query) {
        return std::unexpected(query.error());
    }
    const auto row = (*query)->step();
    const int64_t id = row && *row ? (*query)->integer(0) : 0;
    (*query)->reset();
    return row ? Result<int64_t>(id) : std::unexpected(row.error());
}

Result<std::set<int64_t>> Records::ids_in_files() {
    const auto query = use("SELECT id FROM message WHERE in_file <> 0");
    if (!query) {
        return std::unexpected(query.error());
    }
    std::set<int64_t> ids;
    while (true) {
        const auto row = (*query)->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        if (!*row) {
            (*query)->reset();
            return ids;
        }
        ids.insert((*query)->integer(0));
    }
}

Result<void> Records::insert(const StoredMessage& message, Time now) {
    const auto row = use(kInsertMessage);
    const auto body = use(kInsertBody);
    const auto recipient = use(kInsertRecipient);
    if (!row || !body || !recipient) {
        return std::unexpected(!row ? row.error() : !body ? body.error() : recipient.error());
    }
    const Arrival& arrival = *message.arrival;
    (*row)->bind(message.id);
    const auto& sender = message.envelope->sender;
    sender ? (*row)->bind_text(sender->text()) : (*row)->bind_null();
    (*row)
        ->bind(message.envelope->eight_bit ? 1 : 0)
        .bind(static_cast<int64_t>(message.size))
        .bind(message.checksum)
        .bind(message.bytes ? 0 : 1)
        .bind(to_millis(arrival.time))
        .bind_text(arrival.client)
        .bind_text(arrival.session)
        .bind_text(arrival.partner)
        .bind(arrival.domain_secured ? 1 : 0)
        .bind(to_millis(arrival.expires));
    if (auto done = (*row)->run(); !done) {
        return done;
    }
    if (message.bytes) {
        if (auto done = (*body)->bind(message.id).bind_blob(*message.bytes).run(); !done) {
            return done;
        }
    }
    int64_t number = 0;
    for (const mail::Recipient& one : message.envelope->recipients) {
        (*recipient)
            ->bind(message.id)
            .bind(number++)
            .bind_text(one.address.local)
            .bind_text(one.address.domain)
            .bind_text(one.notify)
            .bind_text(one.original)
            .bind(to_millis(now));
        if (auto done = (*recipient)->run(); !done) {
            return done;
        }
    }
    return {};
}

Result<std::vector<Claim>> Records::due(Time now, size_t limit, const Skip& is_leased,
                                        const std::function<bool(const std::string&)>& is_blocked) {
    const auto query = use(kDue);
    if (!query) {
        return std::unexpected(query.error());
    }
    (*query)->bind(to_millis(now));
    Search search{.limit = limit, .skip = [&](const Claim& claim) {
                      return is_leased(claim) || is_blocked(claim.second);
                  }};
    auto done = walk(**query, search, kLookPast);
    if (done && !*done) {
        done = walk_domains(now, search, is_blocked);
    }
    return done ? Result<std::vector<Claim>>(std::move(search.claims))
                : std::unexpected(done.error());
}

// Adds what the rows name; false: so many in vain that it gave up.
Result<bool> Records::walk(Statement& query, Search& search, size_t most_skipped) {
    size_t skipped = 0;
    bool goes_on = true;
    while (goes_on && search.claims.size() < search.limit && skipped < most_skipped) {
        const auto row = query.step();
        if (!row) {
            return row;
        }
        goes_on = *row;
        if (!goes_on) {
            break;
        }
        Claim claim(query.integer(0), query.text(1));
        if (search.seen.contains(claim) || search.skip(claim)) {
            ++skipped;
        } else {
            search.seen.insert(claim);
            search.claims.push_back(std::move(claim));
        }
    }
    query.reset();
    return !goes_on || search.claims.size() >= search.limit;
}

// Domain after domain, from where the last search ended, so that each has its turn.
Result<bool> Records::walk_domains(Time now, Search& search,
                                   const std::function<bool(const std::string&)>& is_blocked) {
    const std::string start = last_domain_;
    bool is_second_round = false;
    while (search.claims.size() < search.limit) {
        const auto next = use(kNextDomain);
        const auto query = use(kDueOfDomain);
        if (!next || !query) {
            return std::unexpected(!next ? next.error() : query.error());
        }
        const auto row = (*next)->bind_text(last_domain_).step();
        if (!row) {
            return row;
        }
        std::string domain = *row ? (*next)->text(0) : std::string();
        (*next)->reset();
        if (is_second_round && (!*row || domain > start)) {
            break;
        }
        is_second_round = is_second_round || !*row;
        last_domain_ = std::move(domain);
        if (*row && !is_blocked(last_domain_)) {
            (*query)->bind(to_millis(now)).bind_text(last_domain_);
            if (auto done = walk(**query, search, SIZE_MAX); !done) {
                return done;
            }
        }
    }
    return true;
}

Result<std::optional<Time>> Records::next_due(const Skip& skip) {
    const auto query = use(kNextDue);
    if (!query) {
        return std::unexpected(query.error());
    }
    std::optional<Time> earliest;
    while (!earliest) {
        const auto row = (*query)->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        if (!*row) {
            break;
        }
        if (!skip(Claim((*query)->integer(1), (*query)->text(2)))) {
            earliest = from_millis((*query)->integer(0));
        }
    }
    (*query)->reset();
    return earliest;
}

Result<std::optional<QueuedMessage>> Records::read(int64_t id, const std::string& domain,
                                                   std::optional<Time> due) {
    const auto query = use(kMessage);
    if (!query) {
        return std::unexpected(query.error());
    }
    const auto row = (*query)->bind(id).step();
    if (!row) {
        return std::unexpected(row.error());
    }
    QueuedMessage message;
    message.id = id_text(id);
    const bool exists = *row;
    std::string damage = !exists   ? "its message is missing"
                         : id <= 0 ? "its id is none of ours"
                                   : message_from(**query, message);
    (*query)->reset();
    if (exists && damage.empty()) {
        if (auto done = read_recipients(message, id, domain, due, damage); !done) {
            return std::unexpected(done.error());
        }
    }
    if (!damage.empty()) {
        if (exists || !domain.empty()) {
            if (auto done = put_aside(id, damage); !done) {
                return std::unexpected(done.error());
            }
        }
        return std::optional<QueuedMessage>();
    }
    return std::optional(std::move(message));
}

Result<void> Records::read_recipients(QueuedMessage& message, int64_t id, const std::string& domain,
                                      std::optional<Time> due, std::string& damage) {
    const auto query = use(kRecipients);
    if (!query) {
        return std::unexpected(query.error());
    }
    (*query)->bind(id);
    while (true) {
        const auto row = (*query)->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        if (!*row) {
            break;
        }
        auto recipient = recipient_from(**query);
        if (!recipient) {
            damage = "a recipient is malformed";
            break;
        }
        const bool wanted = domain.empty() || (recipient->recipient.address.domain == domain &&
                                               (*query)->integer(5) == kWaiting &&
                                               (!due || recipient->next_attempt <= *due));
        if (wanted) {
            message.recipients.push_back(std::move(*recipient));
        }
    }
    (*query)->reset();
    return {};
}

Result<void> Records::put_aside(int64_t id, const std::string& why) {
    const auto update = use(kSetAsideMessage);
    if (!update) {
        return std::unexpected(update.error());
    }
    note_aside(id, why);
    return (*update)->bind(id).run();
}

void Records::note_aside(int64_t id, const std::string& why) {
    if (aside_ids_.insert(id).second) {
        set_aside_.push_back(id_text(id) + ": " + why);
        log_.emit(observe::Event::RecordSetAside, {{"id", id_text(id)}, {"text", why}});
    }
}

Result<void> Records::settle(int64_t id, const std::vector<Settlement>& settlements) {
    const auto update = use(kSettle);
    if (!update) {
        return std::unexpected(update.error());
    }
    for (const Settlement& one : settlements) {
        (*update)
            ->bind(static_cast<int64_t>(one.state))
            .bind(to_millis(one.next_attempt))
            .bind_text(one.text)
            .bind_text(one.ladder)
            .bind(id)
            .bind(one.number);
        if (auto done = (*update)->run(); !done) {
            return done;
        }
    }
    return {};
}

Result<bool> Records::has_waiting(int64_t id) {
    const auto query = use(kHasWaiting);
    if (!query) {
        return std::unexpected(query.error());
    }
    const auto row = (*query)->bind(id).step();
    (*query)->reset();
    return row;
}

Result<void> Records::remove(int64_t id) {
    for (const char* sql : {"DELETE FROM recipient WHERE message = ?",
                            "DELETE FROM body WHERE id = ?", "DELETE FROM message WHERE id = ?"}) {
        const auto statement = use(sql);
        if (!statement) {
            return std::unexpected(statement.error());
        }
        if (auto done = (*statement)->bind(id).run(); !done) {
            return done;
        }
    }
    return {};
}

Result<std::optional<BodyPlace>> Records::body(int64_t id) {
    const auto query =
        use("SELECT m.size, m.checksum, m.in_file, b.bytes FROM message m"
            " LEFT JOIN body b ON b.id = m.id WHERE m.id = ?");
    if (!query) {
        return std::unexpected(query.error());
    }
    const auto row = (*query)->bind(id).step();
    if (!row) {
        return std::unexpected(row.error());
    }
    std::optional<BodyPlace> place;
    if (*row) {
        place = BodyPlace{.size = static_cast<uint64_t>((*query)->integer(0)),
                          .checksum = (*query)->integer(1),
                          .bytes = std::nullopt};
        if ((*query)->integer(2) == 0) {
            place->bytes = (*query)->text(3);
        }
    }
    (*query)->reset();
    return place;
}

Result<std::vector<int64_t>> Records::ids_after(int64_t id, size_t limit) {
    const auto query = use("SELECT id FROM message WHERE id > ? ORDER BY id LIMIT ?");
    if (!query) {
        return std::unexpected(query.error());
    }
    (*query)->bind(id).bind(static_cast<int64_t>(limit));
    std::vector<int64_t> ids;
    while (true) {
        const auto row = (*query)->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        if (!*row) {
            (*query)->reset();
            return ids;
        }
        ids.push_back((*query)->integer(0));
    }
}

Result<Summary> Records::summary() {
    const auto query =
        use("SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM recipient WHERE state"
            " = 0), (SELECT min(arrived) FROM message)");
    if (!query) {
        return std::unexpected(query.error());
    }
    const auto row = (*query)->step();
    if (!row) {
        return std::unexpected(row.error());
    }
    Summary summary{.messages = static_cast<uint64_t>((*query)->integer(0)),
                    .recipients = static_cast<uint64_t>((*query)->integer(1)),
                    .oldest = std::nullopt};
    if (!(*query)->is_null(2)) {
        summary.oldest = from_millis((*query)->integer(2));
    }
    (*query)->reset();
    return summary;
}

Result<uint64_t> Records::make_due(std::optional<int64_t> id, Time now) {
    const auto update =
        use("UPDATE recipient SET next_attempt = ?1 WHERE state = 0 AND (?2 = 0 OR message = ?2)");
    const auto changed = use("SELECT changes()");
    if (!update || !changed) {
        return std::unexpected(!update ? update.error() : changed.error());
    }
    if (auto done = (*update)->bind(to_millis(now)).bind(id.value_or(0)).run(); !done) {
        return std::unexpected(done.error());
    }
    const auto row = (*changed)->step();
    const auto count = static_cast<uint64_t>((*changed)->integer(0));
    (*changed)->reset();
    return row ? Result<uint64_t>(count) : std::unexpected(row.error());
}

}  // namespace valija::queue
