#include "directory/settings/internal/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>

#include "directory/settings/edit.hpp"
#include "directory/settings/values.hpp"
#include "platform/base/text.hpp"
#include "protocol/mail/address.hpp"

namespace valija::settings {
namespace {

constexpr size_t longest_name = 64;
constexpr size_t longest_url = 2048;

bool is_number_within(std::string_view text, unsigned low, unsigned high) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return !text.empty() && error == std::errc() && end == text.data() + text.size() &&
           number >= low && number <= high;
}

// 192.0.2.1:25 or [2001:db8::1]:25
bool is_endpoint(std::string_view text) {
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || !is_number_within(text.substr(colon + 1), 0, 65535)) {
        return false;
    }
    const std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        return host.contains(':') && is_ip_address(host.substr(1, host.size() - 2));
    }
    return !host.contains(':') && is_ip_address(host);
}

// What only this machine reaches: 127.0.0.0/8 or [::1], with its port.
bool is_loopback_endpoint(std::string_view text) {
    return is_endpoint(text) && (text.starts_with("127.") || text.starts_with("[::1]:"));
}

bool is_absolute(std::string_view text) { return text.starts_with('/'); }

// 192.0.2.1@53
bool is_forwarder(std::string_view text) {
    const size_t at = text.find('@');
    return at != std::string_view::npos && is_ip_address(text.substr(0, at)) &&
           is_number_within(text.substr(at + 1), 1, 65535);
}

// http://proxy.example.com:8080, also without the scheme; no path, no password.
bool is_proxy(std::string_view text) {
    if (starts_with_ignoring_case(text, "http://")) text.remove_prefix(7);
    const size_t colon = text.rfind(':');
    const std::string_view host = text.substr(0, colon);
    return colon != std::string_view::npos && is_number_within(text.substr(colon + 1), 1, 65535) &&
           (is_endpoint(text) || is_host_name(host));
}

bool is_range(std::string_view text) {
    const size_t slash = text.find('/');
    const std::string_view address = text.substr(0, slash);
    return is_ip_address(address) &&
           (slash == std::string_view::npos ||
            is_number_within(text.substr(slash + 1), 0, address.contains(':') ? 128 : 32));
}

// Keepers fetch by what libcurl is allowed to: HTTP and LDAP (EX-32).
bool is_list_url(std::string_view text) {
    const bool scheme = std::ranges::any_of(
        std::array<std::string_view, 4>{"http://", "https://", "ldap://", "ldaps://"},
        [&](std::string_view start) {
            return starts_with_ignoring_case(text, start) && text.size() > start.size();
        });
    return scheme && text.size() <= longest_url && std::ranges::all_of(text, [](char c) {
               return c > 0x20 && c < 0x7F && c != '"' && c != '<' && c != '>';
           });
}

bool is_bypass(std::string_view text) {
    if (text == "*" || equal_ignoring_case(text, "<local>")) return true;
    return is_range(text) || is_host_name(text.starts_with("*.") ? text.substr(2) : text);
}

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string quoted(std::string_view text) {
    return fmt::format("\"{}\"", escape_peer_text(text, 100));
}

std::string not_a_name(std::string_view text) {
    if (!is_ascii(text)) {
        const auto made = a_label_of(text);
        return quoted(text) + " has letters beyond ASCII; write it as DNS does" +
               (made ? ": " + quoted(*made) : ", as an A-label that begins with xn--");
    }
    if (text.ends_with('.')) return quoted(text) + " ends with a dot; leave it out";
    return quoted(text) + " is not a full domain name such as example.com";
}

// The problems of one object, each with the place of its key.
template <class Object>
class Checker {
  public:
    Checker(const Object& object, Problems& problems) : object_(object), problems_(problems) {}

    void add(const std::string& key, std::string text) {
        const auto found = object_.set.find(key);
        const Origin at =
            found == object_.set.end() ? Origin{object_.origin.file, 0} : found->second;
        problems_.push_back({.file = at.file,
                             .line = at.line,
                             .column = at.line == 0 ? 0U : 1U,
                             .text = fmt::format("\"{}\": {}", key, std::move(text))});
    }

    template <class Test>
    void one(const std::string& key, const std::string& value, Test is_good,
             std::string_view wanted) {
        if (!value.empty() && !is_good(value)) {
            add(key, fmt::format("{} is not {}", quoted(value), wanted));
        }
    }

    template <class Test>
    void each(const std::string& key, const std::vector<std::string>& values, Test is_good,
              std::string_view wanted) {
        for (const std::string& value : values) {
            if (!is_good(value)) add(key, fmt::format("{} is not {}", quoted(value), wanted));
        }
    }

    void domains(const std::string& key, const std::vector<std::string>& values) {
        for (size_t i = 0; i < values.size(); ++i) {
            if (!is_full_name(values[i])) {
                add(key, not_a_name(values[i]));
            } else if (std::find(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(i),
                                 values[i]) != values.begin() + static_cast<std::ptrdiff_t>(i)) {
                add(key, quoted(values[i]) + " is listed twice");
            }
        }
    }

    void host(const std::string& key, const std::string& value) {
        if (!value.empty() && !is_full_name(value)) add(key, not_a_name(value));
    }

  private:
    const Object& object_;
    Problems& problems_;
};

constexpr std::string_view range_wanted =
    "an address or a range such as 192.0.2.0/24 or 2001:db8::/32";
constexpr std::string_view certificate_wanted =
    "a certificate's name: a host name, a thumbprint or a file name without .crt";

bool is_certificate_name(std::string_view text) {
    return is_object_name(text) || (text.starts_with("*.") && is_object_name(text.substr(2)));
}

bool is_address_space(std::string_view text) {
    return text == "*" || is_full_name(text.starts_with("*.") ? text.substr(2) : text);
}

