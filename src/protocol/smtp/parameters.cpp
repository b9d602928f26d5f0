#include "protocol/smtp/parameters.hpp"

#include <charconv>

#include "platform/base/text.hpp"

namespace valija::smtp {
namespace {

// The closing bracket, seen past a quoted local part.
size_t closing_bracket(std::string_view text) {
    bool quoted = false;
    for (size_t i = 1; i < text.size(); ++i) {
        if (quoted && text[i] == '\\') {
            ++i;
        } else if (text[i] == '"') {
            quoted = !quoted;
        } else if (text[i] == '>' && !quoted) {
            return i;
        }
    }
    return std::string_view::npos;
}

// "@relay1,@relay2:user@domain" names only user@domain (RFC 5321 4.1.1.3).
std::string_view without_route(std::string_view address) {
    if (!address.starts_with('@')) {
        return address;
    }
    const size_t colon = address.find(':');
    return colon == std::string_view::npos ? address : address.substr(colon + 1);
}

std::optional<uint64_t> size_value(std::string_view text) {
    uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && stop == end && text.size() <= 20 ? std::optional(number)
                                                                    : std::nullopt;
}

std::optional<Reply> read_parameter(std::string_view word, MailParameters& parameters) {
    const size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
    if (equal_ignoring_case(name, "SIZE")) {
        const auto size = size_value(value);
        if (!size) {
            return reply(501, "5.5.4", "Bad SIZE value");
        }
        parameters.size = *size;
        return std::nullopt;
    }
    if (equal_ignoring_case(name, "BODY")) {
        parameters.eight_bit = equal_ignoring_case(value, "8BITMIME");
        return parameters.eight_bit || equal_ignoring_case(value, "7BIT")
                   ? std::nullopt
                   : std::optional(reply(501, "5.5.4", "Bad BODY value"));
    }
    return reply(555, "5.5.4", "Unsupported parameter");
}

}  // namespace

std::optional<Path> take_path(std::string_view arguments, std::string_view keyword) {
    if (!starts_with_ignoring_case(arguments, keyword)) {
        return std::nullopt;
    }
    const std::string_view text = trim(arguments.substr(keyword.size()));
    if (!text.starts_with('<')) {
        return std::nullopt;
    }
    const size_t close = closing_bracket(text);
    if (close == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view after = text.substr(close + 1);
    if (!after.empty() && after.front() != ' ') {
        return std::nullopt;
    }
    return Path{.address = std::string(without_route(text.substr(1, close - 1))),
                .rest = trim(after)};
}

std::expected<MailParameters, Reply> read_mail_parameters(std::string_view text, bool extended) {
    MailParameters parameters;
    if (text.empty()) {
        return parameters;
    }
    if (!extended) {
        return std::unexpected(reply(555, "5.5.4", "Parameters need EHLO"));
    }
    for (const std::string_view word : split(text, ' ')) {
        if (word.empty()) {
            continue;
        }
        if (auto refused = read_parameter(word, parameters)) {
            return std::unexpected(std::move(*refused));
        }
    }
    return parameters;
}

}  // namespace valija::smtp
