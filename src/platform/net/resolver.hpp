// DNS with validation (libunbound behind one .cpp).
//
// Promise: an answer that fails validation (bogus) is never data; every look-up ends within the
// deadline; at most 20 MX and 20 addresses are returned. "No data" and "no such name" are answers,
// failures of the look-up are Faults (temporary for the caller).
// Validation: with the system's resolvers and Debian's root anchor (dns-root-data); a resolver that
// strips signatures makes answers insecure, not bogus. With `trust_anchor` those anchors count,
// also for `forward`, and stripped signatures are bogus. Answers of `forward` without it are never
// secure: what it says is believed, whether it can answer for the root or not (labs cannot).
// Of addresses(): if only one of A and AAAA can be found out and it has records, they are the
// answer. Thread: any loop (of one thread); completion comes back on the caller's executor. The
// resolver may end while look-ups run: they end with Fault Stopped, as those of a cancelled task
// do.
#pragma once

#include <cstdint>
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

struct PtrName {
    std::string name;
    bool confirmed = false;  // A or AAAA of the name contains the address
};

struct TlsaRecord {
    unsigned usage = 0;
    unsigned selector = 0;
    unsigned matching = 0;
    std::string data;  // raw bytes
};

enum class TlsaState {
    None,      // none are there, or the zones are not signed: nothing is promised
    Insecure,  // records, but not validated
    Failed,    // bogus, or the look-up failed: never to be taken as "none"
    Secure,    // validated records
};

struct TlsaAnswer {
    TlsaState state = TlsaState::None;
    std::string base_domain;  // of the records: the host, or what its CNAMEs lead to
    std::vector<TlsaRecord> records;
    std::string cause;  // why there is none, or what failed
};

class Resolver {
  public:
    virtual ~Resolver() = default;
    virtual Task<Result<Answer<MxRecord>>> mx(std::string domain) = 0;
    // A and AAAA, IPv6 first then IPv4 within the answer; text form.
    virtual Task<Result<Answer<std::string>>> addresses(std::string host) = 0;
    // The names of an address, at most 5, each looked up forward again. A name whose addresses
    // could not be looked up is not confirmed.
    virtual Task<Result<Answer<PtrName>>> ptr(std::string address) = 0;
    // TLSA records of a mail server, with the rule of RFC 7672 2.2.2 for aliases. A host whose
    // addresses are not signed is not asked for. At most 100 records. Fault: not a host name, or
    // stopped; all else is a state.
    virtual Task<Result<TlsaAnswer>> tlsa(std::string host, uint16_t port) = 0;
};

struct ResolverOptions {
    std::string forward;       // "addr@port", empty = the system's resolvers (/etc/resolv.conf)
    std::string trust_anchor;  // file of DS or DNSKEY records; empty = Debian's root anchor
    Duration deadline = std::chrono::seconds(10);
};

// Whether the file can be read and holds a DS or DNSKEY record; "" is none, and fine.
Result<void> check_trust_anchor(const std::string& file);

Result<std::unique_ptr<Resolver>> make_resolver(const ResolverOptions& options);

}  // namespace valija::net
