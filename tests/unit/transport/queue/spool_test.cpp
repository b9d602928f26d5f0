// Commit, lease, settle: the life of a message in a queue that does not stop.
#include "transport/queue/spool.hpp"

#include <atomic>
#include <fstream>

#include "unit/transport/queue/spool_fixture.hpp"

namespace valija::queue {
namespace {

TEST_F(SpoolTest, IdsAreSixteenDigitsInOrderOfArrivalAndNeverTwice) {
    QueueId last;
    for (int i = 0; i < 10000; ++i) {
        const QueueId id = spool_->new_id();
        ASSERT_EQ(id.size(), 16U);
        ASSERT_EQ(id.find_first_not_of("0123456789ABCDEF"), std::string::npos);
        ASSERT_LT(last, id);
        last = id;
    }
}

// IR-20
TEST_F(SpoolTest, ContentComesBackByteForByteWhateverItIs) {
    std::string bytes;
    for (int i = 0; i < 700; ++i) bytes += static_cast<char>(i);
    for (const size_t size : {size_t{0}, size_t{1}, size_t{999}, size_t{1000}, size_t{1001},
                              size_t{64} << 10U, (size_t{64} << 10U) + 1, size_t{300000}}) {
        std::string content;
        while (content.size() < size) content += bytes;
        content.resize(size);
        const QueueId id = commit(content);
        EXPECT_EQ(read_body(id), content) << size;
        EXPECT_EQ(find(id)->size, size);
    }
}

TEST_F(SpoolTest, WhatIsKnownOfAMessageComesBackWithIt) {
    const QueueId id = spool_->new_id();
    mail::Envelope envelope = envelope_to({"bob@b.example", "\"carol c\"@[192.0.2.7]"});
    envelope.eight_bit = true;
    envelope.recipients[0].notify = "FAILURE,DELAY";
    envelope.recipients[0].original = "rfc822;bob@b.example";
    ASSERT_TRUE(run(spool_->commit(id, draft_of("x"), envelope, arrival())).has_value());
    const auto message = find(id);
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->id, id);
    EXPECT_EQ(message->sender, envelope.sender);
    EXPECT_TRUE(message->eight_bit);
    EXPECT_EQ(message->arrival.time, kNow);
    EXPECT_EQ(message->arrival.client, "192.0.2.1 (mx.a.example)");
    EXPECT_EQ(message->arrival.session, "S1");
    EXPECT_EQ(message->arrival.partner, "a");
    EXPECT_TRUE(message->arrival.domain_secured);
    EXPECT_EQ(message->arrival.expires, kNow + std::chrono::days(5));
    ASSERT_EQ(message->recipients.size(), 2U);
    EXPECT_EQ(message->recipients[0].recipient.notify, "FAILURE,DELAY");
    EXPECT_EQ(message->recipients[0].recipient.original, "rfc822;bob@b.example");
    EXPECT_EQ(message->recipients[1].recipient.address.text(), "\"carol c\"@[192.0.2.7]");
    EXPECT_EQ(message->recipients[1].attempts, 0);
}

TEST_F(SpoolTest, TheNullSenderStaysNull) {
    const QueueId id = spool_->new_id();
    ASSERT_TRUE(run(spool_->commit(id, draft_of("x"), envelope_to({"b@b.example"}, ""), arrival()))
                    .has_value());
    EXPECT_FALSE(find(id)->sender.has_value());
}

TEST_F(SpoolTest, ALargeBodyLiesInAFileWhileItIsReceivedAndIsNotInMemory) {
    Draft draft = spool_->begin();
    const std::string chunk(400, 'x');
    ASSERT_TRUE(draft.append(chunk).has_value());
    ASSERT_TRUE(draft.append(chunk).has_value());
    EXPECT_TRUE(body_files().empty()) << "800 bytes are below the bound";
    ASSERT_TRUE(draft.append(chunk).has_value());
    const auto files = body_files();
    ASSERT_EQ(files.size(), 1U);
    EXPECT_TRUE(files.begin()->ends_with(".part"));
    // All that was received is in the file already: the draft keeps nothing back.
    EXPECT_EQ(directory_.read("bodies/" + *files.begin()), chunk + chunk + chunk);
    EXPECT_EQ(draft.size(), 1200U);
    const QueueId id = spool_->new_id();
    ASSERT_TRUE(run(spool_->commit(id, std::move(draft), envelope_to({"b@b.example"}), arrival()))
                    .has_value());
    EXPECT_EQ(body_files(), std::set<std::string>{id});
}

TEST_F(SpoolTest, ADraftThatIsNotCommittedLeavesNothing) {
    {
        const Draft draft = draft_of(std::string(5000, 'x'));
    }
    EXPECT_TRUE(body_files().empty());
    EXPECT_EQ(summary().messages, 0U);
}

TEST_F(SpoolTest, ALeaseHoldsTheRecipientsOfOneDomainAndNobodyGetsThemTwice) {
    const QueueId id = commit("x", {"b@b.example", "c@c.example", "bb@b.example"});
    const auto leases = lease();
    ASSERT_EQ(leases.size(), 2U);
    for (const Lease& one : leases) {
        EXPECT_EQ(one.id, id);
        EXPECT_EQ(one.message.recipients.size(), one.domain == "b.example" ? 2U : 1U);
        for (const auto& recipient : one.message.recipients) {
            EXPECT_EQ(recipient.recipient.address.domain, one.domain);
        }
    }
    EXPECT_TRUE(lease().empty());
    spool_->release(leases[0]);
    const auto again = lease();
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].domain, leases[0].domain);
}

