#include "control/explain/check_inbound.hpp"

#include <algorithm>

#include "platform/base/text.hpp"
#include "transport/policy/policy.hpp"

namespace valija::explain {
namespace {

using partners::Mode;

std::shared_ptr<const keystore::OwnCertificate> own_of(const CheckParts& parts,
                                                       const settings::Receive& row) {
    const std::string& name = settings::certificate_name(row);
    return parts.deliver.credentials.get()->store().select(name, parts.deliver.clock.now());
}

// What a partner's client meets at each of our receive connectors.
void look_at_doors(const CheckParts& parts, const partners::World& world, Inbound& report) {
    for (const settings::Receive& row : world.directory.receive) {
        const auto own = own_of(parts, row);
        if (!own) {
            report.doors_are_good = report.doors_are_good && !row.domain_secure;
            report.doors.push_back(
                say("connector {} ({}): no certificate fits, so STARTTLS is not offered", row.name,
                    row.fqdn));
        } else if (!row.domain_secure) {
            report.doors.push_back(
                say("connector {} ({}): shows {}; proof of partners is not asked for here "
                    "(domain_secure = false)",
                    row.name, row.fqdn, escape_peer_text(own->chain.front()->subject)));
        } else {
            report.doors.push_back(
                say("connector {} ({}): shows {}, and requests the client's certificate", row.name,
                    row.fqdn, escape_peer_text(own->chain.front()->subject)));
        }
    }
}

Inbound begin(const CheckParts& parts, const partners::World& world, const std::string& domain) {
    Inbound report;
    const auto partner = world.partner_of(domain);
    if (partner) {
        report.mode = mode_word(partner->receive);
        report.policy = say("partner {} ({}): {} = {}", partner->name,
                            world.written_at(*partner, "receive"), "receive", report.mode);
    } else {
        report.policy = say("no partner has the domain {}: its mail needs no proof", domain);
    }
    look_at_doors(parts, world, report);
    return report;
}

// The client as the first connector that asks for proof would see it.
policy::Client client_of(const CheckParts& parts, const partners::World& world,
                         const std::vector<x509::Certificate>& chain) {
    constexpr auto kAnyTls = "TLS";
    policy::Client client;
    client.tls = x509::Evidence{.protocol = kAnyTls,
                                .cipher = "(no session)",
                                .server_name = {},
                                .peer_chain = chain,
                                .own_chain = {}};
    for (const settings::Receive& row : world.directory.receive) {
        if (const auto own = own_of(parts, row); own && row.domain_secure) {
            client.tls->own_chain = own->chain;
            return client;
        }
    }
    client.tls_offered = false;
    client.tls.reset();
    return client;
}

Text effect_of(const policy::SenderDecision& decision, const std::string& domain) {
    if (!decision.partner) {
        return say("mail from {} is taken without proof", domain);
    }
    if (decision.proven) {
        return say("mail from {} with this certificate is taken as proven", domain);
    }
    if (decision.would_have_refused) {
        return say(
            "mail from {} is taken all the same (monitor) and is counted: `enforce` would "
            "refuse it",
            domain);
    }
    return decision.reply.is_permanent()
               ? say("mail from {} is refused for good", domain)
               : say("mail from {} is refused for now: its server keeps it and tries again",
                     domain);
}

// The names of the client's address are known only when it comes: where they are compared too, with
// the CN, a certificate that proves nothing without them may do so then.
bool may_be_proven_by_address(const identity::Rule& rule, const policy::SenderDecision& decision,
                              const x509::Certificate& leaf) {
    const identity::Step* failure = decision.ladder.first_failure();
    return rule.profile == identity::Profile::CiscoVerify && failure != nullptr &&
           failure->name == identity::StepName::Identity &&
           !identity::full_common_names(leaf).empty();
}

Standing standing_of(const policy::SenderDecision& decision) {
    if (!decision.partner || decision.proven) {
        return Standing::Good;
    }
    const identity::Step* failure = decision.ladder.first_failure();
    return failure != nullptr && failure->state == identity::StepState::Unknown ? Standing::Unsure
                                                                                : Standing::Bad;
}

void judge(const CheckParts& parts, const partners::World& world, const std::string& domain,
           const policy::Client& client, Inbound& report) {
    const Time now = parts.deliver.clock.now();
    const mail::Address sender{.local = "postmaster", .domain = domain};
    const policy::SenderDecision decision =
        policy::decide_sender(world, client, sender, *parts.deliver.book(), now);
    for (const identity::WantedList& list : decision.wanted) {
        parts.deliver.want(list);
    }
    report.ladder = decision.ladder;
    report.reply = decision.reply.text();
    report.effect = effect_of(decision, domain);
    report.standing = report.doors_are_good ? standing_of(decision) : Standing::Bad;
    const auto partner = world.partner_of(domain);
    if (!partner || !client.tls || client.tls->peer_chain.empty()) {
        return;
    }
    const identity::Rule rule = partner->rule_for(domain);
    const x509::Certificate& leaf = client.tls->peer_chain.front();
    report.names =
        identity::compare_names(rule, leaf, client.reached, identity::Direction::Inbound);
    if (rule.profile == identity::Profile::CiscoVerify) {
        report.presumed += say(
            "; the PTR name of its address, which cisco-verify compares too, is known only when "
            "it comes and was left out");
    }
    if (report.standing == Standing::Bad && report.doors_are_good &&
        may_be_proven_by_address(rule, decision, leaf)) {
        report.standing = Standing::Unsure;
        report.effect = say("not known before a client of {} comes", domain);
    }
}

}  // namespace

Inbound presume_inbound(const CheckParts& parts, const partners::World& world,
                        const std::string& domain, const x509::Evidence* server) {
    Inbound report = begin(parts, world, domain);
    const auto partner = world.partner_of(domain);
    if (!partner || partner->receive == Mode::Off) {
        report.effect = say("mail from {} is taken without proof", domain);
        report.standing = Standing::Good;
        return report;
    }
    if (server == nullptr) {
        report.presumed =
            say("the partner's server showed no certificate, and which one its client shows is "
                "known only when it comes: `valija check --as-client FILE --domain {}` judges one",
                domain);
        report.effect = say("not known before a client of {} comes", domain);
        report.standing = report.doors_are_good ? Standing::Unsure : Standing::Bad;
        return report;
    }
    report.presumed =
        say("presumed: the partner's client shows the certificate of its server, {} (`valija check "
            "--as-client FILE --domain {}` judges another)",
            escape_peer_text(server->peer_chain.front()->subject), domain);
    report.judged = server->peer_chain.front();
    judge(parts, world, domain, client_of(parts, world, server->peer_chain), report);
    return report;
}

Inbound inbound_of(const CheckParts& parts, const partners::World& world, const std::string& domain,
                   const std::vector<x509::Certificate>& chain) {
    Inbound report = begin(parts, world, domain);
    report.presumed = say("a client that shows {}", escape_peer_text(chain.front()->subject));
    report.judged = chain.front();
    judge(parts, world, domain, client_of(parts, world, chain), report);
    return report;
}

}  // namespace valija::explain
