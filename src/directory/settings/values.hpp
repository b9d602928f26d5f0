// Settings that have a form of their own, read from their text: pins, routes, known MX hosts.
//
// Promise: pure; one reader for check and use; nothing where the text has not that form.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace valija::settings {

// SHA-256 of a subject public key info, as 64 upper-case hexadecimal digits; from 64 digits (also
// with colons) or from sha256/BASE64 as `openssl … | base64` gives it.
std::optional<std::string> read_pin(std::string_view text);

// "relay.example.com", "relay.example.com 10", "192.0.2.9", "2001:db8::9 10".
struct Route {
    std::string host;  // a host name or an address, lower case
    unsigned priority = 0;
    bool is_address = false;
};

std::optional<Route> read_route(std::string_view text);

// "mx1.partner.example 192.0.2.1 2001:db8::1": a host, and what its addresses were.
struct KnownMx {
    std::string host;
    std::vector<std::string> addresses;
};

std::optional<KnownMx> read_known_mx(std::string_view text);

// The A-label form (xn--…) of a name with letters beyond ASCII, by IDNA2008.
std::optional<std::string> a_label_of(std::string_view name);

bool is_ip_address(std::string_view text);

// A host name with a dot that is no address.
bool is_full_name(std::string_view text);

}  // namespace valija::settings
