#include <fmt/format.h>

#include <algorithm>

#include "directory/settings/internal/check.hpp"
#include "platform/base/text.hpp"

namespace valija::settings {
namespace {

template <class Object>
Origin origin_of(const Object& object, const std::string& key) {
    const auto found = object.set.find(key);
    return found == object.set.end() ? Origin{object.origin.file, 0} : found->second;
}

std::string place_text(const Origin& origin) {
    return origin.line == 0 ? origin.file : fmt::format("{}:{}", origin.file, origin.line);
}

Problem problem_at(const Origin& origin, std::string text) {
    return {.file = origin.file,
            .line = origin.line,
            .column = origin.line == 0 ? 0U : 1U,
            .text = std::move(text)};
}

void check_domains(const Directory& directory, Problems& problems) {
    std::map<std::string, const Partner*> owners;
    for (const Partner& partner : directory.partners) {
        for (const std::string& domain : partner.domains) {
            const auto [found, is_new] = owners.emplace(domain, &partner);
            if (!is_new && found->second != &partner) {
                problems.push_back(problem_at(
                    origin_of(partner, "domains"),
                    fmt::format("the domain {} belongs to the partner \"{}\" already ({})", domain,
                                found->second->name,
                                place_text(origin_of(*found->second, "domains")))));
            }
            if (directory.accepts(domain)) {
                problems.push_back(problem_at(
                    origin_of(partner, "domains"),
                    fmt::format("the domain {} is one of our own accepted_domains ({})", domain,
                                place_text(origin_of(directory.server, "accepted_domains")))));
            }
        }
    }
}

// Decided: never a weaker path, so the operator must say which of the two is meant.
std::string contradiction(const Partner& partner, std::string_view direction,
                          const std::string& connector, const Origin& origin) {
    return fmt::format(
        "partner \"{}\" is enforced ({} = \"enforce\"), but the connector \"{}\" that carries its "
        "mail has domain_secure = false ({})",
        partner.name, direction, connector, place_text(origin));
}

void check_enforced(const Directory& directory, Problems& problems) {
    for (const Partner& partner : directory.partners) {
        for (const std::string& domain : partner.domains) {
            if (partner.send != "enforce") break;
            const Send& connector = directory.connector_for(domain);
            if (connector.domain_secure) continue;
            problems.push_back(problem_at(origin_of(partner, "send"),
                                          contradiction(partner, "send", connector.name,
                                                        origin_of(connector, "domain_secure"))));
            break;
        }
        for (const Receive& connector : directory.receive) {
            if (partner.receive != "enforce" || connector.domain_secure) continue;
            problems.push_back(problem_at(origin_of(partner, "receive"),
                                          contradiction(partner, "receive", connector.name,
                                                        origin_of(connector, "domain_secure"))));
        }
    }
}

// A list of the file is taken only from the partner's own anchors: the system has too many.
void check_lists(const Directory& directory, Problems& problems) {
    for (const Partner& partner : directory.partners) {
        if (partner.crl.empty() || !partner.trust.empty()) continue;
        problems.push_back(problem_at(
            origin_of(partner, "crl"),
            "\"crl\" needs \"trust\": a list that is named here must be signed by one of the "
            "partner's own anchors; without them lists are found through the certificates"));
    }
}

void check_address_spaces(const Directory& directory, Problems& problems) {
    const auto carries_the_rest = [](const Send& connector) {
        return std::ranges::find(connector.address_spaces, "*") != connector.address_spaces.end();
    };
    if (std::ranges::any_of(directory.send, carries_the_rest)) return;
    problems.push_back(problem_at(origin_of(directory.send.front(), "address_spaces"),
                                  "no send connector carries mail for all other domains; one needs "
                                  "address_spaces = [\"*\"]"));
}

}  // namespace

void check_together(const Directory& directory, Problems& problems) {
    check_domains(directory, problems);
    check_address_spaces(directory, problems);
    check_enforced(directory, problems);
    check_lists(directory, problems);
}

}  // namespace valija::settings
