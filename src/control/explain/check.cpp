#include "control/explain/check.hpp"

#include <algorithm>

#include "control/explain/check_inbound.hpp"
#include "platform/base/text.hpp"
#include "platform/net/endpoint.hpp"
#include "platform/net/task_group.hpp"
#include "transport/deliver/path_ladder.hpp"
#include "transport/route/plan.hpp"

namespace valija::explain {
namespace {

using boost::asio::ip::tcp;
using route::Proof;

constexpr size_t kMostDomains = 10;
constexpr size_t kMostAddresses = 10;
constexpr auto kForOneAddress = std::chrono::seconds(20);
constexpr auto kForLists = std::chrono::seconds(8);
constexpr auto kForFailure = std::chrono::seconds(2);  // then a failed fetch is believed
constexpr Duration kLook = std::chrono::milliseconds(200);

// Delivery's parts with counters and a log of their own: a check is no failure of a partner.
class Quiet {
  public:
    explicit Quiet(const deliver::Parts& parts)
        : parts_{parts.world,
                 parts.credentials,
                 parts.spool,
                 parts.resolver,
                 parts.clock,
                 counters_,
                 observe::Log(observe::make_null_sink()),
                 parts.protocol_log,
                 parts.book,
                 parts.want,
                 parts.own,
                 parts.told} {}

    const deliver::Parts& parts() const { return parts_; }

  private:
    observe::Counters counters_;
    deliver::Parts parts_;
};

bool is_over(SteadyTime end) { return std::chrono::steady_clock::now() >= end; }

// One domain's outbound half, on its way.
struct Run {
    const CheckParts& parts;
    const deliver::Parts& quiet;
    SteadyTime end;
    size_t* budget;  // addresses left, over all domains
    std::shared_ptr<const partners::World> world;
    route::Plan plan;
    Outbound report;
    route::Tried seen = {};
    std::optional<deliver::Trouble> last = std::nullopt;  // as in a delivery it is what counts

    bool is_late() const { return is_over(end); }

