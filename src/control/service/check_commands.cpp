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

Answer misused(const std::string& text) {
    return {.exit_status = kUsage, .out = {}, .err = fmt::format("valija: {}\n", text)};
}

std::string hint(const std::string& word, const std::vector<std::string>& known) {
    const auto near = nearest(word, known);
    return near ? fmt::format("; did you mean {}?", *near)
                : std::string("; `valija partner list` names the partners");
}

Answer not_a_target(const partners::World& world, const std::string& target) {
    std::vector<std::string> known;
    for (const auto& partner : world.partners) {
        known.push_back(partner->name);
        known.insert(known.end(), partner->domains.begin(), partner->domains.end());
    }
    return misused(fmt::format("{} is neither a partner nor a domain{}",
                               escape_peer_text(target, 260), hint(target, known)));
}

// Mail from others is taken without proof: there is nothing to judge a certificate by.
Answer not_a_partners(const partners::World& world, const std::string& domain) {
    std::vector<std::string> known;
    for (const auto& partner : world.partners) {
        if (partner->name == domain && !partner->domains.empty()) {
            return misused(fmt::format("{} is a partner, not a domain; did you mean {}?",
                                       escape_peer_text(domain, 260), partner->domains.front()));
        }
        known.insert(known.end(), partner->domains.begin(), partner->domains.end());
    }
    return misused(fmt::format("no partner has the domain {}{}", escape_peer_text(domain, 260),
                               hint(domain, known)));
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

// The `contact` of the partner's file, else the postmaster of the domain (RFC 5321 4.5.1).
std::string recipient_of(const settings::Directory& directory,
                         const explain::DomainReport& domain) {
    const settings::Partner* const partner = directory.partner(domain.partner);
    return partner == nullptr || partner->contact.empty() ? "postmaster@" + domain.domain
                                                          : partner->contact;
}

// The partner's other domains that mail does not reach over a proven path.
std::vector<std::string> other_failures(const explain::CheckReport& report, const Subject& subject,
                                        Language language) {
    std::vector<std::string> others;
    for (const explain::DomainReport& domain : report.domains) {
        if (&domain == subject.domain || !domain.outbound ||
            domain.outbound->standing == explain::Standing::Good) {
            continue;
        }
        const identity::Step* failure = outbound_of(domain).ladder->first_failure();
        others.push_back(failure == nullptr
                             ? domain.domain
                             : fmt::format("{} ({})", domain.domain,
                                           identity::step_words(failure->name).in(language)));
    }
    return others;
}

std::string letter_about(const explain::CheckReport& report, const settings::Directory& directory,
                         Time now, Language language) {
    const settings::Server& server = directory.server;
    const Subject subject = subject_of(report);
    explain::LetterFacts facts{.recipient = recipient_of(directory, *subject.domain),
                               .domain = subject.domain->domain,
                               .our_host = server.hostname,
                               .our_contact = server.postmaster,
                               .occasion = occasion_of(subject),
                               .others = other_failures(report, subject, language),
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
            return misused("nothing was judged, so there is nothing to write to a partner");
        }
        return {.exit_status = status,
                .out = letter_about(report, parts.deliver.world.get()->directory,
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
        return misused("the file of --as-client has no certificate");
    }
    if (!is_host_name(domain)) {
        return misused("--domain wants a domain");
    }
    const auto world = parts_.check.deliver.world.get();
    if (!world->partner_of(domain)) {
        return not_a_partners(*world, domain);
    }
    explain::CheckReport report;
    report.domains.push_back(explain::check_client(parts_.check, *chain, domain));
    return shown(report, request, parts_.check);
}

}  // namespace valija::service
