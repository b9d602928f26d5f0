// A spool in a directory of its own, and what the tests of this folder do with it.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "platform/store/database.hpp"
#include "support/lines_sink.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"
#include "transport/queue/spool.hpp"

namespace valija::queue {

using test::run;

constexpr Time kNow{std::chrono::hours(24 * 365 * 50)};

inline bool none_blocked(const std::string& /*domain*/) { return false; }

inline mail::Envelope envelope_to(const std::vector<std::string>& recipients,
                                  const std::string& sender = "alice@a.example") {
    mail::Envelope envelope;
    if (!sender.empty()) envelope.sender = mail::parse_address(sender);
    for (const std::string& text : recipients) {
        envelope.recipients.push_back({.address = mail::parse_address(text).value()});
    }
    return envelope;
}

class SpoolTest : public testing::Test {
  protected:
    SpoolTest() { open(); }

    static SpoolOptions options_in(const std::string& directory) {
        return {.directory = directory, .memory_bound = 1000, .reserve_bytes = 0};
    }

    // Closes and opens again, as a restart does.
    void open(std::optional<SpoolOptions> options = std::nullopt) {
        spool_.reset();
        auto opened =
            Spool::open(options.value_or(options_in(directory_.path())), observe::Log(sink_));
        ASSERT_TRUE(opened.has_value()) << opened.error().text();
        spool_ = std::move(*opened);
    }

    Draft draft_of(std::string_view content) {
        Draft draft = spool_->begin();
        const auto appended = draft.append(content);
        EXPECT_TRUE(appended.has_value()) << appended.error().text();
        return draft;
    }

    static Arrival arrival(Time time = kNow) {
        return {.time = time,
                .client = "192.0.2.1 (mx.a.example)",
                .session = "S1",
                .partner = "a",
                .domain_secured = true,
                .expires = time + std::chrono::days(5)};
    }

    Result<void> try_commit(const QueueId& id, std::string_view content,
                            const std::vector<std::string>& recipients, Time time = kNow) {
        return run(spool_->commit(id, draft_of(content), envelope_to(recipients), arrival(time)));
    }

    QueueId commit(std::string_view content,
                   const std::vector<std::string>& recipients = {"bob@b.example"},
                   Time time = kNow) {
        QueueId id = spool_->new_id();
        const auto done = try_commit(id, content, recipients, time);
        EXPECT_TRUE(done.has_value()) << done.error().text();
        return id;
    }

    std::vector<Lease> lease(Time now = kNow, size_t limit = 100) {
        auto leases = run(spool_->lease(now, limit, none_blocked));
        EXPECT_TRUE(leases.has_value()) << leases.error().text();
        return leases ? std::move(*leases) : std::vector<Lease>();
    }

    Lease lease_one(Time now = kNow) {
        auto leases = lease(now, 1);
        EXPECT_EQ(leases.size(), 1U);
        return leases.empty() ? Lease() : std::move(leases.front());
    }

    // All recipients of the lease come to the same end.
    Result<void> settle(const Lease& lease, RecipientState state, Time next = kNow,
                        std::optional<NewMessage> report = std::nullopt) {
        std::vector<Settlement> settlements;
        for (const QueuedRecipient& one : lease.message.recipients) {
            settlements.push_back({.number = one.number,
                                   .state = state,
                                   .next_attempt = next,
                                   .text = "250 2.1.5 fine",
                                   .ladder = ""});
        }
        return run(spool_->settle(lease, std::move(settlements), std::move(report)));
    }

    std::optional<QueuedMessage> find(const QueueId& id) {
        auto message = run(spool_->find(id));
        EXPECT_TRUE(message.has_value());
        return message ? std::move(*message) : std::nullopt;
    }

    Result<std::string> read_body(const QueueId& id) {
        auto body = run(spool_->open_body(id));
        if (!body) return std::unexpected(body.error());
        std::string text;
        while (true) {
            const auto chunk = body->next();
            if (!chunk) return std::unexpected(chunk.error());
            if (chunk->empty()) return text;
            EXPECT_LE(chunk->size(), 64U << 10U);
            text.append(*chunk);
        }
    }

    Summary summary() { return run(spool_->summary()).value_or(Summary{.messages = 999}); }

    std::set<std::string> body_files() const { return directory_.names("bodies"); }

    // Another hand in the tables: what a damaged disk or a stranger may leave there.
    void sql(const std::string& statement) const {
        auto database = store::Database::open(directory_.path("queue.db"));
        ASSERT_TRUE(database.has_value());
        const auto done = database->execute(statement);
        ASSERT_TRUE(done.has_value()) << done.error().text();
    }

    test::TemporaryDirectory directory_;
    std::shared_ptr<test::LinesSink> sink_ = std::make_shared<test::LinesSink>();
    std::unique_ptr<Spool> spool_;
};

}  // namespace valija::queue
