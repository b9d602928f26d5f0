// The one that is killed: several tasks commit messages and settle what they lease, as fast as the
// spool lets them.
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>

#include "crash/letters.hpp"
#include "support/run.hpp"

namespace valija::crash {
namespace {

constexpr int kTasks = 8;

void say(const std::string& words) {
    const std::string line = words + "\n";
    if (write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
        std::_Exit(1);  // nobody listens any more
    }
}

void must(const Result<void>& done) {
    if (!done) {
        say("fault " + done.error().text());
        std::_Exit(1);
    }
}

Task<void> commit_one(queue::Spool* spool) {
    const queue::QueueId id = spool->new_id();
    queue::Draft draft = spool->begin();
    std::string content = content_of(id);
    for (std::string_view rest = content; !rest.empty();) {
        must(draft.append(rest.substr(0, 1500)));
        rest.remove_prefix(std::min<size_t>(rest.size(), 1500));
    }
    must(co_await spool->commit(id, std::move(draft), envelope_of(id),
                                {.time = kNow, .expires = kNow + std::chrono::days(5)}));
    say("accepted " + id);
}

Task<void> settle_one(queue::Spool* spool, queue::Lease lease, uint64_t choice) {
    static constexpr const char* outcomes[] = {"delivered", "deferred", "failed"};
    const size_t outcome = choice % 3;
    std::vector<queue::Settlement> settlements;
    for (const queue::QueuedRecipient& one : lease.message.recipients) {
        settlements.push_back({.number = one.number,
                               .state = outcome == 0   ? queue::RecipientState::Delivered
                                        : outcome == 1 ? queue::RecipientState::Waiting
                                                       : queue::RecipientState::Failed,
                               .next_attempt = kNow});
    }
    std::optional<queue::NewMessage> report;
    if (outcome == 2) {
        report = queue::NewMessage{.content = report_of(lease.id, lease.domain)};
        report->envelope.recipients.push_back(
            {.address = *mail::parse_address("alice@" + std::string(kReportDomain))});
        report->arrival = {.time = kNow, .expires = kNow + std::chrono::days(5)};
    }
    const std::string words = lease.id + " " + lease.domain + " " + outcomes[outcome];
    say("settling " + words);
    must(co_await spool->settle(std::move(lease), std::move(settlements), std::move(report)));
    say("settled " + words);
}

Task<void> work(queue::Spool* spool, uint64_t seed) {
    std::mt19937_64 random(seed);
    while (true) {
        co_await commit_one(spool);
        auto leases = co_await spool->lease(
            kNow, 2, [](const std::string& domain) { return domain == kReportDomain; });
        must(leases ? Result<void>() : std::unexpected(leases.error()));
        for (queue::Lease& lease : *leases) {
            co_await settle_one(spool, std::move(lease), random());
        }
    }
}

}  // namespace

int work_until_killed(const std::string& directory, uint64_t seed) {
    auto spool = queue::Spool::open(options_in(directory), observe::Log(observe::make_null_sink()));
    if (!spool) {
        say("fault " + spool.error().text());
        return 1;
    }
    boost::asio::io_context context(1);
    for (int i = 0; i < kTasks; ++i) {
        test::start(context, work(spool->get(), seed * kTasks + static_cast<uint64_t>(i)));
    }
    context.run();
    return 0;
}

}  // namespace valija::crash
