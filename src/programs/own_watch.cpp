#include "programs/own_watch.hpp"

#include <fmt/format.h>

#include <optional>

namespace valija::programs {
namespace {

using explain::OwnTrouble;
using observe::Event;

std::optional<Event> event_of(OwnTrouble trouble) {
    switch (trouble) {
        case OwnTrouble::Expired:
            return Event::CertificateExpired;
        case OwnTrouble::ExpiresSoon:
            return Event::CertificateExpiresSoon;
        case OwnTrouble::NoClientAuth:
            return Event::CertificateNoClientAuth;
        case OwnTrouble::Revoked:
            return Event::CertificateRevoked;
        case OwnTrouble::Unverifiable:
            return Event::CertificateUnverifiable;
        case OwnTrouble::NotYetValid:
        case OwnTrouble::HardToFetch:
            break;
    }
    return std::nullopt;
}

void tell(const observe::Log& log, Event event, const keystore::OwnCertificate& own,
          const explain::OwnFinding& finding) {
    const x509::Certificate& leaf = own.chain.front();
    const observe::Field certificate{"certificate", own.name};
    const observe::Field thumbprint{"thumbprint", leaf->thumbprint};
    const observe::Field not_after{"not_after", iso_time(leaf->not_after)};
    const observe::Field evidence{"evidence", finding.evidence.english()};
    const observe::Field fix{"fix", finding.fix.english()};
    if (finding.within_days > 0) {
        const observe::Field within{"within_days", std::to_string(finding.within_days)};
        log.emit(event, {certificate, thumbprint, not_after, within, evidence, fix});
    } else {
        log.emit(event, {certificate, thumbprint, not_after, evidence, fix});
    }
}

}  // namespace

void OwnWatch::look(const partners::World& world, const channel::Credentials& credentials,
                    const revocation::Book& book, Time now, Lists lists) {
    const auto authorities = explain::known_authorities(world);
    std::set<std::string> present;
    std::scoped_lock const lock(mutex_);
    for (const explain::OwnUse& use : explain::own_uses(world, credentials.store(), now)) {
        if (!use.own) {
            continue;
        }
        const keystore::OwnCertificate* const own = use.own.get();
        const auto status = explain::own_status(own->chain, authorities, book, now);
        for (const explain::OwnFinding& finding :
             explain::look_at_own(*own, use.sends, status, now)) {
            const auto event = event_of(finding.trouble);
            const bool is_early =
                finding.trouble == OwnTrouble::Unverifiable && lists == Lists::MayBeComing;
            if (!event || is_early) {
                continue;
            }
            const std::string key = fmt::format("{} {} {}", own->chain.front()->sha256,
                                                observe::event_row(*event).id, finding.within_days);
            const bool is_first = present.insert(key).second;  // of those who show it
            if (is_first && !told_.contains(key)) {
                tell(log_, *event, *own, finding);
            }
        }
    }
    told_ = std::move(present);
}

}  // namespace valija::programs
