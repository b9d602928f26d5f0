// Fetching over HTTP(S) and LDAP (libcurl behind one .cpp), away from the loops.
//
// Promise: bounded in size (64 MiB), time (30 s in all, 10 s to connect) and redirects (3, http and
// https only); file:// and others are refused. Transfers run in parallel on one own thread, where
// `done` is called, exactly once for each fetch, also at stop (Fault Stopped). Of an LDAP answer
// the bytes of its first value are given. Only HTTP status 200 is success. Names are looked up by
// the system, and proxies taken from the environment (http_proxy, no_proxy). Thread: any. Faults:
// Input (address refused, too large), Timeout, Network, Stopped.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "platform/base/result.hpp"

namespace valija::net {

class Fetcher {
  public:
    Fetcher();
    ~Fetcher();  // ends what runs; not on the own thread
    Fetcher(const Fetcher&) = delete;
    Fetcher& operator=(const Fetcher&) = delete;
    void fetch(std::string url, std::function<void(Result<std::string>)> done);

  private:
    struct Work;
    std::unique_ptr<Work> work_;
};

}  // namespace valija::net
