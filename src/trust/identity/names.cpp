#include "trust/identity/names.hpp"

#include <algorithm>

#include "platform/base/text.hpp"
#include "trust/identity/lookalike.hpp"

namespace valija::identity {
namespace {

size_t label_count(std::string_view name) {
    return static_cast<size_t>(std::ranges::count(name, '.')) + 1;
}

bool ends_below(std::string_view name, std::string_view domain) {
    return name.size() > domain.size() + 1 && name[name.size() - domain.size() - 1] == '.' &&
           equal_ignoring_case(name.substr(name.size() - domain.size()), domain);
}

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

bool is_wildcard(std::string_view name) { return name.starts_with("*."); }

std::string_view without_wildcard(std::string_view name) {
    return is_wildcard(name) ? name.substr(2) : name;
}

bool is_comparable(std::string_view name) { return is_host_name(without_wildcard(name)); }

std::string_view parent_of(std::string_view name) {
    const size_t dot = name.find('.');
    return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

std::vector<PresentedName> san_names(const x509::Certificate& certificate) {
    std::vector<PresentedName> names;
    names.reserve(certificate->dns_names.size());
    for (const std::string& name : certificate->dns_names) {
        names.push_back({name, "SAN"});
    }
    return names;
}

std::vector<PresentedName> presented_names(const x509::Certificate& certificate) {
    std::vector<PresentedName> names = san_names(certificate);
    for (const std::string& name : certificate->common_names) {
        if (x509::names_a_host(name) && !is_wildcard(name)) {
            names.push_back({name, "CN"});
        }
    }
    return names;
}

std::vector<PresentedName> full_common_names(const x509::Certificate& certificate) {
    std::vector<PresentedName> names;
    for (const std::string& name : certificate->common_names) {
        if (x509::names_a_host(name)) {
            names.push_back({name, "CN"});
        }
    }
    return names;
}

Text rule_text(NameRule rule) {
    switch (rule) {
        case NameRule::Exact:
            return say("exact");
        case NameRule::Wildcard:
            return say("wildcard");
        case NameRule::WildcardOfDomain:
            return say("wildcard of the domain");
        case NameRule::OneLabelBelow:
            return say("one label below");
        case NameRule::None:
            break;
    }
    return say("no match");
}

NameRule exact_rule(std::string_view reference, std::string_view name) {
    return equal_ignoring_case(reference, name) && is_host_name(name) ? NameRule::Exact
                                                                      : NameRule::None;
}

NameRule wildcard_rule(std::string_view reference, std::string_view name) {
    if (!is_wildcard(name)) {
        return exact_rule(reference, name);
    }
    const std::string_view base = name.substr(2);
    const bool covers = base.contains('.') && equal_ignoring_case(base, parent_of(reference)) &&
                        is_host_name(reference) && is_host_name(base);
    return covers ? NameRule::Wildcard : NameRule::None;
}

int nearness(std::string_view reference, std::string_view name) {
    if (!is_comparable(name)) {
        return 0;
    }
    if (looks_like(reference, name)) {
        return 3;
    }
    const std::string_view base = without_wildcard(name);
    const bool related = equal_ignoring_case(base, reference) || ends_below(base, reference) ||
                         ends_below(reference, base);
    return related ? 2 : 1;
}

Text nearest_miss(std::string_view reference, std::string_view name) {
    if (!is_comparable(name)) {
        return is_ascii(name) ? say("not a host name")
                              : say("letters beyond ASCII are never a host name");
    }
    const std::string_view base = without_wildcard(name);
    if (ends_below(base, reference)) {
        const size_t depth = label_count(name) - label_count(reference);
        if (is_wildcard(name)) {
            return say("a wildcard below a sub-domain");
        }
        return depth == 1 ? say("one label below; this profile does not allow it")
                          : say("{} labels below the domain; one is allowed", depth);
    }
    if (equal_ignoring_case(base, reference)) {
        return is_wildcard(name) ? say("a wildcard does not cover its own parent here")
                                 : say("this profile does not compare the two");
    }
    if (ends_below(reference, base)) {
        if (!is_wildcard(name)) {
            return say("a parent of the domain does not stand for it");
        }
        return base.contains('.') ? say("a wildcard covers one label only")
                                  : say("a wildcard below a top-level domain covers nothing");
    }
    return looks_like(reference, name) ? say("looks like {}, but is another name", reference)
                                       : say("another domain");
}

}  // namespace valija::identity
