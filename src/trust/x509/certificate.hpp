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
    std::string subject;     // "CN=…, OU=…, O=…, L=…, S=…, C=…" leaf first (EX-88), UTF-8
    std::string issuer;      // the same form
    std::string serial;      // upper-case hexadecimal, no separators, no leading "00"
    std::string thumbprint;  // SHA-1 of the DER, 40 upper-case digits
    std::string sha256;      // of the DER, 64 upper-case digits
    std::vector<std::string> common_names;  // UTF-8, order of the certificate
    std::vector<std::string> dns_names;     // subjectAltName dNSName, raw bytes as text
    std::vector<std::string> crl_urls;      // fullName URIs of the CRL distribution points
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
};

class Certificate {
  public:
    static Result<Certificate> from_der(std::string_view der);
    static Result<Certificate> from_native(x509_st* borrowed);  // takes its own reference

    // All CERTIFICATE blocks of a PEM text, in order; other blocks are skipped; none is a fault.
    static Result<std::vector<Certificate>> from_pem(std::string_view pem);

    const CertificateFields* operator->() const;
    std::string der() const;
    std::string pem() const;
    x509_st* native() const;  // for the folders of trust/ only; borrowed

    friend bool operator==(const Certificate& a, const Certificate& b) {
        return a->sha256 == b->sha256;
    }

  private:
    struct Parsed;
    std::shared_ptr<const Parsed> parsed_;
};

}  // namespace valija::x509
