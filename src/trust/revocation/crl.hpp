// Certificate revocation lists: read, checked, and held in few bytes (RFC 5280 5).
//
// Promise: a CrlDocument is a list as it was published, its fields read and bounded: 64 MiB, every
// length checked, no object a entry (a list of a million entries costs its own bytes and 26 more an
// entry). What RFC 5280 forbids, or marks critical and we do not know, is refused, with the reason.
// A CrlIndex is what stays of a list whose signature was verified: immutable, any thread, O(log n).
// Strict (what an operator hands in to be judged): also refused are lists without nextUpdate or
// crlNumber, of version 1, with a critical crlNumber, a serial number twice, a date in the wrong
// form, a scope that is not critical. Lenient (partners' lists, also those of small private CAs):
// these are forgiven, and a list without nextUpdate is current for 24 hours.
// Not here: which list counts for a certificate (book.hpp). Deviations from RFC 5280: indirect
// lists are refused; signatures by SHA-1, MD5 or keys below 112 bits are refused.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/phrase.hpp"
#include "platform/base/result.hpp"
#include "platform/base/time.hpp"
#include "trust/revocation/internal/serial_index.hpp"
#include "trust/revocation/scope.hpp"
#include "trust/x509/certificate.hpp"

namespace valija::revocation {

enum class Strictness { Lenient, Strict };

// What a list says of itself.
struct CrlFacts {
    std::string issuer;       // as Certificate::canonical_subject()
    std::string issuer_text;  // for people, as a certificate's
    Time this_update;
    Time next_update;
    bool has_next_update = true;
    std::string number;  // big endian, without leading zeros
    bool has_number = false;
    bool is_delta = false;
    std::string base_number;
    std::string issuer_key_id;  // authorityKeyIdentifier, raw; empty: none
    std::vector<std::string> freshest_urls;
    Scope scope;
};

class CrlIndex {
  public:
    // DER or PEM, lenient, signature checked. Fault Input: refused.
    static Result<CrlIndex> load(std::string_view bytes, const x509::Certificate& issuer);

    std::optional<Entry> find(std::string_view serial_key) const {
        return entries_.find(serial_key);
    }

    const CrlFacts& facts() const { return facts_; }

    Time this_update() const { return facts_.this_update; }

    Time next_update() const { return facts_.next_update; }

    bool is_delta() const { return facts_.is_delta; }

    size_t size() const { return entries_.size(); }

    const std::string& issuer_sha256() const { return issuer_sha256_; }

    // spki_sha256 of the issuer that signed it: another certificate of the same name and key serves
    // as well.
    const std::string& issuer_key() const { return issuer_key_; }

    struct Listed {
        std::string serial;  // upper-case hexadecimal
        Entry entry;
    };

    std::vector<Listed> first(size_t count) const;  // in the order of the numbers

  private:
    friend class CrlDocument;

    CrlFacts facts_;
    internal::SerialIndex entries_;
    std::string issuer_sha256_;
    std::string issuer_key_;
};

// The lists of a file, each in DER: the file itself, or every block of a PEM text, at most 1,000.
// Empty: it is neither.
std::vector<std::string> lists_in(std::string bytes);

class CrlDocument {
  public:
    // DER, or PEM with one list.
    static std::expected<CrlDocument, Text> read(std::string bytes, Strictness strictness);

    const CrlIndex& unverified() const { return index_; }

    // By name, key usage, key identifier, strength and signature.
    std::expected<void, Text> check_signer(const x509::Certificate& issuer) const;

    // The list as one that `issuer` signed: check_signer() has said so.
    CrlIndex take(const x509::Certificate& issuer) &&;

  private:
    std::string der_;
    CrlIndex index_;
};

// The key under which a certificate's serial number is found.
std::string serial_key_of(const x509::Certificate& certificate);

}  // namespace valija::revocation