    bool has_time() const { return !is_late() && *budget > 0; }
};

bool all_wanted_failed(const CheckParts& parts, const std::vector<identity::WantedList>& wanted) {
    const auto lists = parts.keeper.lists();
    return std::ranges::all_of(wanted, [&](const identity::WantedList& want) {
        return std::ranges::any_of(lists, [&](const revocation::ListState& list) {
            return list.url == want.url && !list.loaded && !list.last_error.empty();
        });
    });
}

// The keeper is asked for what is missing; the same evidence is judged again when it has it. True:
// now it is all there.
Task<bool> lists_came(const Run* run, deliver::HostSession* session) {
    if (!run->plan.partner || !session->evidence() ||
        !identity::lacks_revocation(session->ladder())) {
        co_return false;
    }
    auto book = run->quiet.book();
    const auto wanted = identity::wanted_lists(
        run->plan.partner->rule_for(run->plan.domain), *session->evidence(),
        session->heard().reached, identity::Direction::Outbound, *book, run->quiet.clock.now());
    for (const identity::WantedList& list : wanted) {
        run->parts.keeper.refresh(list.url);
    }
    const auto begin = std::chrono::steady_clock::now();
    const auto end = std::min(run->end, begin + kForLists);
    while (std::chrono::steady_clock::now() < end && !wanted.empty()) {
        const bool goes_on = co_await net::pause(kLook);
        if (!goes_on) {
            co_return false;
        }
        if (const auto now = run->quiet.book(); now != book) {
            book = now;
            session->judge_again();
            if (!identity::lacks_revocation(session->ladder())) {
                co_return true;
            }
        }
        const bool is_patient = std::chrono::steady_clock::now() - begin < kForFailure;
        if (!is_patient && all_wanted_failed(run->parts, wanted)) {
            co_return false;
        }
    }
    co_return false;
}

// Nullopt: the lists that were missing came meanwhile, and another session must be had; or our time
// ran out on the way, which says nothing of the server.
Task<std::optional<AddressReport>> attempt(const Run* run, std::string host, tcp::endpoint endpoint,
                                           bool may_wait) {
    deliver::HostSession session(run->quiet, run->plan, host, endpoint,
                                 deliver::HostSession::Tls::IfOffered);
    session.end_by(std::min(run->end, std::chrono::steady_clock::now() + kForOneAddress));
    auto trouble = co_await session.open();
    if (trouble && run->is_late()) {
        co_return std::nullopt;
    }
    if (!trouble) {
        co_await session.quit();
    }
    if (may_wait) {
        const bool came = co_await lists_came(run, &session);
        if (came) {
            co_return std::nullopt;
        }
    }
    co_return AddressReport{.host = host,
                            .address = net::endpoint_text(endpoint),
                            .heard = session.heard(),
                            .evidence = session.evidence(),
                            .ladder = session.ladder(),
                            .names = {},
                            .trouble = std::move(trouble)};
}

Task<void> try_address(Run* run, std::string host, tcp::endpoint endpoint) {
    --*run->budget;
    auto attempted = co_await attempt(run, host, endpoint, true);
    if (!attempted && !run->is_late()) {
        attempted = co_await attempt(run, host, endpoint, false);
    }
    if (!attempted) {
        run->report.is_cut = true;
        co_return;
    }
    AddressReport report = std::move(*attempted);
    if (run->plan.partner && report.evidence && !report.evidence->peer_chain.empty()) {
        report.names = identity::compare_names(run->plan.partner->rule_for(run->plan.domain),
                                               report.evidence->peer_chain.front(),
                                               report.heard.reached, identity::Direction::Outbound);
    }
    run->last = report.trouble;
    run->report.addresses.push_back(std::move(report));
}

// Nobody connects there, as in a delivery: mail would come back.
void find_ourselves(Run& run, const std::string& host, const tcp::endpoint& endpoint) {
    route::Plan loop = run.plan;
    loop.kind = route::Kind::Loop;
    run.last = deliver::from_plan(loop);
    run.report.addresses.push_back({.host = host,
                                    .address = net::endpoint_text(endpoint),
                                    .heard = {},
                                    .evidence = std::nullopt,
                                    .ladder = run.last->ladder,
                                    .names = {},
                                    .trouble = run.last});
}

void no_address(Run& run, const deliver::Trouble& trouble) {
    run.last = trouble;
    run.report.reply = trouble.text;
    if (run.report.none.steps.empty()) {
        run.report.none = trouble.ladder;
    }
}

Task<void> try_host(Run* run, std::string host) {
    const auto port = static_cast<uint16_t>(run->world->directory.server.smtp_port);
    const auto endpoints = co_await route::addresses(run->plan, host, port, &run->quiet.resolver);
    if (!endpoints) {
        no_address(*run, deliver::from_look_up(run->plan, endpoints.error(), host));
        co_return;
    }
    for (const tcp::endpoint& endpoint : *endpoints) {
        if (!run->seen.is_first(run->plan, host, endpoint)) {
            continue;
        }
        if (!run->has_time()) {
            run->report.is_cut = true;
            co_return;
        }
        if (route::is_ourselves(run->world->directory, endpoint)) {
            find_ourselves(*run, host, endpoint);
            continue;
        }
        co_await try_address(run, host, endpoint);
    }
}

Task<void> try_hosts(Run* run) {
    const std::vector<std::string> hosts = run->plan.hosts;
    for (const std::string& host : hosts) {
        if (!run->has_time()) {
            run->report.is_cut = true;
            break;
        }
        co_await try_host(run, host);
    }
    if (run->report.addresses.empty() && run->report.none.steps.empty() && !run->report.is_cut) {
        no_address(*run, deliver::without_address(run->plan));
    }
    // Those that are not good first; each part in the order in which delivery tries them.
    std::vector<AddressReport> bad;
    std::vector<AddressReport> good;
    for (AddressReport& report : run->report.addresses) {
        (report.is_good() ? good : bad).push_back(std::move(report));
    }
    std::ranges::move(good, std::back_inserter(bad));
    run->report.addresses = std::move(bad);
}

std::string retry_text(const settings::Server& server) {
    std::vector<std::string> steps;
    for (const Duration step : server.queue_retry) {
        steps.push_back(duration_text(step));
    }
    return join(steps, ", ");
}

size_t good_addresses(const Outbound& report) {
    return static_cast<size_t>(std::ranges::count_if(report.addresses, &AddressReport::is_good));
}

// Mail takes the first host that works. Where no proof is demanded an unproven one works too, and
// one whose TLS breaks is tried once more in clear.
bool flows(const Outbound& report, const route::Plan& plan) {
    return std::ranges::any_of(report.addresses, [&](const AddressReport& address) {
        return plan.proof == Proof::Verified ? address.is_good()
                                             : !address.trouble || address.trouble->of_tls;
    });
}

// What becomes of mail that no address was seen to let through.
Text effect_without_path(const Run& run) {
    const route::Plan& plan = run.plan;
    const settings::Server& server = run.world->directory.server;
    // Delivery tries no more addresses than that either.
    if (run.report.is_cut && run.report.addresses.size() < kMostAddresses) {
        return say("what becomes of mail to {} is not known: not every address was tried",
                   plan.domain);
    }
    if (run.last && run.last->permanent) {
        return say("mail to {} goes back to its sender at once", plan.domain);
    }
    return say(
        "mail to {} waits in the queue: it is tried again after {} (the last one "
        "repeats), and after {} it goes back to its sender",
        plan.domain, retry_text(server), duration_text(server.queue_life));
}

Text effect_of(const Run& run) {
    const Outbound& report = run.report;
    const route::Plan& plan = run.plan;
    if (!flows(report, plan)) {
        return effect_without_path(run);
    }
    if (!plan.partner) {
        return run.world->partner_of(plan.domain)
                   ? say("mail to {} flows; send = \"off\", so nothing has to be proven",
                         plan.domain)
                   : say("mail to {} flows; no partner has this domain, so nothing has to be "
                         "proven",
                         plan.domain);
    }
    const size_t good = good_addresses(report);
    if (good > 0 && good < report.addresses.size()) {
        return say("mail to {} flows over a proven path, but only {} of {} addresses gives one",
                   plan.domain, good, report.addresses.size());
    }
    if (good > 0) {
        return say("mail to {} flows over a proven path", plan.domain);
    }
    return say(
        "mail to {} flows all the same (monitor) and is counted: `enforce` would make it "
        "wait",
        plan.domain);
}

Standing standing_of(const Outbound& report, const route::Plan& plan) {
    const bool all_good = std::ranges::all_of(report.addresses, &AddressReport::is_good);
    if (!report.addresses.empty() && all_good) {
        return report.is_cut ? Standing::Unsure : Standing::Good;
    }
    if (report.addresses.empty()) {
        const bool is_answer =
            plan.kind != route::Kind::LookUpFailed && plan.kind != route::Kind::Forged;
        return is_answer && !report.is_cut ? Standing::Bad : Standing::Unsure;
    }
    const auto is_unsure = [](const AddressReport& address) {
        const identity::Step* failure = address.ladder.first_failure();
        return address.is_good() ||
               (failure != nullptr && failure->state == identity::StepState::Unknown);
    };
    return std::ranges::all_of(report.addresses, is_unsure) ? Standing::Unsure : Standing::Bad;
}

// What a postmaster would find as the last reason in the queue, or in a report.
std::string reply_of(const Outbound& report) {
    for (const AddressReport& address : report.addresses) {
        if (address.trouble) {
            const deliver::Trouble& trouble = *address.trouble;
            return trouble.diagnostic.empty() ? trouble.text : trouble.diagnostic;
        }
    }
    return report.reply;
}

Text policy_of(const partners::World& world, const route::Plan& plan) {
    const auto partner = world.partner_of(plan.domain);
    if (partner && partner->send == partners::Mode::Off) {
        return say("partner {} ({}): {} = {}", partner->name, world.written_at(*partner, "send"),
                   "send", "off");
    }
    return plan.reason;
}

Task<Outbound> check_outbound(const CheckParts* parts, const deliver::Parts* quiet,
                              std::string domain, SteadyTime end, size_t* budget) {
    const auto world = quiet->world.get();
    Run run{.parts = *parts,
            .quiet = *quiet,
            .end = end,
            .budget = budget,
            .world = world,
            .plan = co_await route::plan(world, domain, &quiet->resolver),
            .report = {}};
    const auto partner = world->partner_of(domain);
    run.report.mode = partner ? mode_word(partner->send) : "";
    run.report.policy = policy_of(*world, run.plan);
    run.report.dns = run.plan.dns;
    if (run.plan.kind == route::Kind::Smtp) {
        co_await try_hosts(&run);
    } else if (run.plan.kind == route::Kind::Mailbox) {
        run.report.effect = say("{} is our own domain: mail stays here", domain);
        run.report.standing = Standing::Good;
        co_return std::move(run.report);
    } else {
        no_address(run, deliver::from_plan(run.plan));
    }
    run.report.reply = reply_of(run.report);
    run.report.effect = effect_of(run);
    run.report.standing = standing_of(run.report, run.plan);
    co_return std::move(run.report);
}

// The chain that the partner's server showed: of a proven address if there is one.
const x509::Evidence* shown_by_server(const Outbound& report) {
    const x509::Evidence* found = nullptr;
    for (const AddressReport& address : report.addresses) {
        if (address.evidence && !address.evidence->peer_chain.empty()) {
            found = &*address.evidence;
        }
    }
    return found;
}

}  // namespace

std::string mode_word(partners::Mode mode) {
    if (mode == partners::Mode::Off) {
        return "off";
    }
    return mode == partners::Mode::Enforce ? "enforce" : "monitor";
}

std::string_view standing_text(Standing standing) {
    switch (standing) {
        case Standing::Good:
            return "proven";
        case Standing::Unsure:
            return "unknown";
        case Standing::Bad:
            break;
    }
    return "not proven";
}

Standing CheckReport::standing() const {
    Standing worst = left_out.empty() ? Standing::Good : Standing::Unsure;
    for (const DomainReport& report : domains) {
        const Standing out = report.outbound ? report.outbound->standing : Standing::Good;
        const bool presumed = report.outbound.has_value();
        const Standing in =
            report.inbound.standing == Standing::Bad && presumed && report.inbound.doors_are_good
                ? Standing::Unsure
                : report.inbound.standing;
        worst = std::max({worst, out, in});
    }
    return worst;
}

Task<CheckReport> check_domains(const CheckParts* parts, std::vector<std::string> domains,
                                SteadyTime end) {
    const Quiet quiet(parts->deliver);
    CheckReport report;
    size_t budget = kMostAddresses;
    for (const std::string& domain : domains) {
        if (report.domains.size() == kMostDomains || is_over(end)) {
            report.left_out.push_back(domain);
            continue;
        }
        const auto world = parts->deliver.world.get();
        const auto partner = world->partner_of(domain);
        DomainReport of_domain{
            .domain = domain,
            .partner = partner ? partner->name : std::string(),
            .profile = partner ? partner->rule.profile : identity::Profile::Exchange,
            .outbound = std::nullopt,
            .inbound = {}};
        of_domain.outbound = co_await check_outbound(parts, &quiet.parts(), domain, end, &budget);
        of_domain.inbound =
            presume_inbound(*parts, *world, domain, shown_by_server(*of_domain.outbound));
        report.domains.push_back(std::move(of_domain));
    }
    co_return report;
}

DomainReport check_client(const CheckParts& parts, const std::vector<x509::Certificate>& chain,
                          const std::string& domain) {
    const auto world = parts.deliver.world.get();
    const auto partner = world->partner_of(domain);
    return {.domain = domain,
            .partner = partner ? partner->name : std::string(),
            .profile = partner ? partner->rule.profile : identity::Profile::Exchange,
            .outbound = std::nullopt,
            .inbound = inbound_of(parts, *world, domain, chain)};
}

}  // namespace valija::explain
