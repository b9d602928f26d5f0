// Our own certificates: what partners will think of them (EX-25, EX-34, EX-35).
//
// Promise: pure but for reading the snapshots it is given; nothing is fetched. The revocation of
// the chain is judged by the book, each certificate but the last by the next one; an issuer that is
// not in the file is looked for among `others`. A self-signed certificate has no list to be on.
// Thread: any.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "directory/partners/partners.hpp"
#include "platform/base/phrase.hpp"
#include "trust/identity/judge.hpp"
#include "trust/keystore/keystore.hpp"
#include "trust/revocation/book.hpp"

namespace valija::explain {

identity::OwnStatus own_status(const std::vector<x509::Certificate>& chain,
                               const std::vector<x509::Certificate>& others,
                               const revocation::Book& book, Time now);

// The lists and OCSP answers that own_status() needs.
std::vector<identity::WantedList> own_lists(const std::vector<x509::Certificate>& chain,
                                            const std::vector<x509::Certificate>& others);

// The OCSP answer that goes with our certificate to who asks for one; empty: none.
std::string own_staple(const std::vector<x509::Certificate>& chain,
                       const std::vector<x509::Certificate>& others, const revocation::Book& book,
                       Time now);

// Certificates that may be issuers of ours: the anchors of all partners.
std::vector<x509::Certificate> known_authorities(const partners::World& world);

enum class OwnTrouble {
    Expired,
    ExpiresSoon,
    NotYetValid,
    NoClientAuth,
    Revoked,
    Unverifiable,
    HardToFetch
};

// Where a certificate of ours is shown.
struct OwnUse {
    std::string connector;  // empty: to a partner that has a certificate of its own
    std::shared_ptr<const partners::PartnerRules> partner;  // that partner
    std::string name;    // what is looked for: an fqdn, a thumbprint or a file name
    bool sends = false;  // to partners, as a client's
    std::shared_ptr<const keystore::OwnCertificate> own;  // null: none fits
};

// Every certificate in use: of each connector, and of each partner that has one of its own.
std::vector<OwnUse> own_uses(const partners::World& world, const keystore::KeyStore& store,
                             Time now);

struct OwnFinding {
    OwnTrouble trouble;
    std::string name;  // of the certificate, or of the fqdn that has none
    Text evidence;
    Text fix;
    int within_days = 0;  // of ExpiresSoon: 30, 14, 7 or 1, the least that is still true
};

// What is amiss with the certificate that a connector shows; `sends`: as a client to partners.
std::vector<OwnFinding> look_at_own(const keystore::OwnCertificate& own, bool sends,
                                    const identity::OwnStatus& status, Time now);

// Why partners could not fetch a list from this address; empty: nothing speaks against it (EX-35).
Text hard_to_fetch(const std::string& url);

}  // namespace valija::explain
