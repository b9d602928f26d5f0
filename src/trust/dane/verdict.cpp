#include "trust/dane/verdict.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "platform/base/result.hpp"

namespace valija::dane {
namespace {

constexpr size_t kMostRecords = 100;
constexpr size_t kMostCertificates = 10;
constexpr size_t kMostTold = 5;

constexpr unsigned kTrustAnchor = 2;
constexpr unsigned kEndEntity = 3;
constexpr unsigned kWhole = 0;
constexpr unsigned kKey = 1;
constexpr unsigned kExact = 0;
constexpr unsigned kSha256 = 1;
constexpr unsigned kSha512 = 2;

std::string name_of(const Tlsa& record) {
    return fmt::format("{} {} {}", record.usage, record.selector, record.matching);
}

std::string digest(const char* name, const std::string& bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    size_t length = 0;
    const int done =
        EVP_Q_digest(nullptr, name, nullptr, bytes.data(), bytes.size(), out.data(), &length);
    VALIJA_ENSURE(done == 1, "SHA-256 and SHA-512 are always there");
    return {reinterpret_cast<const char*>(out.data()), length};
}

// The certificates that records of usage 2 name: shown above the leaf, or whole in the record.
void find_anchors(const Tlsa& record, const std::vector<x509::Certificate>& chain,
                  Verdict& verdict) {
    const auto keep = [&](const x509::Certificate& certificate) {
        if (certificate == chain.front()) {
            return;  // usage 2 is for an authority above it
        }
        if (std::ranges::find(verdict.anchors, certificate) == verdict.anchors.end()) {
            verdict.anchors.push_back(certificate);
        }
        verdict.kind = VerdictKind::TrustAnchor;
        verdict.record = name_of(record);
    };
    for (size_t i = 1; i < std::min(chain.size(), kMostCertificates); ++i) {
        if (fits(record, chain[i])) {
            keep(chain[i]);
        }
    }
    if (record.selector == kWhole && record.matching == kExact) {
        if (const auto whole = x509::Certificate::from_der(record.data)) {
            keep(*whole);
        }
    }
}

}  // namespace

Text why_unusable(const Tlsa& record) {
    if (record.usage < kTrustAnchor) {
        return say("usage {} is not for mail servers (RFC 7672 3.1.3)", record.usage);
    }
    if (record.usage > kEndEntity || record.selector > kKey || record.matching > kSha512) {
        return say("{} has a number that is not known", name_of(record));
    }
    const size_t wanted = record.matching == kSha256 ? 32 : 64;
    if (record.matching != kExact && record.data.size() != wanted) {
        return say("{} has {} bytes instead of {}", name_of(record), record.data.size(), wanted);
    }
    return record.data.empty() ? say("{} is empty", name_of(record)) : Text();
}

bool fits(const Tlsa& record, const x509::Certificate& certificate) {
    if (!why_unusable(record).empty()) {
        return false;
    }
    const std::string bytes = record.selector == kKey ? certificate.spki_der() : certificate.der();
    if (record.matching == kExact) {
        return bytes == record.data;
    }
    return digest(record.matching == kSha256 ? "SHA2-256" : "SHA2-512", bytes) == record.data;
}

Verdict examine(const std::vector<Tlsa>& records, const std::vector<x509::Certificate>& chain) {
    Verdict verdict;
    size_t told = 0;
    for (size_t i = 0; i < std::min(records.size(), kMostRecords); ++i) {
        const Tlsa& record = records[i];
        if (Text why = why_unusable(record); !why.empty()) {
            if (told++ < kMostTold) {
                verdict.unusable += Text::verbatim(verdict.unusable.empty() ? "" : "; ");
                verdict.unusable += why;
            }
            continue;
        }
        if (verdict.kind == VerdictKind::NoneUsable) {
            verdict.kind = VerdictKind::NoMatch;
        }
        if (chain.empty()) {
            continue;
        }
        if (record.usage == kEndEntity && fits(record, chain.front())) {
            return {.kind = VerdictKind::EndEntity,
                    .record = name_of(record),
                    .anchors = {},
                    .unusable = {}};
        }
        if (record.usage == kTrustAnchor) {
            find_anchors(record, chain, verdict);
        }
    }
    if (records.empty()) {
        verdict.unusable = say("there are none");
    }
    return verdict;
}

}  // namespace valija::dane
