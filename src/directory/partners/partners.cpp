#include "directory/partners/partners.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "platform/base/text.hpp"
#include "platform/store/file.hpp"

namespace valija::partners {
namespace {

using settings::Problem;
using Problems = std::vector<Problem>;

constexpr size_t largest_anchor_file = 1UL << 20U;

Mode mode_of(const std::string& word) {
    if (word == "off") return Mode::Off;
    return word == "enforce" ? Mode::Enforce : Mode::Monitor;
}

identity::RevocationMode revocation_of(const std::string& word) {
    if (word == "off") return identity::RevocationMode::Off;
    return word == "best-effort" ? identity::RevocationMode::BestEffort
                                 : identity::RevocationMode::Require;
}

Problem trust_problem(const settings::Partner& partner, std::string text) {
    const auto place = partner.set.find("trust");
    const unsigned line = place == partner.set.end() ? 0 : place->second.line;
    return {.file = partner.origin.file,
            .line = line,
            .column = line == 0 ? 0U : 1U,
            .text = std::move(text)};
}

// Reads each file once, however many partners name it.
class AnchorFiles {
  public:
    explicit AnchorFiles(std::string home) : home_(std::move(home)) {}

    const Result<std::vector<x509::Certificate>>& of(const std::string& name) {
        const auto found = read_.find(name);
        if (found != read_.end()) return found->second;
        return read_.emplace(name, read(file_of(name))).first->second;
    }

    static std::string file_of(const std::string& name) { return "etc/anchors/" + name + ".pem"; }

  private:
    Result<std::vector<x509::Certificate>> read(const std::string& file) const {
        const auto text = store::read_file(home_ + "/" + file, largest_anchor_file);
        // The path is told by the problem.
        if (!text) return fault(text.error().kind, text.error().cause);
        return x509::Certificate::from_pem(*text);
    }

    std::string home_;
    std::map<std::string, Result<std::vector<x509::Certificate>>> read_;
};

std::optional<x509::Anchors> anchors_of(const settings::Partner& partner, AnchorFiles& files,
                                        Problems& problems) {
    const size_t before = problems.size();
    std::vector<x509::Certificate> all;
    for (const std::string& name : partner.trust) {
        const auto& read = files.of(name);
        if (!read) {
            problems.push_back(trust_problem(
                partner, fmt::format("\"trust\": the anchor \"{}\" cannot be used ({}): {}", name,
                                     AnchorFiles::file_of(name), read.error().text())));
            continue;
        }
        all.insert(all.end(), read->begin(), read->end());
    }
    if (problems.size() != before) return std::nullopt;
    auto anchors =
        partner.trust.empty() ? x509::Anchors::system() : x509::Anchors::from_certificates(all);
    if (anchors) return std::move(*anchors);
    problems.push_back(trust_problem(
        partner,
        fmt::format("\"trust\": the {} cannot be used: {}",
                    partner.trust.empty() ? "system's roots" : "anchors", anchors.error().text())));
    return std::nullopt;
}

// By priority; equal ones as they are written (semantics 1.6).
std::vector<settings::Route> routes_of(const settings::Partner& partner) {
    std::vector<settings::Route> routes;
    for (const std::string& text : partner.routes) {
        auto route = settings::read_route(text);
        if (!route) continue;
        const auto place =
            std::ranges::upper_bound(routes, route->priority, {}, &settings::Route::priority);
        routes.insert(place, std::move(*route));
    }
    return routes;
}

std::vector<settings::KnownMx> known_of(const settings::Partner& partner) {
    std::vector<settings::KnownMx> all;
    for (const std::string& text : partner.mx_known) {
        if (auto known = settings::read_known_mx(text)) all.push_back(std::move(*known));
    }
    return all;
}

void set_match(const settings::Partner& partner, identity::Rule& rule) {
    const auto profile = identity::profile_of(partner.match);
    VALIJA_ENSURE(profile.has_value(), "every word of `match` is a profile");
    rule.profile = *profile;
    for (const std::string& text : partner.pins) {
        if (auto pin = settings::read_pin(text)) rule.pins.push_back(std::move(*pin));
    }
}

std::shared_ptr<const PartnerRules> rules_of(const settings::Partner& partner,
                                             x509::Anchors anchors) {
    PartnerRules rules{
        .name = partner.name,
        .origin = partner.origin,
        .domains = partner.domains,
        .send = mode_of(partner.send),
        .receive = mode_of(partner.receive),
        .on_failure = partner.on_failure == "reject" ? OnFailure::Reject : OnFailure::Defer,
        .certificate = partner.certificate,
        .protect_header_from = partner.protect_header_from,
        .crl = partner.crl,
        .routes = routes_of(partner),
        .mx_known = known_of(partner),
        .rule = {}};
    rules.rule.partner = partner.name;
    rules.rule.names = partner.names;
    set_match(partner, rules.rule);
    if (rules.rule.profile == identity::Profile::Direct) {
        rules.rule.direct = anchors.certificates();
    }
    rules.rule.anchors = std::move(anchors);
    rules.rule.revocation = revocation_of(partner.revocation);
    rules.rule.revocation_grace = partner.revocation_grace;
    rules.rule.client_eku = partner.client_eku == "server-auth-tolerated"
                                ? identity::ClientEku::ServerAuthTolerated
                                : identity::ClientEku::Strict;
    return std::make_shared<const PartnerRules>(std::move(rules));
}

}  // namespace

identity::Rule PartnerRules::rule_for(std::string_view domain) const {
    identity::Rule filled = rule;
    filled.domain = lower(domain);
    return filled;
}

std::shared_ptr<const PartnerRules> World::partner_of(std::string_view domain) const {
    const auto found = by_domain.find(lower(domain));
    return found == by_domain.end() ? nullptr : found->second;
}

std::string World::written_at(const PartnerRules& rules, const std::string& key) const {
    const settings::Partner* partner = directory.partner(rules.name);
    if (partner == nullptr || !partner->set.contains(key)) return rules.origin.file;
    const settings::Origin& origin = partner->set.at(key);
    return fmt::format("{}:{}", origin.file, origin.line);
}

std::expected<std::shared_ptr<const World>, Problems> make_world(const std::string& home,
                                                                 settings::Directory directory) {
    auto world = std::make_shared<World>();
    Problems problems;
    AnchorFiles files(home);
    for (const settings::Partner& partner : directory.partners) {
        auto anchors = anchors_of(partner, files, problems);
        if (!anchors) continue;
        const auto rules = rules_of(partner, std::move(*anchors));
        world->partners.push_back(rules);
        for (const std::string& domain : rules->domains) world->by_domain.emplace(domain, rules);
    }
    if (!problems.empty()) return std::unexpected(std::move(problems));
    world->directory = std::move(directory);
    return world;
}

std::expected<std::shared_ptr<const World>, Problems> load_world(const std::string& home,
                                                                 const settings::Overlay& overlay) {
    auto directory = settings::load(home, overlay);
    if (!directory) return std::unexpected(std::move(directory.error()));
    return make_world(home, std::move(*directory));
}

}  // namespace valija::partners
