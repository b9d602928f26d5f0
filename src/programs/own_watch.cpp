#include "programs/own_watch.hpp"

#include <map>
#include <optional>

namespace valija::programs {
namespace {

using explain::OwnTrouble;
using observe::Event;
using InUse = std::map<std::shared_ptr<const keystore::OwnCertificate>, bool>;

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

// The certificates in use, and whether they are shown to partners as a client's.
InUse in_use(const partners::World& world, const keystore::KeyStore& store, Time now) {
    InUse all;
    const settings::Directory& directory = world.directory;
    for (const settings::Receive& row : directory.receive) {
        all.try_emplace(store.select(row.certificate.empty() ? row.fqdn : row.certificate, now),
                        false);
    }
    for (const settings::Send& row : directory.send) {
        const std::string fqdn = row.fqdn.empty() ? directory.server.hostname : row.fqdn;
        bool& sends = all[store.select(row.certificate.empty() ? fqdn : row.certificate, now)];
        sends = sends || !world.partners.empty();
    }
    for (const auto& partner : world.partners) {
        if (!partner->certificate.empty()) {
            all[store.select(partner->certificate, now)] = true;
        }
    }
    all.erase(nullptr);
    return all;
}

}  // namespace

void OwnWatch::look(const partners::World& world, const channel::Credentials& credentials,
                    const revocation::Book& book, Time now, Lists lists) {
    const auto authorities = explain::known_authorities(world);
    std::set<std::string> present;
    std::scoped_lock const lock(mutex_);
    for (const auto& [own, sends] : in_use(world, credentials.store(), now)) {
        const auto status = explain::own_status(own->chain, authorities, book, now);
        for (const explain::OwnFinding& finding : explain::look_at_own(*own, sends, status, now)) {
            const auto event = event_of(finding.trouble);
            const bool is_early =
                finding.trouble == OwnTrouble::Unverifiable && lists == Lists::MayBeComing;
            if (!event || is_early) {
                continue;
            }
            const std::string key =
                own->chain.front()->sha256 + std::string(observe::event_row(*event).id);
            present.insert(key);
            if (!told_.contains(key)) {
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
