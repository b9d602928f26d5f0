// check: of a partner, of a domain, of a certificate that a client would show, of this server.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "control/explain/check_server.hpp"
#include "control/explain/check_text.hpp"
#include "control/explain/letter.hpp"
#include "control/service/service.hpp"
#include "platform/base/text.hpp"

namespace json = boost::json;

namespace valija::service {
namespace {

constexpr int kFindings = 1;
constexpr int kUnsure = 2;
constexpr int kUsage = 64;
constexpr auto kForAll = std::chrono::seconds(60);

Language language_of(const Request& request) {
    return valija::language_of(request.argument("lang")).value_or(Language::English);
}

identity::Show show_of(const Request& request) {
    return request.argument("all") == "yes" ? identity::Show::All : identity::Show::Findings;
}

int status_of(explain::Standing standing) {
    if (standing == explain::Standing::Good) {
        return 0;
    }
    return standing == explain::Standing::Unsure ? kUnsure : kFindings;
}

// A partner's name stands for its domains; a domain for itself. Empty: neither.
std::vector<std::string> domains_of(const partners::World& world, const std::string& target) {
    for (const auto& partner : world.partners) {
        if (partner->name == target) {
            return partner->domains;
        }
    }
    const std::string domain = lower(target);
    const bool is_domain = is_host_name(domain) && domain.find('.') != std::string::npos;
    return is_domain ? std::vector<std::string>{domain} : std::vector<std::string>();
}

Answer not_a_target(const partners::World& world, const std::string& target) {
    std::vector<std::string> known;
    for (const auto& partner : world.partners) {
        known.push_back(partner->name);
        known.insert(known.end(), partner->domains.begin(), partner->domains.end());
    }
    const auto near = nearest(target, known);
    return {.exit_status = kUsage,
            .out = {},
            .err = fmt::format("{} is neither a partner nor a domain{}.\n",
                               escape_peer_text(target, 260),
                               near ? fmt::format("; did you mean {}?", *near) : "")};
}

// The ladder that the letter is about: the first that is not good, mail to the partner first.
struct Subject {
    const explain::DomainReport* domain = nullptr;
    const identity::Ladder* ladder = nullptr;
    const explain::AddressReport* address = nullptr;
    identity::Direction direction = identity::Direction::Outbound;
};

Subject outbound_of(const explain::DomainReport& domain) {
    const auto& addresses = domain.outbound->addresses;
    const auto* address = addresses.empty() ? nullptr : &addresses.front();
    return {&domain, address == nullptr ? &domain.outbound->none : &address->ladder, address};
}

Subject subject_of(const explain::CheckReport& report) {
    for (const explain::DomainReport& domain : report.domains) {
        if (domain.outbound && domain.outbound->standing != explain::Standing::Good) {
            return outbound_of(domain);
        }
    }
    for (const explain::DomainReport& domain : report.domains) {
        if (!domain.outbound || domain.inbound.standing != explain::Standing::Good) {
            return {&domain, &domain.inbound.ladder, nullptr, identity::Direction::Inbound};
        }
    }
    return report.domains.empty() ? Subject() : outbound_of(report.domains.front());
}

explain::Occasion occasion_of(const Subject& subject) {
    if (!subject.domain->outbound) {
        return explain::Occasion::File;  // --as-client
    }
    return subject.direction == identity::Direction::Outbound ? explain::Occasion::Delivery
                                                              : explain::Occasion::PresumedClient;
}

// What was judged; of a session nothing where it came to no certificate.
std::optional<x509::Certificate> certificate_of(const Subject& subject) {
    if (subject.direction == identity::Direction::Inbound) {
        return subject.domain->inbound.judged;
    }
    if (subject.address == nullptr || !subject.address->evidence ||
        subject.address->evidence->peer_chain.empty()) {
        return std::nullopt;
    }
    return subject.address->evidence->peer_chain.front();
}

std::string letter_about(const explain::CheckReport& report, const settings::Server& server,
                         Time now, Language language) {
    const Subject subject = subject_of(report);
    explain::LetterFacts facts{.recipient = "postmaster@" + subject.domain->domain,
                               .domain = subject.domain->domain,
                               .our_host = server.hostname,
                               .our_contact = server.postmaster,
                               .occasion = occasion_of(subject),
                               .direction = subject.direction,
                               .profile = subject.domain->profile,
                               .at = now};
    const identity::Step* failure = subject.ladder->first_failure();
    const bool is_of_dns = failure != nullptr && failure->name == identity::StepName::Dns;
    if (subject.address != nullptr && !is_of_dns) {
        facts.host = subject.address->host;
        facts.port = std::to_string(server.smtp_port);
    }
    if (const auto certificate = certificate_of(subject)) {
        facts.certificate = (*certificate)->subject;
        facts.fingerprint = (*certificate)->sha256;
    }
    return explain::letter(*subject.ladder, facts, language);
}

Answer shown(const explain::CheckReport& report, const Request& request,
             const explain::CheckParts& parts) {
    const int status = status_of(report.standing());
    if (request.argument("letter") == "yes") {
        const identity::Ladder* ladder = subject_of(report).ladder;
        if (ladder == nullptr || ladder->steps.empty()) {
            return {.exit_status = kUsage,
                    .out = {},
                    .err = "Nothing was judged, so there is nothing to write to a partner.\n"};
        }
        return {.exit_status = status,
                .out = letter_about(report, parts.deliver.world.get()->directory.server,
                                    parts.deliver.clock.now(), language_of(request)),
                .err = {}};
    }
    if (request.json) {
        return {.exit_status = status,
                .out = json::serialize(explain::check_json(report)) + "\n",
                .err = {}};
    }
    return {.exit_status = status,
            .out = explain::check_text(report, show_of(request), language_of(request)),
            .err = {}};
}

}  // namespace

Task<Answer> Service::check(Request request) {
    const auto world = parts_.check.deliver.world.get();
    const std::string target = request.argument("target");
    const auto end = std::chrono::steady_clock::now() + kForAll;
    if (target.empty()) {
        const explain::ServerReport report = co_await explain::check_server(&parts_.check, end);
        const int status = status_of(report.standing());
        co_return Answer{.exit_status = status,
                         .out = request.json ? json::serialize(explain::server_json(report)) + "\n"
                                             : explain::server_text(report, show_of(request),
                                                                    language_of(request)),
                         .err = {}};
    }
    const std::vector<std::string> domains = domains_of(*world, target);
    if (domains.empty()) {
        co_return not_a_target(*world, target);
    }
    const explain::CheckReport report =
        co_await explain::check_domains(&parts_.check, domains, end);
    co_return shown(report, request, parts_.check);
}

Answer Service::check_client(const Request& request) const {
    const std::string domain = lower(request.argument("domain"));
    const auto chain = x509::Certificate::from_pem(request.argument("chain"));
    if (!chain || chain->empty()) {
        return {.exit_status = kUsage, .out = {}, .err = "The file has no certificate.\n"};
    }
    if (!is_host_name(domain)) {
        return {.exit_status = kUsage, .out = {}, .err = "--domain wants a domain.\n"};
    }
    explain::CheckReport report;
    report.domains.push_back(explain::check_client(parts_.check, *chain, domain));
    return shown(report, request, parts_.check);
}

}  // namespace valija::service
