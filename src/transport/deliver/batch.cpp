#include "transport/deliver/batch.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "platform/base/text.hpp"
#include "transport/deliver/host_session.hpp"
#include "transport/deliver/settle.hpp"
#include "transport/route/mx_changes.hpp"
#include "transport/route/plan.hpp"

namespace valija::deliver {
namespace {

using boost::asio::ip::tcp;
using Endpoints = Result<std::vector<tcp::endpoint>>;

// Addresses tried for one batch, over all hosts: a domain with many dead ones must not hold a
// session for hours.
constexpr int kMostAttempts = 10;

// The state of one attempt for a batch.
struct Attempt {
    const Parts& parts;
    std::shared_ptr<Batch> batch;
    std::shared_ptr<const partners::World> world;
    route::Plan plan;
    uint16_t port;
    int tried = 0;
    std::optional<Trouble> last;
    route::Tried seen = {};
    std::map<std::string, std::vector<std::string>> addresses = {};  // of hosts looked up

    // A reload in between: what is left is planned anew, by the rules that are in force now.
    bool is_current() const { return parts.world.get() == world; }

    bool goes_on() const { return !batch->is_empty() && tried < kMostAttempts && is_current(); }
};

std::vector<Outcome> same_for_all(const queue::Lease& lease, const Trouble& trouble) {
    const std::string ladder = trouble.ladder.steps.empty() ? "" : trouble.ladder.record();
    return {lease.message.recipients.size(), Outcome{.trouble = trouble,
                                                     .text = {},
                                                     .ladder = ladder,
                                                     .remote = trouble.remote,
                                                     .tls = trouble.tls}};
}

Task<void> settle_rest(const Parts* parts, std::shared_ptr<Batch> batch, Trouble trouble) {
    while (!batch->is_empty()) {
        queue::Lease lease = batch->take();
        std::vector<Outcome> outcomes = same_for_all(lease, trouble);
        co_await settle(parts, std::move(lease), std::move(outcomes));
    }
}

void count_sent(const Parts& parts, const route::Plan& plan, const HostSession& session,
                const std::vector<Outcome>& outcomes) {
    const bool taken = std::ranges::any_of(outcomes, [](const Outcome& o) { return !o.trouble; });
    if (taken && session.is_proven()) {
        parts.counters.add(observe::Metric::DomainSecureSent, plan.partner->name,
                           plan.connector.name);
    }
}

// The messages of the batch over an open session, until it breaks or all are through.
Task<std::optional<Trouble>> send_all(Attempt* attempt, HostSession* session) {
    std::optional<Trouble> last;
    while (!attempt->batch->is_empty() && session->is_usable() && attempt->is_current()) {
        std::vector<Outcome> outcomes = co_await session->deliver(&attempt->batch->front());
        count_sent(attempt->parts, attempt->plan, *session, outcomes);
        last = outcomes.back().trouble;
        co_await settle(&attempt->parts, attempt->batch->take(), std::move(outcomes));
    }
    if (last) {
        last->of_tls = false;  // the session was secured; it broke later
    }
    co_await session->quit();
    co_return last;
}

Task<std::optional<Trouble>> try_once(Attempt* attempt, std::string host, tcp::endpoint endpoint,
                                      HostSession::Tls tls) {
    HostSession session(attempt->parts, attempt->plan, std::move(host), endpoint, tls);
    if (tls == HostSession::Tls::Never && attempt->last) {
        session.after(attempt->last->ladder);
    }
    std::optional<Trouble> trouble = co_await session.open();
    if (trouble) {
        trouble->tls = session.tls();
    } else {
        trouble = co_await send_all(attempt, &session);
    }
    co_return trouble;
}

// With TLS where it is offered; where an opportunistic handshake breaks, once more in clear.
Task<void> try_endpoint(Attempt* attempt, std::string host, tcp::endpoint endpoint) {
    ++attempt->tried;
    attempt->last = co_await try_once(attempt, host, endpoint, HostSession::Tls::IfOffered);
    const bool may_go_clear = attempt->plan.proof != route::Proof::Verified;
    if (attempt->last && attempt->last->of_tls && may_go_clear && attempt->is_current()) {
        attempt->last = co_await try_once(attempt, host, endpoint, HostSession::Tls::Never);
    }
}

// A partner's MX hosts or addresses are not those that were pinned: an event, and mail goes on
// (CI-11); what the certificate must prove is unchanged.
void note_changes(const Attempt& attempt) {
    const route::Plan& plan = attempt.plan;
    if (!plan.partner) {
        return;
    }
    const Time now = attempt.parts.clock.now();
    for (const Text& change : route::mx_changes(plan.partner->mx_known, plan, attempt.addresses)) {
        const std::string text = change.english();
        if (attempt.parts.told->is_news(plan.partner->name + " " + text, now)) {
            attempt.parts.log.emit(
                observe::Event::PartnerMxChanged,
                {{"partner", plan.partner->name}, {"domain", plan.domain}, {"text", text}});
        }
    }
}

Task<void> try_host(Attempt* attempt, std::string host) {
    const Endpoints endpoints =
        co_await route::addresses(attempt->plan, host, attempt->port, &attempt->parts.resolver);
    if (!endpoints) {
        attempt->last = from_look_up(attempt->plan, endpoints.error(), host);
        co_return;
    }
    for (const tcp::endpoint& endpoint : *endpoints) {
        attempt->addresses[host].push_back(endpoint.address().to_string());
    }
    for (const tcp::endpoint& endpoint : *endpoints) {
        if (!attempt->goes_on()) {
            co_return;
        }
        if (!attempt->seen.is_first(attempt->plan, host, endpoint)) {
            continue;
        }
        if (attempt->plan.kind == route::Kind::Smtp &&
            route::is_ourselves(attempt->world->directory, endpoint)) {
            route::Plan loop = attempt->plan;
            loop.kind = route::Kind::Loop;
            attempt->last = from_plan(loop);
            continue;
        }
        co_await try_endpoint(attempt, host, endpoint);
    }
}

Task<void> try_hosts(Attempt* attempt) {
    const std::vector<std::string> hosts = attempt->plan.hosts;
    for (const std::string& host : hosts) {
        if (!attempt->goes_on()) {
            co_return;
        }
        co_await try_host(attempt, host);
    }
}

}  // namespace

Batch::Batch(queue::Spool& spool, std::string domain, std::vector<queue::Lease> leases)
    : spool_(spool), domain_(std::move(domain)), leases_(std::move(leases)) {
    std::ranges::reverse(leases_);
}

Batch::~Batch() {
    for (const queue::Lease& lease : leases_) {
        spool_.release(lease);
    }
}

queue::Lease Batch::take() {
    queue::Lease lease = std::move(leases_.back());
    leases_.pop_back();
    return lease;
}

Task<void> deliver_batch(const Parts* parts, std::shared_ptr<Batch> batch) {
    const auto world = parts->world.get();
    route::Plan plan = co_await route::plan(world, batch->domain(), &parts->resolver);
    if (plan.kind != route::Kind::Smtp && plan.kind != route::Kind::Mailbox) {
        co_await settle_rest(parts, batch, from_plan(plan));
        co_return;
    }
    Attempt attempt{.parts = *parts,
                    .batch = batch,
                    .world = world,
                    .plan = std::move(plan),
                    .port = static_cast<uint16_t>(world->directory.server.smtp_port),
                    .last = std::nullopt};
    co_await try_hosts(&attempt);
    note_changes(attempt);
    if (!batch->is_empty() && attempt.is_current()) {
        co_await settle_rest(parts, batch,
                             attempt.last ? *attempt.last : without_address(attempt.plan));
    }
}

}  // namespace valija::deliver