bool is_mail_address(std::string_view text) {
    const auto address = mail::parse_address(text);
    return address && !address->domain.empty();
}

}  // namespace

bool is_object_name(std::string_view name) {
    const auto is_good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_';
    };
    return !name.empty() && name.size() <= longest_name && name.front() != '.' &&
           name.front() != '-' && std::ranges::all_of(name, is_good);
}

void check(const Server& server, Problems& problems) {
    Checker checker(server, problems);
    if (server.hostname.empty()) {
        checker.add("hostname", "is required: our fully qualified name, such as mail.example.com");
    }
    checker.host("hostname", server.hostname);
    checker.domains("accepted_domains", server.accepted_domains);
    checker.one("postmaster", server.postmaster, is_mail_address, "a mail address");
    checker.one("dns.forward", server.dns_forward, is_forwarder,
                "addr@port, such as 192.0.2.53@53");
    checker.one("mailbox.lmtp", server.mailbox_lmtp, is_endpoint,
                "an address and port such as 127.0.0.1:24");
    checker.one("proxy.url", server.proxy_url, is_proxy,
                "http://host:port, such as http://proxy.example.com:8080");
    checker.each("proxy.bypass", server.proxy_bypass, is_bypass,
                 "<local>, a host name, *.example.com, an address or a range");
    checker.one("dns.trust_anchor", server.dns_trust_anchor, is_absolute,
                "an absolute path of a file");
    checker.one(
        "metrics.listen", server.metrics_listen, is_loopback_endpoint,
        "a loopback address and port such as 127.0.0.1:9475 or [::1]:9475; the metrics have "
        "no password, so other machines must not reach them");
    if (server.queue_retry.empty()) checker.add("queue.retry", "needs at least one time");
    for (const Duration step : server.queue_retry) {
        if (step < std::chrono::seconds(1)) checker.add("queue.retry", "a wait is at least 1s");
    }
}

void check(const Receive& connector, Problems& problems) {
    Checker checker(connector, problems);
    if (connector.listen.empty()) checker.add("listen", "needs at least one address");
    checker.each("listen", connector.listen, is_endpoint,
                 "an address and port such as 0.0.0.0:25 or [::]:25");
    checker.host("fqdn", connector.fqdn);
    checker.one("certificate", connector.certificate, is_certificate_name, certificate_wanted);
    checker.each("relay_from", connector.relay_from, is_range, range_wanted);
    checker.each("unlimited_sources", connector.unlimited_sources, is_range, range_wanted);
}

void check(const Send& connector, Problems& problems) {
    Checker checker(connector, problems);
    if (connector.address_spaces.empty()) checker.add("address_spaces", "needs at least one");
    checker.each("address_spaces", connector.address_spaces, is_address_space,
                 "example.com, *.example.com or *");
    checker.host("fqdn", connector.fqdn);
    checker.one("certificate", connector.certificate, is_certificate_name, certificate_wanted);
    checker.one("source_address", connector.source_address, is_ip_address, "an address of ours");
}

namespace {

constexpr size_t most_names = 100;
constexpr size_t most_pins = 10;
constexpr size_t most_routes = 20;

void check_pins(const Partner& partner, Checker<Partner>& checker) {
    checker.each("pins", partner.pins, read_pin,
                 "the SHA-256 of a public key: 64 hexadecimal digits or sha256/BASE64");
    if (partner.pins.size() > most_pins) {
        checker.add("pins", fmt::format("holds more than {}", most_pins));
    }
    if (partner.match == "pinned" && partner.pins.empty()) {
        checker.add("match", "\"pinned\" needs at least one of \"pins\"");
    }
    if (partner.match != "pinned" && !partner.pins.empty()) {
        checker.add("pins", "counts with match = \"pinned\" only; leave it out, or set that");
    }
}

void check_matching(const Partner& partner, Checker<Partner>& checker) {
    check_pins(partner, checker);
    if (partner.match == "direct" && partner.trust.empty()) {
        checker.add("match",
                    "\"direct\" needs \"trust\": the files in etc/anchors/ that hold the partner's "
                    "certificates themselves");
    }
    if (partner.match == "dane" && partner.receive != "off") {
        checker.add("match",
                    "\"dane\" proves the partner's servers only, because clients have no TLSA "
                    "records: write "
                    "receive = \"off\" beside it, or choose another profile");
    }
    checker.each("routes", partner.routes, read_route,
                 "a next hop such as \"relay.example.com\", \"relay.example.com 10\" or an "
                 "address");
    checker.each("mx_known", partner.mx_known, read_known_mx,
                 "an MX host with its addresses, such as \"mx1.example.com 192.0.2.1\"");
    for (const auto& [key, size, most] :
         {std::tuple{"names", partner.names.size(), most_names},
          std::tuple{"routes", partner.routes.size(), most_routes},
          std::tuple{"mx_known", partner.mx_known.size(), most_names}}) {
        if (size > most) checker.add(key, fmt::format("holds more than {}", most));
    }
}

}  // namespace

void check(const Partner& partner, Problems& problems) {
    Checker checker(partner, problems);
    if (partner.domains.empty()) {
        checker.add("domains",
                    "is required: the partner's mail domains, such as [\"example.com\"]");
    }
    checker.domains("domains", partner.domains);
    checker.one("contact", partner.contact, is_mail_address, "a mail address");
    checker.domains("names", partner.names);
    check_matching(partner, checker);
    checker.each("trust", partner.trust, is_object_name,
                 "the name of a file in etc/anchors, without .pem");
    checker.each("crl", partner.crl, is_list_url,
                 "the address of a revocation list (http://, https:// or ldap://)");
    checker.one("certificate", partner.certificate, is_certificate_name, certificate_wanted);
}

}  // namespace valija::settings