TEST_F(SpoolTest, LeasesComeOldestFirstWithinTheLimitAndWithoutBlockedDomains) {
    const QueueId late = commit("x", {"b@b.example"}, kNow + std::chrono::seconds(2));
    const QueueId early = commit("x", {"b@b.example"}, kNow);
    const QueueId blocked = commit("x", {"b@blocked.example"}, kNow - std::chrono::seconds(9));
    const Time now = kNow + std::chrono::minutes(1);
    const auto is_blocked = [](const std::string& domain) { return domain == "blocked.example"; };
    auto leases = run(spool_->lease(now, 1, is_blocked)).value();
    ASSERT_EQ(leases.size(), 1U);
    EXPECT_EQ(leases[0].id, early);
    leases = run(spool_->lease(now, 9, is_blocked)).value();
    ASSERT_EQ(leases.size(), 1U);
    EXPECT_EQ(leases[0].id, late);
    EXPECT_EQ(lease(now).at(0).id, blocked);
}

TEST_F(SpoolTest, WhatIsNotDueIsNotLeasedAndNextDueNamesTheMoment) {
    EXPECT_EQ(run(spool_->next_due()).value(), std::nullopt);
    commit("x", {"b@b.example"}, kNow);
    EXPECT_TRUE(lease(kNow - std::chrono::milliseconds(1)).empty());
    EXPECT_EQ(run(spool_->next_due()).value(), kNow);
    const Lease held = lease_one(kNow);
    EXPECT_EQ(run(spool_->next_due()).value(), std::nullopt) << "a leased one waits for nobody";
    spool_->release(held);
    EXPECT_EQ(run(spool_->next_due()).value(), kNow);
}

TEST_F(SpoolTest, ACompletedMessageIsGoneWithItsBodyAndItsFile) {
    const QueueId id = commit(std::string(5000, 'x'));
    ASSERT_TRUE(settle(lease_one(), RecipientState::Delivered).has_value());
    EXPECT_FALSE(find(id).has_value());
    EXPECT_EQ(summary().messages, 0U);
    EXPECT_TRUE(body_files().empty());
    const auto body = run(spool_->open_body(id));
    ASSERT_FALSE(body.has_value());
    EXPECT_EQ(body.error().kind, FaultKind::Input);
}

