#include "transport/policy/policy.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "platform/base/text.hpp"

namespace valija::policy {
namespace {

using identity::Actor;
using identity::Ladder;
using identity::Reason;
using identity::Step;
using identity::StepName;
using identity::StepState;
using partners::Mode;
using partners::PartnerRules;

Step policy_step(const partners::World& world, const PartnerRules& partner) {
    const char* word = partner.receive == Mode::Enforce ? "enforce" : "monitor";
    return {.name = StepName::Policy,
            .state = StepState::Pass,
            .evidence = say("partner {} ({}): {} = {}", partner.name,
                            world.written_at(partner, "receive"), "receive", word)};
}

// It was not the client's choice: a fault of ours must not bounce the partner's mail.
Ladder without_own_certificate(Ladder ladder) {
    ladder.add(
        {.name = StepName::StartTls,
         .state = StepState::Unknown,
         .evidence = say("we did not offer STARTTLS: no certificate of ours fits the connector"),
         .fix =
             say("put a certificate for the connector's fqdn, with its key, into keys/ and reload"),
         .actor = Actor::You,
         .reason = Reason::NoTls});
    ladder.conclude();
    return ladder;
}

Ladder without_tls(Ladder ladder) {
    ladder.add(
        {.name = StepName::StartTls,
         .state = StepState::Fail,
         .evidence = say("the client sent MAIL FROM without STARTTLS"),
         .fix = say("the partner's server must use STARTTLS and show its client certificate; if "
                    "this client is not the partner's, nothing needs to be done"),
         .actor = Actor::Partner,
         .reason = Reason::NoTls});
    ladder.conclude();
    return ladder;
}

Ladder judge_client(const partners::World& world, const PartnerRules& partner,
                    std::string_view domain, const Client& client, const revocation::Book& book,
                    Time now) {
    Ladder ladder;
    ladder.add(policy_step(world, partner));
    if (!client.tls) {
        return client.tls_offered ? without_tls(std::move(ladder))
                                  : without_own_certificate(std::move(ladder));
    }
    ladder.add({.name = StepName::StartTls,
                .state = StepState::Pass,
                .evidence = say("the client used STARTTLS")});
    return identity::judge(partner.rule_for(domain), *client.tls, client.reached,
                           identity::Direction::Inbound, book, now, std::move(ladder));
}

// The one table of replies to an unproven path (design 3c).
smtp::Reply refusal(const Client& client, Reason reason, partners::OnFailure on_failure) {
    if (reason == Reason::NoTls) {
        return client.tls_offered
                   ? smtp::reply(530, "5.7.0", "Must issue a STARTTLS command first")
                   : smtp::reply(454, "4.7.0", "TLS not available due to temporary reason");
    }
    const bool rejects = reason == Reason::Revoked || (on_failure == partners::OnFailure::Reject &&
                                                       reason != Reason::RevocationOffline);
    const std::string text =
        fmt::format("Certificate validation failure, Reason:{}", identity::reason_text(reason));
    return rejects ? smtp::reply(554, "5.7.5", text) : smtp::reply(454, "4.7.5", text);
}

void judge_partner(const partners::World& world, SenderDecision& decision, const Client& client,
                   const revocation::Book& book, Time now) {
    const PartnerRules& partner = *decision.partner;
    decision.ladder = judge_client(world, partner, decision.domain, client, book, now);
    decision.proven = decision.ladder.is_proven();
    if (identity::lacks_revocation(decision.ladder)) {
        decision.wanted =
            identity::wanted_lists(partner.rule_for(decision.domain), *client.tls, client.reached,
                                   identity::Direction::Inbound, book, now);
    }
    if (decision.proven) {
        return;
    }
    const Step* failure = decision.ladder.first_failure();
    VALIJA_ENSURE(failure != nullptr, "a ladder that is not proven has a step that says why");
    decision.reason = failure->reason;
    if (partner.receive == Mode::Enforce) {
        decision.reply = refusal(client, decision.reason, partner.on_failure);
    } else {
        decision.would_have_refused = true;
    }
}

smtp::Reply sender_taken(const mail::ReversePath& sender) {
    return smtp::reply(250, "2.1.0", (sender ? sender->text() : std::string("<>")) + " Sender OK");
}

bool is_partners_domain(const PartnerRules& partner, std::string_view domain) {
    return std::ranges::find(partner.domains, domain) != partner.domains.end();
}

mail::AuthenticationResults mark_for(const SenderDecision& sender, std::string_view fqdn,
                                     const std::vector<std::string>& from) {
    mail::AuthenticationResults mark{.fqdn = std::string(fqdn), .mail_from = sender.domain};
    if (from.size() == 1) {
        mark.header_from = from.front();
    }
    if (!sender.partner) {
        mark.words = sender.domain.empty() ? "null sender" : "no verified path required";
        return mark;
    }
    mark.partner = sender.partner->name;
    if (!sender.proven) {
        mark.verdict = mail::Verdict::Fail;
        mark.words =
            fmt::format("would have been refused: {}", identity::reason_text(sender.reason));
    } else if (from.size() == 1 && is_partners_domain(*sender.partner, from.front())) {
        mark.verdict = mail::Verdict::Pass;
        mark.words = fmt::format("verified path of {}", sender.domain);
    } else {
        mark.verdict = mail::Verdict::Policy;
        mark.words = fmt::format("verified path of {} but another From", sender.domain);
    }
    return mark;
}

bool is_protected(const PartnerRules& partner) {
    return partner.protect_header_from && partner.receive == Mode::Enforce;
}

bool is_proven_as(const SenderDecision& sender, const PartnerRules& partner) {
    return sender.proven && sender.partner && sender.partner->name == partner.name;
}

// A From: domain that its owner lets come by a proven path only. One that cannot be read may be
// anybody's: it passes only if every owner of that kind could have written it.
std::optional<smtp::Reply> protected_from(const partners::World& world,
                                          const SenderDecision& sender,
                                          const std::optional<std::vector<std::string>>& from) {
    if (!from) {
        const bool may_be_protected = std::ranges::any_of(world.partners, [&](const auto& partner) {
            return is_protected(*partner) && !is_proven_as(sender, *partner);
        });
        return may_be_protected ? std::optional(smtp::reply(550, "5.7.1", "From: cannot be read"))
                                : std::nullopt;
    }
    for (const std::string& domain : *from) {
        const auto owner = world.partner_of(domain);
        if (owner && is_protected(*owner) && !is_proven_as(sender, *owner)) {
            return smtp::reply(550, "5.7.1",
                               fmt::format("From: {} is accepted over a verified path only",
                                           escape_peer_text(domain)));
        }
    }
    return std::nullopt;
}

}  // namespace

SenderDecision decide_sender(const partners::World& world, const Client& client,
                             const mail::ReversePath& sender, const revocation::Book& book,
                             Time now) {
    SenderDecision decision;
    decision.reply = sender_taken(sender);
    if (!sender) {
        return decision;
    }
    decision.domain = sender->domain;
    const auto partner = world.partner_of(sender->domain);
    if (partner && partner->receive != Mode::Off && client.domain_secure) {
        decision.partner = partner;
        judge_partner(world, decision, client, book, now);
    }
    return decision;
}

SenderDecision again(const SenderDecision& earlier, const mail::ReversePath& sender) {
    SenderDecision decision = earlier;
    if (decision.is_accepted()) {
        decision.reply = sender_taken(sender);
    }
    return decision;
}

smtp::Reply decide_recipient(const partners::World& world, const Client& client,
                             const mail::Recipient& recipient) {
    const std::string& domain = recipient.address.domain;
    const bool is_ours = domain.empty() || world.directory.accepts(domain);
    if (!is_ours && !client.may_relay) {
        return smtp::reply(550, "5.7.1", "Unable to relay");
    }
    return smtp::reply(250, "2.1.5", recipient.address.text() + " Recipient OK");
}

ContentDecision decide_content(const partners::World& world, const SenderDecision& sender,
                               std::string_view fqdn, int64_t max_hops, std::string_view header) {
    const auto from = mail::from_domains(header);
    ContentDecision decision{
        .refusal = std::nullopt,
        .mark = mark_for(sender, fqdn, from.value_or(std::vector<std::string>()))};
    if (mail::count_received(header) > static_cast<uint64_t>(max_hops)) {
        decision.refusal = smtp::reply(554, "5.4.6", "Too many hops: this message is in a loop");
    } else {
        decision.refusal = protected_from(world, sender, from);
    }
    return decision;
}

}  // namespace valija::policy
