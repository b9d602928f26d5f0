// What we know about revoked certificates, in memory, at this moment.
//
// Promise: look-ups never fetch, never block, O(log n); the book is an immutable snapshot. A list
// is used for a certificate only if it was signed by the certificate's issuer (its name and key:
// cross-certificates share both), came from one of the certificate's distribution points (or the
// certificate names none), is for certificates of its kind, and is current at the given time (plus
// grace). "Revoked" in any list or OCSP answer is final, also in one that is out of date, and a
// certificate on hold counts as revoked; "good" needs all reasons for revocation covered.
// A delta list completes its base (RFC 5280 5.2.4); without a delta the base alone will do.
// Not here: fetching (keeper.hpp). Deviations from RFC 5280 6.3: indirect lists are refused.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/time.hpp"
#include "trust/revocation/crl.hpp"
#include "trust/revocation/ocsp.hpp"
#include "trust/revocation/status.hpp"
#include "trust/x509/certificate.hpp"

namespace valija::revocation {

namespace internal {
class FileList;
}

using Lists = std::map<std::string, std::shared_ptr<const CrlIndex>>;  // by their URL

// By answer_key(): of each responder that the certificate names one. Their signatures were checked.
using Answers = std::multimap<std::string, std::shared_ptr<const OcspAnswer>>;

// Why a list could not be had at its last fetch, by its URL.
struct Miss {
    std::string why = {};
    Lack lack = Lack::Unreachable;  // or Unusable
};

using Misses = std::map<std::string, Miss>;

std::string answer_key(const x509::Certificate& certificate, const x509::Certificate& issuer);

class Book {
  public:
    Book() = default;
    explicit Book(Lists by_url, Answers answers = {}, Misses misses = {});

    // From files with lists that an operator hands in (DER, or PEM with any number of them), held
    // to the letter of RFC 5280 (Strict). Signatures are checked at the look-up, once for each
    // issuer. A list that breaks it proves nothing good, but what it revokes is revoked;
    // file_problems() and the evidence say why. `signers`: certificates that may hold another key
    // of an issuer's name, for its lists; believed only if the path vouches for them.
    static Book from_files(std::vector<std::string> lists,
                           std::vector<x509::Certificate> signers = {});

    // `stapled`: the OCSP answer that came with the certificate, DER. `above`: the certificates of
    // the verified path above the certificate, issuer first: one of them may have signed the list
    // with another key of the issuer's name.
    Status look_up(const x509::Certificate& certificate, const x509::Certificate& issuer, Time at,
                   Duration grace, std::string_view stapled = {},
                   std::span<const x509::Certificate> above = {}) const;

    // The answer (DER) that a server staples to this certificate of its own: the newest that says
    // "good", is current, and small enough for every client (what surrounds the signed part may
    // have grown on the way). Empty: there is none, or another one says "revoked".
    std::string staple(const x509::Certificate& certificate, const x509::Certificate& issuer,
                       Time at) const;

    // Of from_files(): which file has a list that is no proof, and why.
    const std::vector<std::pair<size_t, Text>>& file_problems() const { return file_problems_; }

    const Lists& lists() const { return by_url_; }

    const Answers& answers() const { return answers_; }

  private:
    Lists by_url_;
    Answers answers_;
    Misses misses_;
    std::vector<std::shared_ptr<const internal::FileList>> files_;
    std::vector<std::pair<size_t, Text>> file_problems_;
    std::vector<x509::Certificate> signers_;
};

}  // namespace valija::revocation
