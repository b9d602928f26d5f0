#include "trust/keystore/metadata.hpp"

#include <algorithm>
#include <charconv>

#include "platform/base/text.hpp"

namespace valija::keystore {
namespace {

constexpr size_t kMostServices = 16;

std::unexpected<Fault> damaged(const std::string& why) {
    return fault(FaultKind::Input, "reading the notes of a certificate", why);
}

bool is_service(std::string_view word) {
    return !word.empty() && word.size() <= 32 &&
           std::ranges::all_of(word, [](char c) { return c >= 'a' && c <= 'z'; });
}

Result<void> take_services(Metadata& metadata, std::string_view value) {
    for (const std::string_view word : split(value, ' ')) {
        if (word.empty()) continue;
        if (!is_service(word) || metadata.services.size() == kMostServices) {
            return damaged("services is no list of words");
        }
        metadata.enable(std::string(word));
    }
    return {};
}

Result<void> take_created(Metadata& metadata, std::string_view value) {
    long long millis = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), millis);
    constexpr long long year_9999 = 253'402'300'800'000;
    if (error != std::errc() || end != value.data() + value.size() || millis < 0 ||
        millis >= year_9999) {
        return damaged("created is no time");
    }
    metadata.created = from_millis(millis);
    return {};
}

Result<void> take_line(Metadata& metadata, std::string_view line) {
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) return damaged("a line is not of the form key = value");
    const std::string_view key = trim(line.substr(0, equals));
    const std::string_view value = trim(line.substr(equals + 1));
    if (key == "services") return take_services(metadata, value);
    if (key == "created") return take_created(metadata, value);
    if (key == "friendly_name") {
        if (!wrong_friendly_name(value).empty()) return damaged("friendly_name is no name");
        metadata.friendly_name = value;
        return {};
    }
    return damaged("an unknown key \"" + escape_peer_text(key, 40) + "\"");
}

}  // namespace

bool Metadata::is_for(std::string_view service) const {
    return std::ranges::find(services, service) != services.end();
}

void Metadata::enable(const std::string& service) {
    const auto at = std::ranges::lower_bound(services, service);
    if (at == services.end() || *at != service) services.insert(at, service);
}

bool counts_for_smtp(bool has_notes, const Metadata& metadata) {
    return !has_notes || metadata.is_for("smtp");
}

std::string metadata_text(const Metadata& metadata) {
    std::string text = "friendly_name = " + metadata.friendly_name + "\n";
    text += "services = " + join(metadata.services, " ") + "\n";
    if (metadata.created) {
        text += "created = " + std::to_string(to_millis(*metadata.created)) + "\n";
    }
    return text;
}

Result<Metadata> parse_metadata(std::string_view text) {
    if (text.size() > kLargestMetadata) return damaged("too long");
    Metadata metadata;
    for (const std::string_view line : split(text, '\n')) {
        if (trim(line).empty()) continue;
        if (auto taken = take_line(metadata, line); !taken) return std::unexpected(taken.error());
    }
    return metadata;
}

std::string wrong_friendly_name(std::string_view name) {
    if (name.size() >= 64) return "a friendly name has less than 64 bytes";
    if (trim(name) != name) return "a friendly name does not begin or end with a blank";
    const bool is_printable = !name.contains('\\') && escape_peer_text(name) == name;
    return is_printable ? "" : "a friendly name is UTF-8 without control characters";
}

}  // namespace valija::keystore
