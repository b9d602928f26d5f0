#include "control/explain/check_server.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <set>

#include "control/explain/check_own.hpp"
#include "control/explain/rendering.hpp"
#include "directory/settings/caution.hpp"
#include "platform/base/text.hpp"

namespace json = boost::json;

namespace valija::explain {
namespace {

using identity::StepState;

// What a server that is set up for DNSSEC must be able to validate: a top-level domain.
constexpr auto kSigned = "org";
constexpr auto kClockSlack = std::chrono::minutes(5);

int rank(StepState state) {
    switch (state) {
        case StepState::Fail:
            return 0;
        case StepState::Unknown:
            return 1;
        case StepState::Warn:
            return 2;
        default:
            return 3;
    }
}

StepState state_of(OwnTrouble trouble) {
    switch (trouble) {
        case OwnTrouble::Expired:
        case OwnTrouble::NotYetValid:
        case OwnTrouble::Revoked:
            return StepState::Fail;
        case OwnTrouble::ExpiresSoon:
        case OwnTrouble::NoClientAuth:
        case OwnTrouble::Unverifiable:
        case OwnTrouble::HardToFetch:
            break;
    }
    return StepState::Warn;
}

Finding no_certificate(const Text& area, const OwnUse& use) {
    if (use.partner) {
        return {area, StepState::Fail,
                say("partner {}: no certificate fits {}", use.partner->name, use.name),
                say("put the certificate that `certificate` of {} names, with its key, into keys/ "
                    "and reload",
                    use.partner->origin.file)};
    }
    return {area, StepState::Fail,
            say("connector {}: no certificate fits {}", use.connector, use.name),
            say("put a certificate for the connector's fqdn, with its key, into keys/ and reload")};
}

Text good_use(const OwnUse& use) {
    const std::string name = escape_peer_text(use.own->name, 260);
    const std::string end = iso_time(use.own->chain.front()->not_after);
    return use.partner ? say("partner {} is shown {}, valid until {}", use.partner->name, name, end)
                       : say("connector {} shows {}, valid until {}", use.connector, name, end);
}

// Partners' servers do not know its issuer.
Finding self_signed_use(const Text& area, const OwnUse& use) {
    return {area, StepState::Warn,
            say("connector {} shows {}, which is self-signed", use.connector,
                escape_peer_text(use.own->name, 260)),
            say("partners need one of a CA that they trust, or must pin it")};
}

void look_at_configuration(const partners::World& world, ServerReport& report) {
    for (const settings::Caution& caution : settings::cautions(world.directory)) {
        report.findings.push_back(
            {say("configuration"), StepState::Warn, caution.text, caution.fix});
    }
}

void look_at_certificates(const CheckParts& parts, const partners::World& world,
                          ServerReport& report) {
    const Time now = parts.deliver.clock.now();
    const auto credentials = parts.deliver.credentials.get();
    const Text area = say("our certificates");
    for (const keystore::KeyStore::Problem& problem : credentials->store().problems()) {
        report.findings.push_back(
            {area,
             StepState::Warn,
             say("{}: {}", escape_peer_text(problem.file, 260), escape_peer_text(problem.text)),
             {}});
    }
    for (const OwnUse& use : own_uses(world, credentials->store(), now)) {
        if (!use.own) {
            report.findings.push_back(no_certificate(area, use));
            continue;
        }
        const auto findings =
            look_at_own(*use.own, use.sends, parts.deliver.own(use.own->chain), now);
        for (const OwnFinding& finding : findings) {
            report.findings.push_back(
                {area, state_of(finding.trouble), finding.evidence, finding.fix});
        }
        if (findings.empty()) {
            report.findings.push_back(use.sends && use.own->chain.front()->self_issued
                                          ? self_signed_use(area, use)
                                          : Finding{area, StepState::Pass, good_use(use), {}});
        }
    }
}

bool needs_anchors(const partners::PartnerRules& partner) {
    using identity::Profile;
    const Profile profile = partner.rule.profile;
    return profile != Profile::Pinned && profile != Profile::Direct && profile != Profile::Dane;
}

void look_at_anchors(const CheckParts& parts, const partners::World& world, ServerReport& report) {
    const Time now = parts.deliver.clock.now();
    const Text area = say("anchors");
    for (const auto& partner : world.partners) {
        const auto& anchors = partner->rule.anchors.certificates();
        if (!needs_anchors(*partner)) {
            continue;
        }
        if (anchors.empty()) {
            report.findings.push_back(
                {area, StepState::Fail, say("partner {} has no anchor", partner->name),
                 say("name the partner's CA in `trust` of {}", partner->origin.file)});
        }
        const settings::Partner* const file = world.directory.partner(partner->name);
        if (file == nullptr || file->trust.empty()) {
            continue;  // the system's are not the partner's to renew
        }
        const auto expired = std::ranges::count_if(
            anchors, [&](const x509::Certificate& anchor) { return anchor->not_after < now; });
        if (expired > 0) {
            report.findings.push_back({area, StepState::Warn,
                                       say("{} of the {} anchors of partner {} are expired",
                                           expired, anchors.size(), partner->name),
                                       say("get the partner's present CA certificate")});
        }
    }
    report.findings.push_back(
        {area,
         StepState::Pass,
         say("the anchors of the partners were read ({})", world.partners.size()),
         {}});
}

void look_at_lists(const CheckParts& parts, ServerReport& report) {
    const Time now = parts.deliver.clock.now();
    const Text area = say("revocation lists");
    size_t good = 0;
    for (const revocation::ListState& list : parts.keeper.lists()) {
        const std::string url = escape_peer_text(list.url, 300);
        if (list.loaded && list.next_update >= now) {
            ++good;
            if (!list.last_error.empty()) {
                report.findings.push_back(
                    {area, StepState::Warn,
                     say("{} is here, but the last fetch failed: {}", url,
                         escape_peer_text(list.last_error)),
                     say("mend the fetch before {}", iso_time(list.next_update))});
            }
            continue;
        }
        const Text fix =
            say("`valija crl list` says more; see whether the address can be reached "
                "from here");
        report.findings.push_back(
            {area, StepState::Fail,
             list.loaded ? say("{} is out of date since {}: {}", url, iso_time(list.next_update),
                               escape_peer_text(list.last_error))
                         : say("{} is not here: {}", url, escape_peer_text(list.last_error)),
             fix});
    }
    report.findings.push_back({area, StepState::Pass, say("lists that are good: {}", good), {}});
}

Task<void> look_at_resolver(const CheckParts* parts, std::shared_ptr<const partners::World> world,
                            ServerReport* report) {
    const Text area = say("resolver");
    const settings::Server& server = world->directory.server;
    const std::string own =
        server.accepted_domains.empty() ? server.hostname : server.accepted_domains.front();
    const auto answer = co_await parts->deliver.resolver.mx(own);
    if (!answer) {
        report->findings.push_back({area, StepState::Fail,
                                    Text::verbatim(escape_peer_text(answer.error().text())),
                                    say("see whether the resolver works (`dns.forward` or "
                                        "/etc/resolv.conf), and whether the "
                                        "name servers of {} answer",
                                        own)});
        co_return;
    }
    report->findings.push_back({area, StepState::Pass, say("it answers for {}", own), {}});
    if (!server.dns_forward.empty() && server.dns_trust_anchor.empty()) {
        report->findings.push_back(
            {area, StepState::Warn, say("DNSSEC is not used with `dns.forward` alone"),
             say("set `dns.trust_anchor` if the answers of `dns.forward` can be validated")});
        co_return;
    }
    const auto trial = co_await parts->deliver.resolver.mx(kSigned);
    if (trial && trial->secure) {
        report->findings.push_back({area, StepState::Pass, say("DNSSEC works"), {}});
        co_return;
    }
    report->findings.push_back(
        {area, StepState::Warn,
         trial ? say("DNSSEC does not work: the answer for {} could not be validated", kSigned)
               : say("DNSSEC could not be tried: {}", escape_peer_text(trial.error().text())),
         say("the resolver ({}) must pass DNSSEC signatures on",
             server.dns_forward.empty() ? "/etc/resolv.conf" : server.dns_forward)});
}

void look_at_disk(const CheckParts& parts, const partners::World& world, ServerReport& report) {
    const Text area = say("disk");
    std::error_code failed;
    const auto space = std::filesystem::space(parts.home + "/spool", failed);
    const uint64_t reserve = world.directory.server.queue_reserve;
    constexpr uint64_t kMegabyte = 1UL << 20U;
    if (failed) {
        report.findings.push_back({area, StepState::Unknown, Text::verbatim(failed.message()), {}});
        return;
    }
    const Text evidence = say("{} MB are free for the queue, `queue.reserve` is {} MB",
                              space.available / kMegabyte, reserve / kMegabyte);
    if (space.available < reserve) {
        report.findings.push_back(
            {area, StepState::Fail, evidence, say("make room: no mail is taken until then")});
    } else {
        const bool is_narrow = space.available / 10 < reserve;
        report.findings.push_back({area, is_narrow ? StepState::Warn : StepState::Pass, evidence,
                                   is_narrow ? say("make room before it is needed") : Text()});
    }
}

// Nothing was signed in the future: a list or a certificate of ours that was says our clock is
// late. Whether it is early only dates that lie long back could tell.
void look_at_clock(const CheckParts& parts, ServerReport& report) {
    const Text area = say("clock");
    const Time now = parts.deliver.clock.now();
    for (const revocation::ListState& list : parts.keeper.lists()) {
        if (list.loaded && list.this_update > now + kClockSlack) {
            report.findings.push_back(
                {area, StepState::Fail,
                 say("it is {} here, but {} was signed at {}", iso_time(now),
                     escape_peer_text(list.url, 300), iso_time(list.this_update)),
                 say("set the clock, and keep it by NTP")});
            return;
        }
    }
    report.findings.push_back(
        {area, StepState::Pass, say("it is {}; no list was signed later", iso_time(now)), {}});
}

Finding finding_of(const partners::PartnerRules& partner, const CheckReport& report) {
    const Text area = say("partner {}", partner.name);
    if (report.domains.empty()) {
        return {area,
                StepState::Unknown,
                say("no time was left: `valija check {}` looks at it alone", partner.name),
                {}};
    }
    const DomainReport& domain = report.domains.front();
    const Outbound& out = *domain.outbound;
    const identity::Ladder& ladder =
        out.addresses.empty() ? out.none : out.addresses.front().ladder;
    const identity::Step* failure = ladder.first_failure();
    if (out.standing == Standing::Good) {
        return {area, StepState::Pass, out.effect, {}};
    }
    Text evidence = failure == nullptr
                        ? out.effect
                        : say("{}; step {}: {}", out.effect, identity::step_words(failure->name),
                              failure->evidence);
    return {area, out.standing == Standing::Bad ? StepState::Fail : StepState::Unknown,
            std::move(evidence), failure == nullptr ? Text() : failure->fix};
}

Task<void> look_at_partners(const CheckParts* parts, std::shared_ptr<const partners::World> world,
                            ServerReport* report, SteadyTime end) {
    for (const auto& partner : world->partners) {
        if (partner->send != partners::Mode::Enforce || partner->domains.empty()) {
            continue;
        }
        const CheckReport found = co_await check_domains(parts, {partner->domains.front()}, end);
        report->findings.push_back(finding_of(*partner, found));
    }
}

}  // namespace

Standing ServerReport::standing() const {
    int worst = 3;
    for (const Finding& finding : findings) {
        worst = std::min(worst, rank(finding.state));
    }
    if (worst == 0) {
        return Standing::Bad;
    }
    return worst == 1 ? Standing::Unsure : Standing::Good;
}

Task<ServerReport> check_server(const CheckParts* parts, SteadyTime end) {
    const auto world = parts->deliver.world.get();
    ServerReport report;
    look_at_configuration(*world, report);
    look_at_certificates(*parts, *world, report);
    look_at_anchors(*parts, *world, report);
    look_at_lists(*parts, report);
    look_at_disk(*parts, *world, report);
    look_at_clock(*parts, report);
    co_await look_at_resolver(parts, world, &report);
    co_await look_at_partners(parts, world, &report, end);
    std::vector<Finding> sorted;  // the same of two connectors is told once
    const auto is_told = [&sorted](const Finding& finding) {
        return std::ranges::any_of(sorted, [&](const Finding& told) {
            return told.evidence.english() == finding.evidence.english();
        });
    };
    for (int wanted = 0; wanted <= 3; ++wanted) {
        for (const Finding& finding : report.findings) {
            if (rank(finding.state) == wanted && !is_told(finding)) {
                sorted.push_back(finding);
            }
        }
    }
    report.findings = std::move(sorted);
    co_return std::move(report);
}

std::string server_text(const ServerReport& report, identity::Show show, Language language) {
    std::string text;
    size_t passed = 0;
    for (const Finding& finding : report.findings) {
        if (finding.state == StepState::Pass && show != identity::Show::All) {
            ++passed;
            continue;
        }
        Page page(language);
        page.row(identity::state_words(finding.state),
                 say("{}: {}", finding.area, finding.evidence));
        if (!finding.fix.empty()) {
            page.more(say("fix: {}", finding.fix).in(language));
        }
        text += page.take();
    }
    Page end(language);
    if (passed > 0) {
        end.row(identity::state_words(StepState::Pass),
                say("{} other checks; --all shows them", passed));
    }
    const Standing standing = report.standing();
    end.heading(standing == Standing::Good ? say("This server is ready.")
                                           : say("This server is not ready yet."));
    return text + end.take();
}

json::object server_json(const ServerReport& report) {
    json::array findings;
    for (const Finding& finding : report.findings) {
        findings.push_back(json::object{{"area", finding.area.english()},
                                        {"state", identity::state_text(finding.state)},
                                        {"evidence", finding.evidence.english()},
                                        {"fix", finding.fix.english()}});
    }
    return {{"ready", report.standing() == Standing::Good}, {"findings", std::move(findings)}};
}

}  // namespace valija::explain
