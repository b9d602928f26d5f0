// DNS with validation (libunbound behind one .cpp).
//
// Promise: an answer that fails validation (bogus) is never data; every look-up ends within the
// deadline; at most 20 MX and 20 addresses are returned. "No data" and "no such name" are answers,
// failures of the look-up are Faults (temporary for the caller).
// Validation: with the system's resolvers and Debian's root anchor (dns-root-data); a resolver that
// strips signatures makes answers insecure, not bogus. Answers of `forward` are never secure: what
// it says is believed, whether it can answer for the root or not (labs cannot).
// Of addresses(): if only one of A and AAAA can be found out and it has records, they are the
// answer. Thread: any loop (of one thread); completion comes back on the caller's executor. The
// resolver may end while look-ups run: they end with Fault Stopped, as those of a cancelled task
// do.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "platform/base/result.hpp"
#include "platform/base/task.hpp"
#include "platform/base/time.hpp"

namespace valija::net {

struct MxRecord {
    unsigned preference;
    std::string host;  // lower case, no final dot; "" for the null MX "."
};

template <class T>
struct Answer {
    std::vector<T> records;
    bool exists = true;          // false: NXDOMAIN
    bool secure = false;         // DNSSEC-validated
    std::string canonical_name;  // after CNAMEs, lower case
};

class Resolver {
  public:
    virtual ~Resolver() = default;
    virtual Task<Result<Answer<MxRecord>>> mx(std::string domain) = 0;
    // A and AAAA, IPv6 first then IPv4 within the answer; text form.
    virtual Task<Result<Answer<std::string>>> addresses(std::string host) = 0;
};

struct ResolverOptions {
    std::string forward;  // "addr@port", empty = the system's resolvers (/etc/resolv.conf)
    Duration deadline = std::chrono::seconds(10);
};

Result<std::unique_ptr<Resolver>> make_resolver(const ResolverOptions& options);

}  // namespace valija::net