TEST_F(SpoolTest, AMessageStaysUntilItsLastRecipientIsSettled) {
    const QueueId id = commit("x", {"b@b.example", "c@c.example"});
    const auto leases = lease();
    ASSERT_TRUE(settle(leases.at(0), RecipientState::Delivered).has_value());
    const auto message = find(id);
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(summary().recipients, 1U);
    ASSERT_TRUE(settle(leases.at(1), RecipientState::Failed).has_value());
    EXPECT_FALSE(find(id).has_value());
}

TEST_F(SpoolTest, ADeferredRecipientWaitsUntilItsTimeAndRemembersTheAttempt) {
    const QueueId id = commit("x");
    const Time next = kNow + std::chrono::minutes(5);
    const Lease first = lease_one();
    ASSERT_TRUE(run(spool_->settle(first,
                                   {{.number = 0,
                                     .state = RecipientState::Waiting,
                                     .next_attempt = next,
                                     .text = "451 4.3.0 later",
                                     .ladder = "policy\tpass\t\t\tok\t\n"}},
                                   std::nullopt))
                    .has_value());
    EXPECT_TRUE(lease(next - std::chrono::milliseconds(1)).empty());
    const Lease again = lease_one(next);
    ASSERT_EQ(again.message.recipients.size(), 1U);
    const QueuedRecipient& recipient = again.message.recipients[0];
    EXPECT_EQ(recipient.attempts, 1);
    EXPECT_EQ(recipient.last_text, "451 4.3.0 later");
    EXPECT_EQ(recipient.last_ladder, "policy\tpass\t\t\tok\t\n");
    EXPECT_EQ(recipient.next_attempt, next);
    EXPECT_EQ(again.id, id);
}

TEST_F(SpoolTest, ALeaseHoldsNoRecipientOfTheDomainThatIsNotDueYet) {
    commit("x", {"b@b.example", "bb@b.example"});
    const Lease both = lease_one();
    const Time later = kNow + std::chrono::hours(1);
    ASSERT_TRUE(
        run(spool_->settle(
                both, {{.number = 0, .next_attempt = later}, {.number = 1, .next_attempt = kNow}},
                std::nullopt))
            .has_value());
    const Lease one = lease_one(kNow);
    ASSERT_EQ(one.message.recipients.size(), 1U);
    EXPECT_EQ(one.message.recipients[0].number, 1);
}

TEST_F(SpoolTest, AReportIsQueuedWithTheFailureItTellsOf) {
    const QueueId id = commit("x");
    NewMessage report{.envelope = envelope_to({"alice@a.example"}, ""),
                      .arrival = arrival(),
                      .content = "it failed"};
    ASSERT_TRUE(settle(lease_one(), RecipientState::Failed, kNow, report).has_value());
    EXPECT_FALSE(find(id).has_value());
    const Lease about = lease_one();
    EXPECT_FALSE(about.message.sender.has_value());
    EXPECT_EQ(about.domain, "a.example");
    EXPECT_EQ(read_body(about.id), "it failed");
}

TEST_F(SpoolTest, RetryMakesOneOrAllDueNow) {
    const QueueId one = commit("x");
    const QueueId two = commit("x");
    const Time later = kNow + std::chrono::hours(1);
    for (const Lease& held : lease()) {
        ASSERT_TRUE(settle(held, RecipientState::Waiting, later).has_value());
    }
    EXPECT_EQ(run(spool_->retry("no id", kNow)).value(), 0U);
    EXPECT_EQ(run(spool_->retry(one, kNow)).value(), 1U);
    EXPECT_EQ(lease_one().id, one);
    EXPECT_EQ(run(spool_->retry("", kNow)).value(), 2U);
    EXPECT_EQ(lease_one().id, two);
}

TEST_F(SpoolTest, TheListIsPagedByIdAndTheSummaryCounts) {
    std::vector<QueueId> ids;
    for (int i = 0; i < 5; ++i) ids.push_back(commit("x", {"b@b.example", "c@c.example"}));
    std::vector<QueueId> seen;
    QueueId after;
    while (true) {
        const auto page = run(spool_->list(after, 2)).value();
        if (page.empty()) break;
        EXPECT_LE(page.size(), 2U);
        for (const auto& message : page) seen.push_back(message.id);
        after = page.back().id;
    }
    EXPECT_EQ(seen, ids);
    EXPECT_EQ(summary().messages, 5U);
    EXPECT_EQ(summary().recipients, 10U);
    EXPECT_EQ(summary().oldest, kNow);
}

