// A certificate as a value: its bytes and the fields we read from them (RFC 5280 4).
//
// Promise: parsed once, immutable, cheap to copy (shared), any thread. Names are given as they
// stand; whether a name counts is identity's question. Not here: any judgement.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.hpp"
#include "platform/base/time.hpp"

struct x509_st;

namespace valija::x509 {

struct CertificateFields {
    std::string subject;        // "CN=…, OU=…, O=…, L=…, S=…, C=…" leaf first (EX-88), UTF-8
    std::string issuer;         // the same form
    std::string serial;         // upper-case hexadecimal, no separators, no leading "00"
    std::string serial_octets;  // the content of its INTEGER: big endian, with its sign
    std::string thumbprint;     // SHA-1 of the DER, 40 upper-case digits
    std::string sha256;         // of the DER, 64 upper-case digits
    std::string spki_sha256;    // of the SubjectPublicKeyInfo, 64 upper-case digits
    int version = 1;            // 1, 2, 3 as people count
    std::vector<std::string> common_names;  // UTF-8, order of the certificate
    std::vector<std::string> dns_names;     // subjectAltName dNSName, raw bytes as text
    std::vector<std::string> ip_addresses;  // subjectAltName iPAddress: the bytes, as they stand
    std::vector<std::string> emails;        // subjectAltName rfc822Name, raw bytes as text
    std::vector<std::string> crl_urls;      // fullName URIs of the CRL distribution points
    std::vector<std::string> ocsp_urls;     // authority information access
    std::vector<std::string> ca_issuer_urls;
    Time not_before;
    Time not_after;
    std::string key;  // "RSA 2048", "ECDSA P-256"
    bool is_ca = false;
    bool self_issued = false;  // subject equals issuer
    bool has_eku = false;      // an extendedKeyUsage extension is there
    bool eku_server = false;   // serverAuth or anyExtendedKeyUsage
    bool eku_client = false;
    bool has_key_usage = false;
    bool digital_signature = false;
    bool has_san = false;  // a subjectAltName extension is there, whatever is in it
    bool san_critical = false;
};

namespace internal {
struct Facts;
}

class Certificate {
  public:
    static Result<Certificate> from_der(std::string_view der);
    static Result<Certificate> from_native(x509_st* borrowed);  // takes its own reference

    // All CERTIFICATE blocks of a PEM text, in order; other blocks are skipped; none is a fault.
    static Result<std::vector<Certificate>> from_pem(std::string_view pem);

    const CertificateFields* operator->() const;
    std::string der() const;
    std::string pem() const;
    std::string spki_der() const;

    // The same for names that match (RFC 5280 7.1), different for others; see canonical_name().
    const std::string& canonical_subject() const;
    const std::string& canonical_issuer() const;

    x509_st* native() const;               // for the folders of trust/ only; borrowed
    const internal::Facts& facts() const;  // for this folder only: what a path's rules look at

    friend bool operator==(const Certificate& a, const Certificate& b) {
        return a->sha256 == b->sha256;
    }

  private:
    struct Parsed;
    std::shared_ptr<const Parsed> parsed_;
};

// Whether a common name stands for a host: a host name with a dot, or a wildcard of one, but no
// address and no number. Name constraints bind exactly the common names that identity may believe.
bool names_a_host(std::string_view common_name);

// What a file of certificates holds: DER, PEM with any number of blocks, or PKCS#7 without
// signatures (DER or PEM). Of a TRUSTED CERTIFICATE in PEM only the certificate counts.
struct CertificatesRead {
    std::vector<Certificate> certificates;
    size_t unreadable = 0;  // blocks that should have been certificates and are none
};

// A fault where nothing in it looks like a certificate, also in a PKCS#7 without any. Damaged
// blocks are only counted: the caller decides whether to go on without them. At most 10,000
// certificates.
Result<CertificatesRead> read_certificates(std::string_view bytes);

// The same of one PKCS#7 in DER. Nullopt: it is none, or one that carries no certificates by its
// kind (not signedData), or bytes follow its end.
std::optional<CertificatesRead> read_pkcs7(std::string_view der);

}  // namespace valija::x509
