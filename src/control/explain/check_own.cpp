#include "control/explain/check_own.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "platform/base/text.hpp"

namespace valija::explain {
namespace {

using revocation::State;
using x509::Certificate;

constexpr size_t kMostAbove = 10;

// The issuer by name; which of several signed it the book finds out by the signature of the list.
const Certificate* issuer_of(const Certificate& certificate, const std::vector<Certificate>& chain,
                             size_t next, const std::vector<Certificate>& others) {
    if (next < chain.size() && chain[next]->subject == certificate->issuer) {
        return &chain[next];
    }
    const auto found = std::ranges::find_if(others, [&](const Certificate& candidate) {
        return candidate->subject == certificate->issuer;
    });
    return found == others.end() ? nullptr : &*found;
}

bool is_local_address(const boost::asio::ip::address& address) {
    if (address.is_loopback() || address.is_unspecified()) {
        return true;
    }
    if (address.is_v6()) {
        const auto first = address.to_v6().to_bytes()[0];
        return address.to_v6().is_link_local() || (first & 0xFE) == 0xFC;
    }
    const auto bytes = address.to_v4().to_bytes();
    return bytes[0] == 10 || (bytes[0] == 172 && (bytes[1] & 0xF0) == 16) ||
           (bytes[0] == 192 && bytes[1] == 168) || (bytes[0] == 169 && bytes[1] == 254);
}

std::string host_of(const std::string& url) {
    const size_t begin = url.find("://") + 3;
    std::string host = url.substr(begin, url.find_first_of("/?", begin) - begin);
    if (host.starts_with('[')) {
        return host.substr(1, host.find(']') - 1);
    }
    return host.substr(0, host.find(':'));
}

void look_at_dates(const Certificate& leaf, const std::string& name, Time now,
                   std::vector<OwnFinding>& findings) {
    if (now > leaf->not_after) {
        findings.push_back(
            {OwnTrouble::Expired, name,
             say("our certificate {} expired at {}", name, iso_time(leaf->not_after)),
             say("renew our own certificate")});
    } else if (now < leaf->not_before) {
        findings.push_back(
            {OwnTrouble::NotYetValid, name,
             say("our certificate {} is not valid before {}", name, iso_time(leaf->not_before)),
             say("check our clock, or wait")});
    } else if (const int days = identity::days_of_reminder(leaf->not_after - now); days > 0) {
        findings.push_back(
            {OwnTrouble::ExpiresSoon, name,
             say("our certificate {} expires at {}", name, iso_time(leaf->not_after)),
             say("renew our own certificate"), days});
    }
}

void look_at_status(const std::string& name, const identity::OwnStatus& status,
                    std::vector<OwnFinding>& findings) {
    if (!status.is_known || status.revocation == State::Good) {
        return;
    }
    if (status.revocation == State::Revoked) {
        findings.push_back({OwnTrouble::Revoked, name,
                            say("our certificate {} is revoked: {}", name, status.evidence),
                            say("replace our own certificate now: partners refuse it")});
        return;
    }
    findings.push_back(
        {OwnTrouble::Unverifiable, name,
         say("whether our certificate {} is revoked is not known: {}", name, status.evidence),
         say("make the CRL of our CA reachable, for us and for partners")});
}

}  // namespace

std::vector<Certificate> known_authorities(const partners::World& world) {
    std::vector<Certificate> all;
    for (const auto& partner : world.partners) {
        const auto& anchors = partner->rule.anchors.certificates();
        all.insert(all.end(), anchors.begin(), anchors.end());
    }
    return all;
}

identity::OwnStatus own_status(const std::vector<Certificate>& chain,
                               const std::vector<Certificate>& others, const revocation::Book& book,
                               Time now) {
    identity::OwnStatus worst;
    for (size_t i = 0; i < std::min(chain.size(), kMostAbove); ++i) {
        const Certificate& certificate = chain[i];
        if (certificate->self_issued || (i > 0 && certificate->crl_urls.empty())) {
            continue;  // a root has no list
        }
        const Certificate* issuer = issuer_of(certificate, chain, i + 1, others);
        if (issuer == nullptr) {
            continue;  // without the issuer no list can be verified
        }
        const revocation::Status status = book.look_up(certificate, *issuer, now, Duration(0));
        const auto rank = [](State state) {
            return state == State::Revoked ? 2 : (state == State::Unknown ? 1 : 0);
        };
        if (!worst.is_known || rank(status.state) > rank(worst.revocation)) {
            worst = {.is_known = true, .revocation = status.state, .evidence = status.evidence};
        }
    }
    return worst;
}

std::vector<identity::WantedList> own_lists(const std::vector<Certificate>& chain,
                                            const std::vector<Certificate>& others) {
    std::vector<identity::WantedList> wanted;
    for (size_t i = 0; i < std::min(chain.size(), kMostAbove); ++i) {
        const Certificate* issuer = issuer_of(chain[i], chain, i + 1, others);
        if (issuer == nullptr || chain[i]->self_issued) {
            continue;
        }
        for (const std::string& url : chain[i]->crl_urls) {
            wanted.push_back({.url = url, .issuer = *issuer});
        }
        for (const std::string& url : chain[i]->ocsp_urls) {
            wanted.push_back({.url = url, .issuer = *issuer, .about = chain[i]});
        }
    }
    return wanted;
}

std::string own_staple(const std::vector<Certificate>& chain,
                       const std::vector<Certificate>& others, const revocation::Book& book,
                       Time now) {
    if (chain.empty() || chain.front()->ocsp_urls.empty()) {
        return {};
    }
    const Certificate* issuer = issuer_of(chain.front(), chain, 1, others);
    return issuer == nullptr ? std::string() : book.staple(chain.front(), *issuer, now);
}

Text hard_to_fetch(const std::string& url) {
    const std::string shown = escape_peer_text(url, 300);
    if (url.starts_with("ldap:///") || url.find("://") == std::string::npos) {
        return say("{} names no host: only members of our own directory can fetch it", shown);
    }
    const std::string host = host_of(url);
    boost::system::error_code no_address;
    const auto address = boost::asio::ip::make_address(host, no_address);
    if (!no_address) {
        return is_local_address(address)
                   ? say("{} has an address that is reached from inside only", shown)
                   : Text();
    }
    return host.find('.') == std::string::npos
               ? say("{} has a host name without a domain, which is known inside only", shown)
               : Text();
}

std::vector<OwnUse> own_uses(const partners::World& world, const keystore::KeyStore& store,
                             Time now) {
    std::vector<OwnUse> uses;
    const settings::Directory& directory = world.directory;
    for (const settings::Receive& row : directory.receive) {
        uses.push_back({.connector = row.name,
                        .partner = nullptr,
                        .name = settings::certificate_name(row),
                        .sends = false,
                        .own = nullptr});
    }
    for (const settings::Send& row : directory.send) {
        uses.push_back({.connector = row.name,
                        .partner = nullptr,
                        .name = settings::certificate_name(row),
                        .sends = !world.partners.empty(),
                        .own = nullptr});
    }
    for (const auto& partner : world.partners) {
        if (!partner->certificate.empty()) {
            uses.push_back({.connector = {},
                            .partner = partner,
                            .name = partner->certificate,
                            .sends = true,
                            .own = nullptr});
        }
    }
    for (OwnUse& use : uses) {
        use.own = store.select(use.name, now);
    }
    return uses;
}

std::vector<OwnFinding> look_at_own(const keystore::OwnCertificate& own, bool sends,
                                    const identity::OwnStatus& status, Time now) {
    std::vector<OwnFinding> findings;
    const Certificate& leaf = own.chain.front();
    const std::string name = escape_peer_text(own.name, 260);
    look_at_dates(leaf, name, now, findings);
    look_at_status(name, status, findings);
    if (sends && leaf->has_eku && !leaf->eku_client) {
        findings.push_back(
            {OwnTrouble::NoClientAuth, name,
             say("our certificate {} lacks clientAuth: partners may refuse it when we send", name),
             say("public CAs no longer issue clientAuth: use a certificate of a private CA for "
                 "partners")});
    }
    for (const std::string& url : leaf->crl_urls) {
        if (const Text why = hard_to_fetch(url); !why.empty()) {
            findings.push_back({OwnTrouble::HardToFetch, name,
                                say("partners may be unable to fetch the list of our CA: {}", why),
                                say("have the certificate issued with a distribution point that "
                                    "partners can reach over HTTP")});
        }
    }
    return findings;
}

}  // namespace valija::explain
