#include "protocol/mail/header.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "platform/base/text.hpp"
#include "protocol/mail/tokens.hpp"

namespace valija::mail {
namespace {

// The end of the field that begins at `from`: past the CRLF that no blank follows.
size_t field_end(std::string_view header, size_t from) {
    while (true) {
        const size_t line = header.find("\r\n", from);
        if (line == std::string_view::npos) {
            return header.size();
        }
        from = line + 2;
        if (from >= header.size() || (header[from] != ' ' && header[from] != '\t')) {
            return from;
        }
    }
}

bool is_name_character(char c) { return c > ' ' && c <= '~' && c != ':'; }

// RFC 5322 4.5.8: blanks may stand before the colon.
HeaderField parse_field(std::string_view raw) {
    HeaderField field{.name = {}, .value = raw, .raw = raw};
    const size_t colon = raw.find(':');
    if (colon == std::string_view::npos) {
        return field;
    }
    const std::string_view name = trim(raw.substr(0, colon));
    if (name.empty() || raw.front() == ' ' || raw.front() == '\t' ||
        !std::ranges::all_of(name, is_name_character)) {
        return field;
    }
    field.name = name;
    field.value = raw.substr(colon + 1);
    if (field.value.ends_with("\r\n")) {
        field.value.remove_suffix(2);
    }
    return field;
}

bool is_our_mark(const HeaderField& field, const std::vector<std::string>& authserv_ids) {
    if (starts_with_ignoring_case(field.name, "X-Valija-")) {
        return true;
    }
    if (!equal_ignoring_case(field.name, "Authentication-Results")) {
        return false;
    }
    std::string id = first_token(field.value);
    if (id.ends_with('.')) {
        id.pop_back();
    }
    // What has no id is nobody's. One that is no token of RFC 2045 could become one of ours where a
    // reader undoes an encoded word or takes a version off.
    return id.empty() || id.find_first_of("=?/") != std::string::npos ||
           std::ranges::any_of(authserv_ids, [&](const std::string& ours) {
               return equal_ignoring_case(id, ours);
           });
}

void add_domain(std::vector<std::string>& domains, const std::string& domain) {
    if (std::ranges::find(domains, domain) == domains.end()) {
        domains.push_back(domain);
    }
}

// Only what the syntax of a comment or property allows: no control characters, brackets, quotes.
std::string plain(std::string_view text, size_t limit, bool blanks) {
    std::string out;
    for (const char c : text.substr(0, limit)) {
        const bool ok =
            (c > ' ' && c <= '~' && c != '(' && c != ')' && c != '\\' && c != '"' && c != ';') ||
            (blanks && c == ' ');
        out += ok ? c : '?';
    }
    return out;
}

void add_property(std::string& line, std::string_view name, const std::string& value) {
    if (!value.empty()) {
        line += fmt::format("\r\n\t{}={}", name, plain(value, 255, false));
    }
}

}  // namespace

std::string_view verdict_text(Verdict verdict) {
    switch (verdict) {
        case Verdict::Pass:
            return "pass";
        case Verdict::Policy:
            return "policy";
        case Verdict::Fail:
            return "fail";
        case Verdict::None:
            break;
    }
    return "none";
}

std::vector<HeaderField> split_header(std::string_view header) {
    std::vector<HeaderField> fields;
    size_t at = 0;
    while (at < header.size()) {
        const size_t end = field_end(header, at);
        fields.push_back(parse_field(header.substr(at, end - at)));
        at = end;
    }
    return fields;
}

size_t count_received(std::string_view header) {
    return static_cast<size_t>(std::ranges::count_if(
        split_header(header),
        [](const HeaderField& field) { return equal_ignoring_case(field.name, "Received"); }));
}

std::optional<std::vector<std::string>> from_domains(std::string_view header) {
    // More is no letter of a person; comparing each with each must not cost anybody's time.
    constexpr size_t kMostAddresses = 100;
    std::vector<std::string> domains;
    size_t addresses = 0;
    for (const HeaderField& field : split_header(header)) {
        if (!equal_ignoring_case(field.name, "From")) {
            continue;
        }
        const auto found = address_domains(field.value);
        addresses += found ? found->size() : 0;
        if (!found || found->empty() || addresses > kMostAddresses) {
            return std::nullopt;  // one field that cannot be read makes the whole unreadable
        }
        for (const std::string& domain : *found) {
            add_domain(domains, domain);
        }
    }
    return domains;
}

std::string message_id(std::string_view header) {
    constexpr size_t kLongest = 250;
    for (const HeaderField& field : split_header(header)) {
        if (!equal_ignoring_case(field.name, "Message-ID")) {
            continue;
        }
        const std::string_view value = trim(field.value);
        const bool is_plain =
            value.size() <= kLongest && value.starts_with('<') &&
            value.find('>') == value.size() - 1 &&
            std::ranges::all_of(value, [](char c) { return c > ' ' && c <= '~'; });
        return is_plain ? std::string(value) : std::string();
    }
    return {};
}

std::string without_our_marks(std::string_view header,
                              const std::vector<std::string>& authserv_ids) {
    std::string kept;
    kept.reserve(header.size());
    for (const HeaderField& field : split_header(header)) {
        if (!is_our_mark(field, authserv_ids)) {
            kept.append(field.raw);
        }
    }
    return kept;
}

std::string authentication_results(const AuthenticationResults& results) {
    std::string line = fmt::format("Authentication-Results: {};\r\n\tx-domain-secured={}",
                                   plain(results.fqdn, 255, false), verdict_text(results.verdict));
    if (!results.words.empty()) {
        line += fmt::format(" ({})", plain(results.words, 400, true));
    }
    add_property(line, "policy.partner", results.partner);
    add_property(line, "smtp.mailfrom", results.mail_from);
    add_property(line, "header.from", results.header_from);
    return line + "\r\n";
}

std::string received(const Received& received) {
    std::string line = fmt::format("Received: from {} ([{}])", plain(received.helo, 255, false),
                                   plain(received.client_address, 64, false));
    if (!received.tls.empty()) {
        line += fmt::format("\r\n\t(using {})", plain(received.tls, 120, true));
    }
    line += fmt::format("\r\n\tby {} with {} id {}", plain(received.fqdn, 255, false),
                        received.protocol, received.queue_id);
    if (!received.for_recipient.empty()) {
        line += fmt::format("\r\n\tfor <{}>", plain(received.for_recipient, 320, true));
    }
    return line + ";\r\n\t" + mail_time(received.time) + "\r\n";
}

}  // namespace valija::mail
