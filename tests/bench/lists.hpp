// Revocation lists of any length, for the benchmarks.
#pragma once

#include <openssl/pem.h>

#include <memory>
#include <string>

#include "trust/authority/authority.hpp"
#include "trust/x509/native.hpp"

namespace valija::bench {

inline std::shared_ptr<EVP_PKEY> key_of(const authority::Authority& ca) {
    const std::string pem = *ca.key_pem();
    const x509::BioOwner bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    return {PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free};
}

inline x509::Owned<ASN1_TIME, ASN1_TIME_free> time_of(Time at) {
    return x509::Owned<ASN1_TIME, ASN1_TIME_free>(ASN1_TIME_set(
        nullptr, std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count()));
}

// A list of so many serials of 16 bytes, none of them the leaf's.
inline std::string list_of(const authority::Authority& ca, size_t entries, Time now) {
    const x509::CrlOwner list(X509_CRL_new());
    X509_CRL_set_version(list.get(), 1);
    X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(ca.root().native()));
    X509_CRL_set1_lastUpdate(list.get(), time_of(now - std::chrono::hours(1)).get());
    X509_CRL_set1_nextUpdate(list.get(), time_of(now + std::chrono::hours(24)).get());
    const auto revoked_at = time_of(now - std::chrono::hours(24));
    for (size_t i = 0; i < entries; ++i) {
        unsigned char serial[16] = {0x7F};
        for (size_t k = 0; k < 8; ++k) serial[15 - k] = static_cast<unsigned char>(i >> (8 * k));
        X509_REVOKED* entry = X509_REVOKED_new();
        ASN1_INTEGER* number = ASN1_INTEGER_new();
        ASN1_STRING_set(number, serial, sizeof serial);
        X509_REVOKED_set_serialNumber(entry, number);
        ASN1_INTEGER_free(number);
        X509_REVOKED_set_revocationDate(entry, revoked_at.get());
        X509_CRL_add0_revoked(list.get(), entry);
    }
    X509_CRL_sign(list.get(), key_of(ca).get(), EVP_sha256());
    unsigned char* bytes = nullptr;
    const int length = i2d_X509_CRL(list.get(), &bytes);
    std::string der(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
    OPENSSL_free(bytes);
    return der;
}

}  // namespace valija::bench
