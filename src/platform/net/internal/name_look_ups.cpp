#include "platform/net/internal/name_look_ups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "platform/base/text.hpp"

namespace valija::net::internal {
namespace {

using Clock = std::chrono::steady_clock;

Duration until(Clock::time_point end) {
    auto const left = std::chrono::duration_cast<Duration>(end - Clock::now());
    return std::max(left, Duration(1));
}

bool holds(const Result<std::vector<Raw>>& raws, const std::string& name,
           const std::string& address) {
    auto const answer = address_answer(name, raws->at(0), raws->at(1));
    return answer && std::ranges::find(answer->records, address) != answer->records.end();
}

// Where the TLSA records may be: the name that secure aliases lead to, then the host itself.
struct BaseDomains {
    std::vector<std::string> names;
    std::string cause;  // why there is none
    bool failed = false;
};

BaseDomains without_dane(std::string cause) {
    return {.names = {}, .cause = std::move(cause), .failed = false};
}

// RFC 7672 2.2.2: aliases that are secure all the way give the last name and the first; where
// only the first step is secure, the first; where nothing is, the host has no DANE.
Task<Result<BaseDomains>> base_domains(Asker ask, std::string host, Clock::time_point end) {
    std::vector<int> types{type_aaaa, type_a};
    auto const raws = co_await ask(host + ".", std::move(types), until(end));
    if (!raws) co_return std::unexpected(raws.error());
    auto const answer = address_answer(host, raws->at(0), raws->at(1));
    if (!answer) {
        co_return BaseDomains{.names = {}, .cause = answer.error().text(), .failed = true};
    }
    auto const& last = answer->canonical_name;
    bool const is_alias = !equal_ignoring_case(last, host);
    if (answer->secure) {
        BaseDomains found{.names = {}, .cause = {}};
        if (is_alias && is_host_name(last)) found.names.push_back(last);
        found.names.push_back(lower(host));
        co_return found;
    }
    if (!is_alias) co_return without_dane("the addresses of " + host + " are not signed");
    std::vector<int> alias{type_cname};
    auto const step = co_await ask(host + ".", std::move(alias), until(end));
    if (!step) co_return std::unexpected(step.error());
    auto const& raw = step->at(0);
    if (raw.state == Raw::State::Data && raw.secure && !raw.data.empty()) {
        co_return BaseDomains{.names = {lower(host)}, .cause = {}};
    }
    if (raw.state != Raw::State::Data && raw.state != Raw::State::NoName) {
        co_return BaseDomains{
            .names = {}, .cause = "looking up the alias of " + host + " failed", .failed = true};
    }
    co_return without_dane("the alias of " + host + " is not signed");
}

}  // namespace

Task<Result<Answer<PtrName>>> look_up_ptr(Asker ask, std::string address, Duration deadline) {
    auto const end = Clock::now() + deadline;
    auto const canonical = canonical_address(address);
    auto const reverse = reverse_name(address);
    if (!canonical || !reverse) {
        co_return fault(FaultKind::Input,
                        "looking up the names of " + escape_peer_text(address, 100),
                        "not an address");
    }
    std::vector<int> types{type_ptr};
    auto const raws = co_await ask(*reverse + ".", std::move(types), until(end));
    if (!raws) co_return std::unexpected(raws.error());
    auto answer = ptr_answer(address, raws->at(0));
    if (!answer) co_return answer;
    for (PtrName& found : answer->records) {
        std::vector<int> both{type_aaaa, type_a};
        auto const forward = co_await ask(found.name + ".", std::move(both), until(end));
        if (!forward) co_return std::unexpected(forward.error());
        found.confirmed = holds(forward, found.name, *canonical);
    }
    co_return answer;
}

Task<Result<TlsaAnswer>> look_up_tlsa(Asker ask, std::string host, uint16_t port,
                                      Duration deadline) {
    auto const end = Clock::now() + deadline;
    if (!is_host_name(host)) {
        co_return fault(FaultKind::Input,
                        "looking up the TLSA records of " + escape_peer_text(host, 255),
                        "not a host name");
    }
    auto const bases = co_await base_domains(ask, host, end);
    if (!bases) co_return std::unexpected(bases.error());
    TlsaAnswer answer{.state = bases->failed ? TlsaState::Failed : TlsaState::None,
                      .base_domain = lower(host),
                      .records = {},
                      .cause = bases->cause};
    for (const std::string& base : bases->names) {
        std::vector<int> types{type_tlsa};
        auto const raws =
            co_await ask(fmt::format("_{}._tcp.{}.", port, base), std::move(types), until(end));
        if (!raws) co_return std::unexpected(raws.error());
        answer = tlsa_answer(base, raws->at(0));
        if (answer.state == TlsaState::Secure || answer.state == TlsaState::Failed) break;
    }
    co_return answer;
}

}  // namespace valija::net::internal
