#include "platform/net/proxy.hpp"

#include <algorithm>

#include "platform/base/text.hpp"
#include "platform/net/endpoint.hpp"

namespace valija::net {
namespace {

bool matches(std::string_view element, std::string_view host) {
    if (equal_ignoring_case(element, "<local>")) {
        return host.find_first_of(".:") == std::string_view::npos;
    }
    if (element == "*" || equal_ignoring_case(element, host)) return true;
    if (element.starts_with("*.")) {
        const std::string_view end = element.substr(1);
        return host.size() > end.size() &&
               equal_ignoring_case(host.substr(host.size() - end.size()), end);
    }
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(host, error);
    const auto range = parse_range(element);
    return !error && range && range->covers(address);
}

}  // namespace

std::string host_of_url(std::string_view url) {
    const size_t scheme = url.find("://");
    if (scheme == std::string_view::npos) return {};
    std::string_view rest = url.substr(scheme + 3);
    rest = rest.substr(0, rest.find_first_of("/?#"));
    const size_t at = rest.rfind('@');
    if (at != std::string_view::npos) rest.remove_prefix(at + 1);
    if (rest.starts_with('[')) {
        const size_t end = rest.find(']');
        return end == std::string_view::npos ? std::string() : std::string(rest.substr(1, end - 1));
    }
    std::string host(rest.substr(0, rest.find(':')));
    if (host.ends_with('.')) host.pop_back();
    return host;
}

bool is_bypassed(const Proxy& proxy, std::string_view host) {
    return std::ranges::any_of(
        proxy.bypass, [host](const std::string& element) { return matches(element, host); });
}

std::string proxy_for(const Proxy& proxy, std::string_view url) {
    const bool is_http =
        starts_with_ignoring_case(url, "http://") || starts_with_ignoring_case(url, "https://");
    return is_http && !proxy.url.empty() && !is_bypassed(proxy, host_of_url(url)) ? proxy.url
                                                                                  : std::string();
}

}  // namespace valija::net
