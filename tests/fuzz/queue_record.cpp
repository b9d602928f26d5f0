// Any values in the queue's tables: what is read back is sound, or is set aside. A field a line:
// "i<number>" is a number, "n" NULL, all else text; ten of a message, then ten of a recipient.
#include <charconv>

#include "fuzz/check.hpp"
#include "platform/store/database.hpp"
#include "support/temporary_directory.hpp"
#include "transport/queue/spool_records.hpp"

namespace {

using namespace valija;

void bind_field(store::Statement& statement, std::string_view field) {
    int64_t number = 0;
    if (field == "n") {
        statement.bind_null();
    } else if (field.starts_with('i')) {
        std::from_chars(field.data() + 1, field.data() + field.size(), number);
        statement.bind(number);
    } else {
        statement.bind_text(field);
    }
}

struct Tables {
    test::TemporaryDirectory directory;
    queue::Records records =
        queue::Records::open(directory.path("queue.db"), observe::Log(observe::make_null_sink()))
            .value();
    store::Database database = store::Database::open(directory.path("queue.db")).value();
    store::Statement message = database
                                   .prepare(
                                       "INSERT INTO message VALUES "
                                       "(5, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?)")
                                   .value();
    store::Statement recipient =
        database.prepare("INSERT INTO recipient VALUES (5, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").value();

    Tables() { CHECK_THAT(database.execute("PRAGMA synchronous=OFF").has_value()); }
};

void check_message(const queue::QueuedMessage& message) {
    CHECK_THAT(message.id == queue::id_text(5));
    CHECK_THAT(!message.sender || mail::parse_address(message.sender->text()));
    CHECK_THAT(to_millis(message.arrival.time) >= 0 && to_millis(message.arrival.expires) >= 0);
    for (const queue::QueuedRecipient& one : message.recipients) {
        CHECK_THAT(mail::parse_address(one.recipient.address.text()) == one.recipient.address);
        CHECK_THAT(one.number >= 0 && one.attempts >= 0 && to_millis(one.next_attempt) >= 0);
        CHECK_THAT(one.last_text.size() <= 1U << 16U);
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static Tables tables;
    CHECK_THAT(tables.database.execute("DELETE FROM message; DELETE FROM recipient").has_value());
    const auto fields = split(fuzz::text_of(data, size), '\n');
    for (size_t i = 0; i < 20; ++i) {
        bind_field(i < 10 ? tables.message : tables.recipient, i < fields.size() ? fields[i] : "");
    }
    static_cast<void>(tables.message.run());  // what the table refuses is not there
    static_cast<void>(tables.recipient.run());
    const Time now{std::chrono::hours(1)};
    const auto due = tables.records.due(
        now, 10, [](const queue::Claim&) { return false; },
        [](const std::string&) { return false; });
    CHECK_THAT(due.has_value());
    for (const queue::Claim& claim : *due) {
        const auto leased = tables.records.read(claim.first, claim.second, now);
        CHECK_THAT(leased.has_value());
        if (*leased) check_message(**leased);
    }
    const auto whole = tables.records.read(5, {}, std::nullopt);
    CHECK_THAT(whole.has_value() && tables.records.body(5).has_value());
    if (*whole) check_message(**whole);
    return 0;
}
