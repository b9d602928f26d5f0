#include "control/explain/rendering.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "platform/base/text.hpp"
#include "platform/base/time.hpp"
#include "trust/identity/address_match.hpp"

namespace json = boost::json;

namespace valija::explain {
namespace {

constexpr size_t kLabel = 16;
constexpr size_t kNameColumn = 34;
constexpr size_t kLongestName = 260;
constexpr size_t kMostNames = 1000;
constexpr size_t kMostRows = 40;

std::string escaped(std::string_view name) { return escape_peer_text(name, kLongestName); }

std::string padded(std::string text, size_t column) {
    const auto is_first_byte = [](char c) { return (c & 0xC0) != 0x80; };
    const auto width = static_cast<size_t>(std::ranges::count_if(text, is_first_byte));
    text.append(width < column ? column - width : 1, ' ');
    return text;
}

json::array strings(const std::vector<std::string>& texts,
                    std::string (*shown)(std::string_view) = escaped) {
    json::array all;
    for (size_t i = 0; i < std::min(texts.size(), kMostNames); ++i) {
        all.push_back(json::string(shown(texts[i])));
    }
    return all;
}

std::string reference_text(const identity::Reference& reference, Language language) {
    const std::string_view origin = identity::origin_text(reference.origin);
    const std::string name = escaped(reference.name);
    return (reference.weak ? say("{} ({}, weak)", name, origin) : say("{} ({})", name, origin))
        .in(language);
}

// A row a name, the label on the first.
void put_names(Page& page, const Text& label, const std::vector<std::string>& names,
               std::string (*shown)(std::string_view)) {
    for (size_t i = 0; i < names.size(); ++i) {
        if (i == kMostNames) {
            page.more("…");
            return;
        }
        if (i == 0) {
            page.row(label, Text::verbatim(shown(names[i])));
        } else {
            page.more(shown(names[i]));
        }
    }
}

}  // namespace

json::array json_of(const identity::Ladder& ladder, Language language) {
    json::array steps;
    for (const identity::Step& step : ladder.steps) {
        steps.push_back(json::object{{"step", identity::step_text(step.name)},
                                     {"state", identity::state_text(step.state)},
                                     {"evidence", step.evidence.in(language)},
                                     {"fix", step.fix.in(language)},
                                     {"who", identity::actor_text(step.actor)},
                                     {"reason", identity::reason_text(step.reason)}});
    }
    return steps;
}

json::array json_of(const std::vector<identity::Comparison>& names, Language language) {
    json::array rows;
    for (const identity::Comparison& row : names) {
        rows.push_back(json::object{{"reference", escaped(row.reference.name)},
                                    {"origin", identity::origin_text(row.reference.origin)},
                                    {"weak", row.reference.weak},
                                    {"presented", escaped(row.presented.name)},
                                    {"from", row.presented.origin},
                                    {"matches", row.rule != identity::NameRule::None},
                                    {"result", row.result.in(language)}});
    }
    return rows;
}

json::object json_of(const x509::Certificate& certificate) {
    return {{"subject", escape_peer_text(certificate->subject)},
            {"issuer", escape_peer_text(certificate->issuer)},
            {"serial", certificate->serial},
            {"sha256", certificate->sha256},
            {"thumbprint", certificate->thumbprint},
            {"spki_sha256", certificate->spki_sha256},
            {"not_before", iso_time(certificate->not_before)},
            {"not_after", iso_time(certificate->not_after)},
            {"key", certificate->key},
            {"is_ca", certificate->is_ca},
            {"common_names", strings(certificate->common_names)},
            {"dns_names", strings(certificate->dns_names)},
            {"ip_addresses", strings(certificate->ip_addresses, identity::ip_text)},
            {"emails", strings(certificate->emails)},
            {"crl_urls", strings(certificate->crl_urls)},
            {"ocsp_urls", strings(certificate->ocsp_urls)}};
}

json::array json_of(const std::vector<x509::Certificate>& chain) {
    json::array all;
    for (const x509::Certificate& certificate : chain) {
        all.push_back(json_of(certificate));
    }
    return all;
}

void Page::heading(const Text& text) { text_ += text.in(language_) + "\n"; }

void Page::row(const Text& label, const Text& value) {
    text_ += "  " + padded(label.in(language_), kLabel) + value.in(language_) + "\n";
}

void Page::more(const std::string& value) { text_ += std::string(2 + kLabel, ' ') + value + "\n"; }

void Page::blank() { text_ += "\n"; }

void put_certificate(Page& page, const x509::Certificate& certificate) {
    page.row(say("subject"), certificate->subject.empty()
                                 ? say("(empty)")
                                 : Text::verbatim(escape_peer_text(certificate->subject)));
    put_names(page, Text::verbatim("CN"), certificate->common_names, escaped);
    put_names(page, say("DNS names"), certificate->dns_names, escaped);
    put_names(page, say("IP addresses"), certificate->ip_addresses, identity::ip_text);
    put_names(page, say("e-mail"), certificate->emails, escaped);
    page.row(say("issued by"), Text::verbatim(escape_peer_text(certificate->issuer)));
    page.row(say("valid"),
             say("{} to {}", iso_time(certificate->not_before), iso_time(certificate->not_after)));
    page.row(say("key"), Text::verbatim(certificate->key));
    page.row(say("serial"), Text::verbatim(certificate->serial));
    page.row(Text::verbatim("SHA-256"), Text::verbatim(certificate->sha256));
    put_names(page, Text::verbatim("CRL"), certificate->crl_urls, escaped);
    put_names(page, Text::verbatim("OCSP"), certificate->ocsp_urls, escaped);
}

void put_comparisons(Page& page, const std::vector<identity::Comparison>& names,
                     Language language) {
    if (names.empty()) {
        return;
    }
    page.row(say("compared"), say("what must be proven <- what the certificate says: result"));
    for (size_t i = 0; i < names.size(); ++i) {
        if (i == kMostRows) {
            page.more("…");
            return;
        }
        const identity::Comparison& row = names[i];
        const std::string presented =
            escaped(row.presented.name) + " (" + row.presented.origin + ")";
        page.more(padded(reference_text(row.reference, language), kNameColumn) + "<- " +
                  padded(presented, kNameColumn) + row.result.in(language));
    }
}

Language language_of_terminal(std::string_view lc_all, std::string_view lc_messages,
                              std::string_view lang) {
    for (const std::string_view word : {lc_all, lc_messages, lang}) {
        if (!word.empty()) {
            return word.starts_with("es") ? Language::Spanish : Language::English;
        }
    }
    return Language::English;
}

}  // namespace valija::explain
