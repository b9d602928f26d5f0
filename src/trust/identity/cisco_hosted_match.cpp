// Profile `cisco-hosted` (semantics 1.5, 1.6; CI-34..40): setting 6 of Cisco's destination control.
//
// Presented: the dNSNames if there is any, whatever the CN says; the CN only if there is none.
//   H1  recipient domain
//   H2  the host names of explicit routes, all of them; then stop, MX names do not count
//   H3  without a route that has a name: the MX host connected to; weak unless its answer is signed
// Not here: PTR names (the source breaks off before it would say so). `~=` is wildcard_rule.
// Ours: the partner's `names` are compared after H1. A route that is an address has no name: H3.
#include <algorithm>

#include "platform/base/text.hpp"
#include "trust/identity/internal/profiles.hpp"

namespace valija::identity::internal {
namespace {

// A top-level domain is never all digits, and an IPv6 address is no host name.
bool is_address(std::string_view route) {
    const auto labels = split(route, '.');
    return !is_host_name(route) ||
           std::ranges::all_of(labels.back(), [](char c) { return c >= '0' && c <= '9'; });
}

void ask_next_hop(const Subject& subject, const std::vector<PresentedName>& presented,
                  Questions& asked) {
    bool has_named_route = false;
    for (const std::string& route : subject.reached.routes) {
        if (!is_address(route)) {
            has_named_route = true;
            asked.ask({.name = route, .origin = ReferenceOrigin::Route}, presented, wildcard_rule);
        }
    }
    if (has_named_route) {
        asked.note += say("; an explicit route is set, so MX host names do not count");
        return;
    }
    asked.ask({.name = subject.reached.host,
               .origin = ReferenceOrigin::Mx,
               .weak = !subject.reached.host_is_secure},
              presented, wildcard_rule);
}

}  // namespace

void ask_cisco_hosted(const Subject& subject, Questions& asked) {
    asked.san = san_names(subject.leaf);
    const bool has_san = !asked.san.empty();
    if (has_san) {
        asked.note += say("; the certificate has DNS names, so its CN does not count");
    } else {
        asked.common = full_common_names(subject.leaf);
    }
    const std::vector<PresentedName>& presented = has_san ? asked.san : asked.common;
    asked.ask({.name = subject.rule.domain}, presented, wildcard_rule);
    for (const std::string& name : subject.rule.names) {
        asked.ask({.name = name, .origin = ReferenceOrigin::Names}, presented, wildcard_rule);
    }
    ask_next_hop(subject, presented, asked);
}

Text fix_cisco_hosted(const Rule& rule) {
    return say(
        "the certificate must carry {} or the host name that we deliver to as a DNS name; or add "
        "the name it carries to `names` of the partner's file, if it is the partner's",
        rule.domain);
}

}  // namespace valija::identity::internal
