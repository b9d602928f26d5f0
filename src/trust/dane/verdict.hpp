// What TLSA records say about a certificate that was shown (RFC 6698 2.1, RFC 7671 5, RFC
// 7672 3.1).
//
// Promise: pure, any thread; hostile records are harmless; usages 0 and 1 and unknown numbers are
// unusable, a digest of the wrong length too. The caller must still: use only records that DNSSEC
// validated, and for TrustAnchor build the path to `anchors` and compare names.
// Bounded: at most 100 records and 10 certificates are looked at.
#pragma once

#include <string>
#include <vector>

#include "platform/base/phrase.hpp"
#include "trust/dane/tlsa.hpp"
#include "trust/x509/certificate.hpp"

namespace valija::dane {

enum class VerdictKind {
    NoneUsable,   // no record can be used (also: there are none)
    NoMatch,      // usable ones, but none fits what was shown
    EndEntity,    // usage 3 fits the leaf: proven
    TrustAnchor,  // usage 2 names certificates above the leaf
};

struct Verdict {
    VerdictKind kind = VerdictKind::NoneUsable;
    std::string record;                      // "3 1 1", of the one that matched
    std::vector<x509::Certificate> anchors;  // of TrustAnchor
    Text unusable;                           // of NoneUsable: why, record by record
};

// `chain` as presented, leaf first.
Verdict examine(const std::vector<Tlsa>& records, const std::vector<x509::Certificate>& chain);

// Why a record cannot be used; empty if it can.
Text why_unusable(const Tlsa& record);

bool fits(const Tlsa& record, const x509::Certificate& certificate);

}  // namespace valija::dane
