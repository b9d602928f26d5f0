#include "transport/route/mx_changes.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "platform/base/text.hpp"

namespace valija::route {
namespace {

constexpr size_t kMostTold = 10;

std::string canonical(const std::string& address) {
    boost::system::error_code failed;
    const auto parsed = boost::asio::ip::make_address(address, failed);
    return failed ? address : parsed.to_string();
}

std::string host_list(const std::vector<settings::KnownMx>& known) {
    std::vector<std::string> names;
    for (const settings::KnownMx& mx : known) {
        names.push_back(mx.host);
    }
    return escape_peer_text(join(names, ", "), 300);
}

std::string address_list(const settings::KnownMx& mx) {
    return escape_peer_text(join(mx.addresses, ", "), 300);
}

void compare_addresses(const settings::KnownMx& mx, const std::vector<std::string>& now,
                       std::vector<Text>& changes) {
    for (const std::string& address : now) {
        const bool is_known = std::ranges::any_of(mx.addresses, [&](const std::string& pinned) {
            return canonical(pinned) == canonical(address);
        });
        if (!is_known && changes.size() < kMostTold) {
            changes.push_back(say("{} has the address {} now; the file knows {}", mx.host,
                                  escape_peer_text(address, 50), address_list(mx)));
        }
    }
}

bool has_one_domain(const Plan& plan) { return plan.partner && plan.partner->domains.size() == 1; }

}  // namespace

std::vector<Text> mx_changes(const std::vector<settings::KnownMx>& known, const Plan& plan,
                             const std::map<std::string, std::vector<std::string>>& addresses) {
    std::vector<Text> changes;
    if (known.empty() || plan.kind != Kind::Smtp || !plan.routes.empty()) {
        return changes;
    }
    for (const std::string& host : plan.hosts) {
        const auto mx = std::ranges::find(known, host, &settings::KnownMx::host);
        if (mx == known.end()) {
            if (changes.size() < kMostTold) {
                changes.push_back(say("{} is a new MX host of {}; the file knows {}",
                                      escape_peer_text(host, 260), plan.domain, host_list(known)));
            }
            continue;
        }
        const auto now = addresses.find(host);
        if (now != addresses.end() && !mx->addresses.empty()) {
            compare_addresses(*mx, now->second, changes);
        }
    }
    for (const settings::KnownMx& mx : known) {
        const bool is_gone = std::ranges::find(plan.hosts, mx.host) == plan.hosts.end();
        if (is_gone && has_one_domain(plan) && changes.size() < kMostTold) {
            changes.push_back(say("{} is no longer an MX host of {}", mx.host, plan.domain));
        }
    }
    return changes;
}

}  // namespace valija::route
