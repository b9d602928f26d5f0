// The proxy for what is fetched over HTTP and HTTPS, and who is reached without it (EX-36, EX-37).
//
// Promise: pure. An element of `bypass` is `<local>` (every host name without a dot), a host name,
// `*.example.com` (every name below it), `*`, an address, or a range 192.0.2.0/24. Names compare
// without case; nothing is looked up, so a range covers only hosts written as addresses.
// LDAP never goes through a proxy.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace valija::net {

struct Proxy {
    std::string url = {};  // "http://proxy.example.com:8080"; empty: none
    std::vector<std::string> bypass = {};
};

// The host that an address names, without port and brackets; empty: none.
std::string host_of_url(std::string_view url);

bool is_bypassed(const Proxy& proxy, std::string_view host);

// What to use for this address: the proxy, or empty for direct.
std::string proxy_for(const Proxy& proxy, std::string_view url);

}  // namespace valija::net
