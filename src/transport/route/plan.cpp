#include "transport/route/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "platform/base/text.hpp"

namespace valija::route {
namespace {

using boost::asio::ip::tcp;

bool is_literal(std::string_view domain) { return domain.starts_with('['); }

bool is_ourselves(const partners::World& world, std::string_view host) {
    const std::vector<std::string> names = world.directory.own_names();
    return std::ranges::find(names, lower(host)) != names.end();
}

// Preference order; equal ones shuffled so that load spreads (RFC 5321 5.1).
void sort_by_preference(std::vector<net::MxRecord>& records) {
    thread_local std::minstd_rand random{std::random_device{}()};
    std::ranges::shuffle(records, random);
    std::ranges::sort(records, {}, &net::MxRecord::preference);
}

// Only hosts that are preferred to ourselves count: the others would send it back to us.
void drop_ourselves(const partners::World& world, std::vector<net::MxRecord>& records) {
    const auto own = std::ranges::find_if(
        records, [&](const net::MxRecord& record) { return is_ourselves(world, record.host); });
    if (own != records.end()) {
        const unsigned limit = own->preference;
        std::erase_if(records, [limit](const net::MxRecord& r) { return r.preference >= limit; });
    }
}

void require_proof(const partners::World& world, Plan& plan) {
    const auto partner = world.partner_of(plan.domain);
    if (!partner || partner->send == partners::Mode::Off) {
        plan.reason = say("no rule: TLS if the server offers it");
        return;
    }
    const bool enforced = partner->send == partners::Mode::Enforce;
    plan.partner = partner;
    plan.proof = enforced ? Proof::Verified : Proof::Monitor;
    plan.reason = say("partner {} ({}): {} = {}", partner->name, world.written_at(*partner, "send"),
                      "send", enforced ? "enforce" : "monitor");
}

void take_mail_exchangers(const partners::World& world, std::vector<net::MxRecord> records,
                          Plan& plan) {
    if (records.size() == 1 && records.front().host.empty()) {
        plan.kind = Kind::NullMx;
        return;
    }
    std::erase_if(records, [](const net::MxRecord& record) { return record.host.empty(); });
    sort_by_preference(records);
    drop_ourselves(world, records);
    if (records.empty()) {
        plan.kind = Kind::Loop;
    }
    for (const net::MxRecord& record : records) {
        plan.hosts.push_back(record.host);
    }
}

Text signed_text(bool secure) { return secure ? say("DNSSEC-validated") : say("not signed"); }

Text mx_text(std::vector<net::MxRecord> records, bool secure) {
    std::ranges::sort(records, {}, &net::MxRecord::preference);
    std::string text;
    for (const net::MxRecord& record : records) {
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", record.preference,
                            record.host.empty() ? "." : escape_peer_text(record.host));
    }
    return say("MX {} ({})", text, signed_text(secure));
}

void look_up_failed(const Fault& fault, Plan& plan) {
    plan.kind = fault.kind == FaultKind::Forged ? Kind::Forged : Kind::LookUpFailed;
    plan.dns = Text::verbatim(escape_peer_text(fault.text()));
}

// Without MX records the name itself is the host (RFC 5321 5.1).
Task<void> ask_for_address(std::shared_ptr<const partners::World> world, net::Resolver* resolver,
                           Plan* plan) {
    const auto answer = co_await resolver->addresses(plan->domain);
    if (!answer) {
        look_up_failed(answer.error(), *plan);
        co_return;
    }
    plan->dns = say("no MX, the domain's own address counts ({})", signed_text(answer->secure));
    if (!answer->exists || answer->records.empty()) {
        plan->kind = Kind::NoSuchDomain;
    } else if (is_ourselves(*world, plan->domain)) {
        plan->kind = Kind::Loop;
    } else {
        plan->hosts.push_back(plan->domain);
    }
}

// Next hops that the operator has set: no host of them is in doubt, so DNS is not asked for hosts.
void take_routes(const std::vector<settings::Route>& routes, Plan& plan) {
    std::string text;
    for (const settings::Route& route : routes) {
        plan.routes.push_back(route.host);
        plan.hosts.push_back(route.is_address ? fmt::format("[{}]", route.host) : route.host);
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", route.priority, route.host);
    }
    plan.dns = say("routes {}", text);
}

Task<void> ask_reference(net::Resolver* resolver, Plan* plan) {
    const auto answer = co_await resolver->mx(plan->domain);
    if (!answer || answer->records.empty()) {
        co_return;  // then the route has no MX name to be compared with
    }
    plan->mx_secure = answer->secure;
    plan->mx_host = std::ranges::min_element(answer->records, {}, &net::MxRecord::preference)->host;
}

Task<void> ask_dns(std::shared_ptr<const partners::World> world, net::Resolver* resolver,
                   Plan* plan) {
    auto answer = co_await resolver->mx(plan->domain);
    if (!answer) {
        look_up_failed(answer.error(), *plan);
    } else if (!answer->exists) {
        plan->kind = Kind::NoSuchDomain;
    } else if (!answer->records.empty()) {
        plan->dns = mx_text(answer->records, answer->secure);
        plan->mx_secure = answer->secure;
        take_mail_exchangers(*world, std::move(answer->records), *plan);
    } else {
        co_await ask_for_address(world, resolver, plan);
    }
}

}  // namespace

