#include "transport/route/reach.hpp"

namespace valija::route {
namespace {

dane::TlsaState state_from(net::TlsaState state) {
    switch (state) {
        case net::TlsaState::None:
            return dane::TlsaState::None;
        case net::TlsaState::Insecure:
            return dane::TlsaState::Insecure;
        case net::TlsaState::Secure:
            return dane::TlsaState::Secure;
        case net::TlsaState::Failed:
            break;
    }
    return dane::TlsaState::Failed;
}

bool is_literal(const std::string& host) { return host.starts_with('['); }

}  // namespace

dane::TlsaAnswer tlsa_from(const net::TlsaAnswer& answer) {
    dane::TlsaAnswer made{
        .state = state_from(answer.state), .base_domain = answer.base_domain, .records = {}};
    for (const net::TlsaRecord& record : answer.records) {
        made.records.push_back({.usage = record.usage,
                                .selector = record.selector,
                                .matching = record.matching,
                                .data = record.data});
    }
    return made;
}

identity::Reached reached_by(const Plan& plan, const std::string& host, std::string address) {
    identity::Reached reached{.address = std::move(address),
                              .host = host,
                              .host_is_secure = plan.mx_secure,
                              .routes = plan.routes,
                              .ptr = {},
                              .tlsa = {}};
    if (!plan.routes.empty() || is_literal(host)) {
        reached.host = plan.mx_host;
    }
    return reached;
}

Task<identity::Reached> reach(identity::Reached known, identity::Profile profile, uint16_t port,
                              net::Resolver* resolver) {
    if (profile == identity::Profile::CiscoVerify) {
        const auto answer = co_await resolver->ptr(known.address);
        if (answer) {
            for (const net::PtrName& ptr : answer->records) {
                known.ptr.push_back({.name = ptr.name, .confirmed = ptr.confirmed});
            }
        }
    }
    // RFC 7672 2.2.1: a forged MX could lead to a signed host of its forger.
    if (profile == identity::Profile::Dane && !known.host.empty() && known.host_is_secure) {
        const auto answer = co_await resolver->tlsa(known.host, port);
        known.tlsa = answer ? tlsa_from(*answer)
                            : dane::TlsaAnswer{.state = dane::TlsaState::Failed,
                                               .base_domain = known.host,
                                               .records = {}};
    }
    co_return known;
}

}  // namespace valija::route
