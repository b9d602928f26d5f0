// Trust anchors, and the path from a leaf to one of them (RFC 5280 6, by OpenSSL).
//
// Promise: `find_path` checks signatures, basic constraints, path length, key usage of CAs, name
// constraints, dates at the given time and key strength (112 bits), and reports every problem with
// the certificate it belongs to; an empty problem list means the path holds. Bounded: at most 10
// presented certificates and 64 KiB of them are looked at.
// The caller must still check: extended key usage of the leaf, revocation, names.
// Deviation: each certificate in the set is an anchor, self-signed or not (what the operator put
// there is trusted). Immutable, any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "trust/x509/certificate.hpp"

namespace valija::x509 {

enum class PathProblemKind {
    UntrustedRoot,    // the path ends in a self-signed certificate that is no anchor
    IncompleteChain,  // an issuer is missing
    NotYetValid,
    Expired,
    WeakKey,     // key or signature algorithm too weak
    Constraint,  // basic constraints, path length, name constraints, key usage, critical extension
    Signature,   // a signature does not verify
};

struct PathProblem {
    PathProblemKind kind;
    size_t depth;  // 0 = leaf
    std::string subject;
    std::string text;  // OpenSSL's words
};

struct Path {
    std::vector<Certificate> certificates;  // leaf first, the anchor last where one was reached
    std::vector<PathProblem> problems;
};

class Anchors {
  public:
    // An empty set: nothing can be proven by it.
    Anchors();
    static Result<Anchors> from_certificates(const std::vector<Certificate>& certificates);

    // The system's roots (Debian: /etc/ssl/certs/ca-certificates.crt), read at the first call.
    static Result<Anchors> system();

    const std::vector<Certificate>& certificates() const;

    Path find_path(const std::vector<Certificate>& presented, Time at) const;

  private:
    struct Store;
    std::shared_ptr<const Store> store_;
};

}  // namespace valija::x509
