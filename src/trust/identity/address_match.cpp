#include "trust/identity/address_match.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "platform/base/text.hpp"

namespace valija::identity {
namespace {

constexpr size_t kMostRows = 1000;
constexpr size_t kMostShown = 20;
constexpr size_t kLongestName = 260;

bool same_bytes(std::string_view reference, std::string_view name) { return reference == name; }

std::string email_text(std::string_view name) { return escape_peer_text(name, kLongestName); }

// One form of reference beside the names of its form.
struct Form {
    const std::vector<std::string>& references;
    const std::vector<std::string>& presented;
    bool (*same)(std::string_view, std::string_view);
    std::string (*text)(std::string_view);
};

std::string list_text(const Form& form) {
    std::string text;
    for (size_t i = 0; i < form.presented.size(); ++i) {
        if (i == kMostShown) {
            return text + ", …";
        }
        text += (i == 0 ? "" : ", ") + form.text(form.presented[i]);
    }
    return text;
}

bool is_met(const Form& form, const std::string& reference) {
    return std::ranges::any_of(form.presented,
                               [&](const std::string& name) { return form.same(reference, name); });
}

Step missed(const Form& form, const std::string& reference) {
    const std::string wanted = form.text(reference);
    return {
        .name = StepName::Identity,
        .state = StepState::Fail,
        .evidence = form.presented.empty()
                        ? say("the certificate carries no address of the form of {}", wanted)
                        : say("no address of the certificate is {}: {}", wanted, list_text(form)),
        .fix = say("the certificate must carry {} in its subjectAltName", wanted),
        .actor = Actor::Partner,
        .reason = Reason::SubjectMismatch};
}

void add_rows(const Form& form, std::vector<Comparison>& rows) {
    for (const std::string& reference : form.references) {
        for (const std::string& name : form.presented) {
            if (rows.size() == kMostRows) {
                return;
            }
            const NameRule rule = form.same(reference, name) ? NameRule::Exact : NameRule::None;
            rows.push_back({.reference = {.name = form.text(reference)},
                            .presented = {.name = form.text(name), .origin = "SAN"},
                            .rule = rule,
                            .result = rule_text(rule)});
        }
    }
}

std::vector<Form> forms_of(const Rule& rule, const x509::Certificate& leaf) {
    return {{rule.ip_addresses, leaf->ip_addresses, same_bytes, ip_text},
            {rule.emails, leaf->emails, same_email, email_text}};
}

}  // namespace

std::string ip_text(std::string_view bytes) {
    if (bytes.size() == 4) {
        const auto at = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
        return fmt::format("{}.{}.{}.{}", at(0), at(1), at(2), at(3));
    }
    if (bytes.size() != 16) {
        return hex(bytes.substr(0, 40));
    }
    // The longest run of zero groups is "::" (RFC 5952).
    unsigned groups[8] = {};
    for (size_t i = 0; i < 8; ++i) {
        groups[i] = static_cast<unsigned char>(bytes[2 * i]) * 256U +
                    static_cast<unsigned char>(bytes[2 * i + 1]);
    }
    size_t best = 8;
    size_t longest = 1;
    for (size_t i = 0; i < 8; ++i) {
        size_t end = i;
        while (end < 8 && groups[end] == 0) {
            ++end;
        }
        if (end - i > longest) {
            best = i;
            longest = end - i;
        }
    }
    std::string text;
    for (size_t i = 0; i < 8; ++i) {
        if (i == best) {
            text += "::";
            i += longest - 1;
            continue;
        }
        text += (text.empty() || text.ends_with(':') ? "" : ":") + fmt::format("{:x}", groups[i]);
    }
    return text;
}

bool same_email(std::string_view reference, std::string_view name) {
    const size_t at = reference.rfind('@');
    const size_t other = name.rfind('@');
    return at != std::string_view::npos && other != std::string_view::npos && at != 0 &&
           reference.substr(0, at) == name.substr(0, other) &&
           is_host_name(name.substr(other + 1)) &&
           equal_ignoring_case(reference.substr(at + 1), name.substr(other + 1));
}

std::vector<Comparison> compare_addresses(const Rule& rule, const x509::Certificate& leaf) {
    std::vector<Comparison> rows;
    for (const Form& form : forms_of(rule, leaf)) {
        add_rows(form, rows);
    }
    return rows;
}

Step address_step(const Rule& rule, const x509::Certificate& leaf) {
    std::string met;
    for (const Form& form : forms_of(rule, leaf)) {
        for (const std::string& reference : form.references) {
            if (!is_met(form, reference)) {
                return missed(form, reference);
            }
            met += (met.empty() ? "" : ", ") + form.text(reference);
        }
    }
    return {.name = StepName::Identity,
            .state = StepState::Pass,
            .evidence = say("the certificate carries {}", met)};
}

}  // namespace valija::identity
