// What we know about revoked certificates, in memory, at this moment.
//
// Promise: look-ups never fetch, never block, O(log n); the book is an immutable snapshot.
// A list is used for a certificate only if it came from one of the certificate's distribution
// points, was signed by the certificate's issuer, and is current at the given time (plus grace).
// Not here: fetching (keeper.hpp). Deviations from RFC 5280 6.3: indirect lists, delta lists and
// lists limited to some reasons are refused when loaded.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/phrase.hpp"
#include "platform/base/result.hpp"
#include "platform/base/time.hpp"
#include "trust/x509/certificate.hpp"

namespace valija::revocation {

struct Entry {
    std::string serial;  // raw bytes, big endian, no leading zero
    long long revoked_at;
    int reason;  // CRLReason, -1 if not given
};

// A verified list: parsed, its signature checked against `issuer` once, serials sorted.
class CrlIndex {
  public:
    // DER or PEM. Fails for a bad signature, a wrong issuer, an unknown critical extension,
    // a delta, an indirect list, a list over the size bound (64 MiB).
    static Result<CrlIndex> load(std::string_view bytes, const x509::Certificate& issuer);

    const Entry* find(std::string_view serial) const;

    Time this_update() const { return this_update_; }

    Time next_update() const { return next_update_; }

    size_t size() const { return entries_.size(); }

    const std::string& issuer_sha256() const { return issuer_sha256_; }

    // By its issuingDistributionPoint: user or CA certificates only, or those that name its place.
    bool covers(const x509::Certificate& certificate) const;

  private:
    std::vector<Entry> entries_;
    Time this_update_;
    Time next_update_;  // a list without nextUpdate is current for 24 hours
    std::string issuer_sha256_;
    std::vector<std::string> places_;
    bool only_user_ = false;
    bool only_ca_ = false;
};

enum class State { Good, Revoked, Unknown };

struct Status {
    State state = State::Unknown;
    Text evidence;    // "CRL http://… of 2026-…, valid until …" or why it is unknown
    std::string url;  // the list that decided, or the one that is missing
};

class Book {
  public:
    Book() = default;
    explicit Book(std::map<std::string, std::shared_ptr<const CrlIndex>> by_url);

    Status look_up(const x509::Certificate& certificate, const x509::Certificate& issuer, Time at,
                   Duration grace) const;

    const std::map<std::string, std::shared_ptr<const CrlIndex>>& lists() const { return by_url_; }

  private:
    std::map<std::string, std::shared_ptr<const CrlIndex>> by_url_;
};

}  // namespace valija::revocation
