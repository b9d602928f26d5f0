#include "trust/identity/exchange_match.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "platform/base/text.hpp"

namespace valija::identity {
namespace {

// The part after the first label; empty if there is none.
std::string_view parent_of(std::string_view name) {
    const size_t dot = name.find('.');
    return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

bool is_wildcard(std::string_view name) { return name.starts_with("*."); }

// A name that may be compared at all: a host name, or one behind a whole-label wildcard.
bool is_comparable(std::string_view name) {
    return is_host_name(is_wildcard(name) ? name.substr(2) : name);
}

size_t label_count(std::string_view name) {
    return static_cast<size_t>(std::ranges::count(name, '.')) + 1;
}

std::optional<Text> rule_for(std::string_view domain, std::string_view name) {
    if (is_wildcard(name)) {
        const std::string_view base = name.substr(2);
        if (equal_ignoring_case(base, domain)) {
            return say("wildcard of the domain");
        }
        const bool covers = base.contains('.') && equal_ignoring_case(base, parent_of(domain));
        return covers ? std::optional(say("wildcard")) : std::nullopt;
    }
    if (equal_ignoring_case(name, domain)) {
        return say("exact");
    }
    return equal_ignoring_case(parent_of(name), domain) ? std::optional(say("one label below"))
                                                        : std::nullopt;
}

}  // namespace

std::vector<PresentedName> presented_names(const x509::Certificate& certificate) {
    std::vector<PresentedName> names;
    for (const std::string& name : certificate->dns_names) {
        names.push_back({name, "SAN"});
    }
    for (const std::string& name : certificate->common_names) {
        if (is_host_name(name)) {
            names.push_back({name, "CN"});
        }
    }
    return names;
}

std::optional<Match> match_exchange(std::string_view domain,
                                    const std::vector<PresentedName>& names) {
    for (const PresentedName& presented : names) {
        if (!is_comparable(presented.name) || domain.empty()) {
            continue;
        }
        if (auto rule = rule_for(domain, presented.name)) {
            return Match{.name = presented.name, .rule = std::move(*rule)};
        }
    }
    return std::nullopt;
}

Text nearest_miss(std::string_view domain, std::string_view name) {
    if (!is_comparable(name)) {
        return say("not a host name");
    }
    const std::string_view base = is_wildcard(name) ? name.substr(2) : name;
    const std::string below = "." + lower(domain);
    if (lower(base).ends_with(below)) {
        const size_t depth = label_count(name) - label_count(domain);
        return is_wildcard(name) ? say("a wildcard below a sub-domain")
                                 : say("{} labels below the domain; one is allowed", depth);
    }
    if (lower(domain).ends_with("." + lower(base))) {
        return is_wildcard(name) ? say("a wildcard covers one label only")
                                 : say("a parent of the domain does not stand for it");
    }
    return say("another domain");
}

}  // namespace valija::identity
