#include "programs/own_watch.hpp"

#include <chrono>
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

void tell_missing(const observe::Log& log, const explain::OwnUse& use) {
    const bool is_partners = use.partner != nullptr;
    log.emit(Event::CertificateMissing, {is_partners ? observe::Field{"partner", use.partner->name}
                                                     : observe::Field{"connector", use.connector},
                                         {"name", use.name}});
}

}  // namespace

// True the first time that it is true.
bool OwnWatch::is_new(Told told, std::set<Told>& present) const {
    const auto [place, is_first] = present.insert(std::move(told));
    return is_first && !told_.contains(*place);
}

void OwnWatch::look(const partners::World& world, const channel::Credentials& credentials,
                    const revocation::Book& book, Time now, Lists lists) {
    const auto authorities = explain::known_authorities(world);
    std::set<Told> present;
    std::scoped_lock const lock(mutex_);
    for (const explain::OwnUse& use : explain::own_uses(world, credentials.store(), now)) {
        if (!use.own) {
            if (is_new({.thumbprint = {}, .name = use.name, .event = Event::CertificateMissing},
                       present)) {
                tell_missing(log_, use);
            }
            continue;
        }
        const keystore::OwnCertificate* const own = use.own.get();
        const auto status = explain::own_status(own->chain, authorities, book, now);
        for (const explain::OwnFinding& finding :
             explain::look_at_own(*own, use.sends, status, now)) {
            const auto event = event_of(finding.trouble);
            if (!event) {
                continue;
            }
            const Told told{.thumbprint = own->chain.front()->sha256,
                            .name = own->name,
                            .event = *event,
                            .within_days = finding.within_days};
            const bool is_early =
                finding.trouble == OwnTrouble::Unverifiable && lists == Lists::MayBeComing;
            if (is_early && !told_.contains(told)) {
                continue;
            }
            if (is_new(told, present)) {
                tell(log_, *event, *own, finding);
            }
        }
    }
    told_ = std::move(present);
}

std::vector<observe::Reading> OwnWatch::readings(const keystore::KeyStore& store) const {
    using observe::Gauge;
    std::vector<observe::Reading> all;
    for (const auto& own : store.certificates()) {
        const std::chrono::duration<double> end = own->chain.front()->not_after.time_since_epoch();
        all.push_back({Gauge::CertificateNotAfter, {own->name}, end.count()});
    }
    std::scoped_lock const lock(mutex_);
    std::set<std::pair<std::string, observe::Event>> seen;  // two may have one name for a moment
    for (const Told& told : told_) {
        if (!seen.emplace(told.name, told.event).second) {
            continue;
        }
        all.push_back({Gauge::CertificateTrouble,
                       {told.name, std::string(observe::event_row(told.event).id)},
                       1});
        if (told.within_days > 0) {
            all.push_back(
                {Gauge::CertificateExpiresWithin,
                 {told.name},
                 std::chrono::duration<double>(std::chrono::days(told.within_days)).count()});
        }
    }
    return all;
}

}  // namespace valija::programs
