// Fetching over HTTP(S) and LDAP (libcurl behind one .cpp), away from the loops.
//
// Promise: bounded in size (64 MiB), time (30 s in all, 10 s to connect) and redirects (3, http and
// https only); file:// and others are refused. Transfers run in parallel on one own thread, where
// `done` is called, exactly once for each fetch, also at stop (Fault Stopped).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "platform/base/result.hpp"

namespace valija::net {

class Fetcher {
 public:
    Fetcher();
    ~Fetcher();
    void fetch(std::string url, std::function<void(Result<std::string>)> done);

 private:
    struct Work;
    std::unique_ptr<Work> work_;
};

}  // namespace valija::net
