// Trust anchors, and the path from a leaf to one of them (RFC 5280 6).
//
// Promise: `find_path` looks for a path that holds in every way the rules ask: signatures, dates
// at the given time, basic constraints, path length, key usage, name constraints, policies,
// critical extensions, the extended key usage of CAs, strength of keys and digests (112 bits). It
// tries the other issuers where the first one leads nowhere. An empty problem list means the path
// holds; else the least bad path is given, with every problem of it and the certificate it
// belongs to. Bounded by PathBounds; docs/rfc5280.md has the rules and the known differences.
// The caller must still check: extended key usage of the leaf under Rules::Rfc5280, revocation
// (unless `also` does), names.
// Deviation: each certificate in the set is an anchor, self-signed or not (what the operator put
// there is trusted). Immutable, any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/phrase.hpp"
#include "trust/x509/certificate.hpp"

namespace valija::x509 {

enum class PathProblemKind {
    UntrustedRoot,    // the path ends in a self-signed certificate that is no anchor
    IncompleteChain,  // an issuer is missing
    NotYetValid,
    Expired,
    WeakKey,     // key or signature algorithm too weak
    Constraint,  // any other rule: basic constraints, name constraints, key usage, policies, …
    Signature,   // a signature does not verify
    Usage,       // the extended key usage of a CA forbids the purpose
    Refused,     // the question's `also` refused the path
};

struct PathProblem {
    PathProblemKind kind;
    size_t depth;  // 0 = leaf
    std::string subject;
    Text text;  // of what is wrong, with the subject, escaped
};

struct Path {
    std::vector<Certificate> certificates;  // leaf first, the anchor last where one was reached
    std::vector<PathProblem> problems;
};

enum class Purpose { Any, Server, Client };

enum class Rules {
    Rfc5280,
    WebPki,  // adds what the CA/B Forum's Baseline Requirements demand of leaves, CAs and roots
};

// What a search may cost. A session looks at what a stranger sent; a person at a file may have
// more.
struct PathBounds {
    size_t presented = 10;
    size_t bytes = 64UL << 10U;
    size_t signatures = 100;       // to be checked
    size_t steps = 3000;           // certificates put on a path while searching
    size_t comparisons = 500'000;  // of a name with a name constraint
    size_t whole_paths = 100;      // that reach an anchor and fail
    size_t policies = 100'000;     // looked at along whole paths
};

inline constexpr PathBounds kSessionBounds{};
inline constexpr PathBounds kOfflineBounds{.presented = 110,
                                           .bytes = 1UL << 20U,
                                           .signatures = 1000,
                                           .steps = 30'000,
                                           .comparisons = 5'000'000,
                                           .whole_paths = 1000,
                                           .policies = 1'000'000};

struct PathQuestion {
    Time at;
    Purpose purpose = Purpose::Any;  // for the extended key usage of CAs; under WebPki of the leaf
    Rules rules = Rules::Rfc5280;
    size_t most_intermediates = 8;
    PathBounds bounds = kSessionBounds;
    // No host is asked for: what WebPki demands of the certificates of hosts does not count.
    bool path_only = false;
    // May refuse a path that holds otherwise (a revoked intermediate): then the next one is tried.
    std::function<bool(const std::vector<Certificate>&)> also = {};
};

class Anchors {
  public:
    // An empty set: nothing can be proven by it.
    Anchors();
    static Result<Anchors> from_certificates(const std::vector<Certificate>& certificates);

    // The system's roots (Debian: /etc/ssl/certs/ca-certificates.crt), read at the first call.
    static Result<Anchors> system();

    const std::vector<Certificate>& certificates() const;

    // `presented`: the leaf first, the rest in any order.
    Path find_path(const std::vector<Certificate>& presented, const PathQuestion& question) const;

    // The same with the question's defaults.
    Path find_path(const std::vector<Certificate>& presented, Time at) const;

  private:
    struct Store;
    std::shared_ptr<const Store> store_;
};

}  // namespace valija::x509
