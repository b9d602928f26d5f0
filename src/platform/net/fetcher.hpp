// Fetching over HTTP(S) and LDAP (libcurl behind one .cpp), away from the loops.
//
// Promise: bounded in size (64 MiB), time (30 s for each address, 10 s to connect) and redirects
// (3, http and https only); file:// and others are refused. Transfers run in parallel on one own
// thread, where `done` is called, exactly once for each fetch, also at stop (Fault Stopped). Of an
// LDAP answer the bytes of its first value are given. Only HTTP status 200 is success. Names are
// looked up by the system. HTTP and HTTPS go through the proxy that is set, but for its bypass
// list, which is asked again at each redirect; LDAP goes directly; the environment (http_proxy,
// no_proxy) does not count. Thread: any. Faults: Input (address refused, too large, HTTP 4xx that
// the server itself said), Timeout, Network (also other statuses than 200, 408 and 429 among them,
// and 4xx through a proxy, whose word it may be), Stopped.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "platform/base/result.hpp"
#include "platform/net/proxy.hpp"

namespace valija::net {

class Fetcher {
  public:
    explicit Fetcher(Proxy proxy = {});
    ~Fetcher();  // ends what runs; not on the own thread
    Fetcher(const Fetcher&) = delete;
    Fetcher& operator=(const Fetcher&) = delete;
    void fetch(std::string url, std::function<void(Result<std::string>)> done);

    // With a body: HTTP POST of an OCSP request (RFC 6960 A.1). An empty one: GET.
    void fetch(std::string url, std::string body, std::function<void(Result<std::string>)> done);

    void set_proxy(Proxy proxy);  // for what starts from now on (EX-40)

  private:
    struct Work;
    std::unique_ptr<Work> work_;
};

}  // namespace valija::net