TEST_F(SpoolTest, NoIdOpensNothing) {
    EXPECT_FALSE(find("../../../../etc/passwd").has_value());
    for (const char* id :
         {"", "../lock", "000000000000000G", "0000000000000000", "-000000000000001"}) {
        const auto body = run(spool_->open_body(id));
        ASSERT_FALSE(body.has_value()) << id;
        EXPECT_EQ(body.error().kind, FaultKind::Input);
    }
}

TEST_F(SpoolTest, EveryCommitAndEveryEndOfALeaseWakesTheDispatcher) {
    std::atomic<int> woken{0};
    spool_->on_work([&] { ++woken; });
    commit("x");
    EXPECT_EQ(woken, 1);
    ASSERT_TRUE(settle(lease_one(), RecipientState::Waiting).has_value());
    EXPECT_EQ(woken, 2);
    spool_->release(lease_one());
    EXPECT_TRUE(lease().size() <= 1);  // the writer has come past the release by now
    EXPECT_EQ(woken, 3);
    run(spool_->retry("", kNow)).value();
    EXPECT_EQ(woken, 4);
}

TEST_F(SpoolTest, ManyCommitsAtOnceAreAllDurableAndAllThere) {
    boost::asio::io_context context(1);
    constexpr size_t count = 300;
    std::vector<std::optional<Result<void>>> done(count);
    std::vector<QueueId> ids;
    for (size_t i = 0; i < count; ++i) {
        ids.push_back(spool_->new_id());
        const std::string content = "message " + std::to_string(i);
        const size_t copies = i % 10 == 0 ? 500 : 1;
        Draft draft = spool_->begin();
        for (size_t copy = 0; copy < copies; ++copy) ASSERT_TRUE(draft.append(content).has_value());
        test::start(
            context,
            spool_->commit(ids[i], std::move(draft), envelope_to({"b@b.example"}), arrival()),
            done[i]);
    }
    context.run();
    open();
    for (size_t i = 0; i < count; ++i) {
        ASSERT_TRUE(done[i].has_value() && done[i]->has_value()) << i;
        const auto body = read_body(ids[i]);
        ASSERT_TRUE(body.has_value()) << body.error().text();
        EXPECT_TRUE(body->starts_with("message " + std::to_string(i)));
    }
    EXPECT_EQ(summary().messages, count);
    EXPECT_EQ(body_files().size(), count / 10);
}

TEST_F(SpoolTest, MuchMailOfABlockedDomainDoesNotHideTheOthersAndEachHasItsTurn) {
    std::vector<std::string> many;
    for (int i = 0; i < 1500; ++i) many.push_back("u" + std::to_string(i) + "@busy.example");
    commit("x", many);
    const QueueId b = commit("x", {"b@b.example"});
    const QueueId z = commit("x", {"z@z.example"});
    const auto next = [&]() -> QueueId {
        const auto leases = run(spool_->lease(
            kNow, 1, [](const std::string& domain) { return domain == "busy.example"; }));
        if (!leases || leases->size() != 1) return "none";
        spool_->release(leases->front());
        return leases->front().id;
    };
    EXPECT_EQ(next(), b);
    EXPECT_EQ(next(), z);
    EXPECT_EQ(next(), b);
    const auto both = run(spool_->lease(
        kNow, 10, [](const std::string& domain) { return domain == "busy.example"; }));
    ASSERT_TRUE(both.has_value());
    EXPECT_EQ(both->size(), 2U);
    EXPECT_EQ(run(spool_->lease(kNow, 10, none_blocked)).value().size(), 1U) << "of busy.example";
}

}  // namespace
}  // namespace valija::queue
