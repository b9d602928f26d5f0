#include "platform/net/internal/dns_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <tuple>

#include "platform/base/text.hpp"

namespace valija::net::internal {
namespace {

unsigned octet(char c) { return static_cast<unsigned char>(c); }

// A wire name as text without the final dot; what could be mistaken (a dot or other odd byte within
// a label) is written \DDD as in RFC 1035 5.1, which no host name is.
std::optional<std::string> parse_name(std::string_view wire) {
    std::string text;
    while (!wire.empty()) {
        size_t const length = octet(wire.front());
        wire.remove_prefix(1);
        if (length == 0) return wire.empty() ? std::optional(lower(text)) : std::nullopt;
        if (length > 63 || length > wire.size()) return {};
        if (!text.empty()) text += '.';
        for (char const c : wire.substr(0, length)) {
            if (octet(c) <= ' ' || octet(c) > '~' || c == '.' || c == '\\') {
                text += fmt::format("\\{:03}", octet(c));
            } else {
                text += c;
            }
        }
        wire.remove_prefix(length);
    }
    return {};
}

bool is_known(const Raw& raw) {
    return raw.state == Raw::State::Data || raw.state == Raw::State::NoName;
}

std::unexpected<Fault> unknown(const std::string& doing, const Raw& raw) {
    if (raw.state == Raw::State::Silent) return fault(FaultKind::Timeout, doing, "timed out");
    if (raw.state == Raw::State::Bogus) {
        return fault(FaultKind::Forged, doing, "the answer fails validation: " + raw.cause);
    }
    return fault(FaultKind::Network, doing, raw.cause);
}

std::string canonical(const std::string& name, const Raw& raw) {
    auto text = lower(raw.canonical_name.empty() ? name : raw.canonical_name);
    if (text.ends_with('.')) text.pop_back();
    return text;
}

}  // namespace

std::optional<MxRecord> parse_mx(std::string_view data) {
    if (data.size() < 3) return {};
    auto host = parse_name(data.substr(2));
    if (!host) return {};
    return MxRecord{octet(data[0]) << 8U | octet(data[1]), std::move(*host)};
}

std::optional<std::string> parse_ptr(std::string_view data) { return parse_name(data); }

std::optional<TlsaRecord> parse_tlsa(std::string_view data) {
    if (data.size() < 3) return {};
    return TlsaRecord{octet(data[0]), octet(data[1]), octet(data[2]), std::string(data.substr(3))};
}

std::optional<std::string> canonical_address(const std::string& address) {
    boost::system::error_code error;
    auto const parsed = boost::asio::ip::make_address(address, error);
    return error ? std::nullopt : std::optional(parsed.to_string());
}

std::optional<std::string> reverse_name(const std::string& address) {
    boost::system::error_code error;
    auto const parsed = boost::asio::ip::make_address(address, error);
    if (error) return {};
    std::string name;
    if (parsed.is_v4()) {
        for (auto const byte : parsed.to_v4().to_bytes()) name = fmt::format("{}.{}", byte, name);
        return name + "in-addr.arpa";
    }
    for (auto const byte : parsed.to_v6().to_bytes()) {
        name = fmt::format("{:x}.{:x}.{}", byte & 0xFU, byte >> 4U, name);
    }
    return name + "ip6.arpa";
}

std::optional<std::string> parse_address(std::string_view data) {
    if (data.size() == 4) {
        boost::asio::ip::address_v4::bytes_type bytes{};
        std::ranges::transform(data, bytes.begin(),
                               [](char c) { return static_cast<unsigned char>(c); });
        return boost::asio::ip::address_v4(bytes).to_string();
    }
    if (data.size() != 16) return {};
    boost::asio::ip::address_v6::bytes_type bytes{};
    std::ranges::transform(data, bytes.begin(),
                           [](char c) { return static_cast<unsigned char>(c); });
    return boost::asio::ip::address_v6(bytes).to_string();
}

std::string rcode_text(int rcode) {
    static constexpr std::array<std::string_view, 6> names{"NOERROR",  "FORMERR", "SERVFAIL",
                                                           "NXDOMAIN", "NOTIMP",  "REFUSED"};
    auto const index = static_cast<size_t>(rcode);
    return index < names.size() ? std::string(names[index]) : fmt::format("RCODE {}", rcode);
}

Result<Answer<MxRecord>> mx_answer(const std::string& name, const Raw& raw) {
    auto const doing = "looking up the MX of " + name;
    if (!is_known(raw)) return unknown(doing, raw);
    Answer<MxRecord> answer{.records = {},
                            .exists = raw.state != Raw::State::NoName,
                            .secure = raw.secure,
                            .canonical_name = canonical(name, raw)};
    for (auto const& data : raw.data) {
        auto record = parse_mx(data);
        if (!record) return fault(FaultKind::Network, doing, "malformed answer");
        answer.records.push_back(std::move(*record));
    }
    std::ranges::sort(answer.records, [](const MxRecord& a, const MxRecord& b) {
        return std::tie(a.preference, a.host) < std::tie(b.preference, b.host);
    });
    if (answer.records.size() > record_limit) answer.records.resize(record_limit);
    return answer;
}

Result<Answer<PtrName>> ptr_answer(const std::string& address, const Raw& raw) {
    auto const doing = "looking up the names of " + address;
    if (!is_known(raw)) return unknown(doing, raw);
    Answer<PtrName> answer{.records = {},
                           .exists = raw.state != Raw::State::NoName,
                           .secure = raw.secure,
                           .canonical_name = {}};
    for (auto const& data : raw.data) {
        auto name = parse_ptr(data);
        if (!name) return fault(FaultKind::Network, doing, "malformed answer");
        if (is_host_name(*name)) answer.records.push_back({std::move(*name), false});
        if (answer.records.size() == ptr_limit) break;
    }
    return answer;
}

TlsaAnswer tlsa_answer(const std::string& base_domain, const Raw& raw) {
    TlsaAnswer answer{.base_domain = base_domain, .records = {}, .cause = {}};
    if (!is_known(raw)) {
        answer.state = TlsaState::Failed;
        answer.cause = unknown("looking up the TLSA records of " + base_domain, raw).error().text();
        return answer;
    }
    for (auto const& data : raw.data) {
        auto record = parse_tlsa(data);
        if (!record) {
            return {.state = TlsaState::Failed,
                    .base_domain = base_domain,
                    .records = {},
                    .cause = "malformed TLSA record of " + base_domain};
        }
        answer.records.push_back(std::move(*record));
        if (answer.records.size() == tlsa_limit) break;
    }
    if (!answer.records.empty()) {
        answer.state = raw.secure ? TlsaState::Secure : TlsaState::Insecure;
    }
    return answer;
}

Result<Answer<std::string>> address_answer(const std::string& name, const Raw& six,
                                           const Raw& four) {
    auto const doing = "looking up the addresses of " + name;
    auto const* const bad = is_known(six) ? &four : &six;
    bool const both = is_known(six) && is_known(four);
    // Half an answer will do if it holds addresses, but not beside a forged one.
    auto const usable = [](const Raw& raw) { return !raw.data.empty(); };
    bool const forged = six.state == Raw::State::Bogus || four.state == Raw::State::Bogus;
    if (!both && (forged || (!usable(six) && !usable(four)))) {
        return unknown(doing, four.state == Raw::State::Bogus ? four : *bad);
    }
    auto const& named = usable(six) ? six : four;
    Answer<std::string> answer{
        .records = {},
        .exists = six.state != Raw::State::NoName && four.state != Raw::State::NoName,
        .secure = both && six.secure && four.secure,
        .canonical_name = canonical(name, named)};
    for (auto const* const raw : {&six, &four}) {
        for (auto const& data : raw->data) {
            auto address = parse_address(data);
            if (!address) return fault(FaultKind::Network, doing, "malformed answer");
            answer.records.push_back(std::move(*address));
        }
    }
    if (!answer.records.empty()) answer.exists = true;
    if (answer.records.size() > record_limit) answer.records.resize(record_limit);
    return answer;
}

}  // namespace valija::net::internal
