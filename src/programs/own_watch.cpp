#include "programs/own_watch.hpp"

#include <optional>

namespace valija::programs {
namespace {

using explain::OwnTrouble;
using observe::Event;

std::optional<Event> event_of(OwnTrouble trouble) {
    switch (trouble) {
        case OwnTrouble::ExpiresSoon:
            return Event::CertificateExpiresSoon;
        case OwnTrouble::NoClientAuth:
            return Event::CertificateNoClientAuth;
        case OwnTrouble::Revoked:
            return Event::CertificateRevoked;
        case OwnTrouble::Unverifiable:
            return Event::CertificateUnverifiable;
        case OwnTrouble::Expired:
        case OwnTrouble::NotYetValid:
        case OwnTrouble::HardToFetch:
            break;
    }
    return std::nullopt;
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
            const std::string key =
                own->chain.front()->sha256 + std::string(observe::event_row(*event).id);
            const bool is_first = present.insert(key).second;  // of those who show it
            if (is_first && !told_.contains(key)) {
                log_.emit(*event, {{"certificate", own->name},
                                   {"thumbprint", own->chain.front()->thumbprint},
                                   {"not_after", iso_time(own->chain.front()->not_after)},
                                   {"evidence", finding.evidence.english()},
                                   {"fix", finding.fix.english()}});
            }
        }
    }
    told_ = std::move(present);
}

}  // namespace valija::programs