Task<Plan> plan(std::shared_ptr<const partners::World> world, std::string domain,
                net::Resolver* resolver) {
    Plan plan;
    plan.domain = domain;
    if (world->directory.accepts(domain)) {
        const std::string& lmtp = world->directory.server.mailbox_lmtp;
        plan.kind = lmtp.empty() ? Kind::Unset : Kind::Mailbox;
        plan.reason = say("our own domain: to the mailbox server");
        plan.hosts.push_back(lmtp);
        co_return plan;
    }
    plan.connector = world->directory.connector_for(domain);
    require_proof(*world, plan);
    if (is_literal(domain)) {
        plan.dns = say("an address literal");
        plan.hosts.push_back(domain);
        co_return plan;
    }
    const auto partner = world->partner_of(domain);
    if (partner && !partner->routes.empty()) {
        take_routes(partner->routes, plan);
        if (std::ranges::any_of(partner->routes, &settings::Route::is_address)) {
            co_await ask_reference(resolver, &plan);
        }
        co_return plan;
    }
    co_await ask_dns(world, resolver, &plan);
    co_return plan;
}

bool is_ourselves(const settings::Directory& directory, const tcp::endpoint& endpoint) {
    const auto& rows = directory.receive;
    return std::ranges::any_of(rows, [&](const settings::Receive& row) {
        return std::ranges::any_of(row.listen, [&](const std::string& text) {
            const auto own = net::parse_endpoint(text);
            if (!own || own->port() != endpoint.port()) {
                return false;
            }
            const bool is_wildcard = own->address().is_unspecified();
            return own->address() == endpoint.address() ||
                   (is_wildcard &&
                    (endpoint.address().is_loopback() || endpoint.address().is_unspecified()));
        });
    });
}

Task<Result<std::vector<tcp::endpoint>>> addresses(Plan plan, std::string host, uint16_t port,
                                                   net::Resolver* resolver) {
    std::vector<tcp::endpoint> endpoints;
    if (plan.kind == Kind::Mailbox) {
        const auto endpoint = net::parse_endpoint(host);
        if (!endpoint) {
            co_return std::unexpected(endpoint.error());
        }
        endpoints.push_back(*endpoint);
        co_return endpoints;
    }
    std::vector<std::string> texts;
    if (is_literal(host)) {
        std::string_view inner = std::string_view(host).substr(1, host.size() - 2);
        if (starts_with_ignoring_case(inner, "IPv6:")) {
            inner.remove_prefix(5);
        }
        texts.emplace_back(inner);
    } else {
        auto answer = co_await resolver->addresses(std::move(host));
        if (!answer) {
            co_return std::unexpected(answer.error());
        }
        texts = std::move(answer->records);
    }
    for (const std::string& text : texts) {
        boost::system::error_code failed;
        const auto address = boost::asio::ip::make_address(text, failed);
        if (!failed) {
            endpoints.emplace_back(address, port);
        }
    }
    co_return endpoints;
}

}  // namespace valija::route
