// Certificates and revocation lists with any content, right or wrong, straight from OpenSSL: what
// trust/authority refuses to make or never makes. Used by the tests of trust/.
#pragma once

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/pem.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "trust/authority/authority.hpp"
#include "trust/x509/anchors.hpp"
#include "trust/x509/native.hpp"

namespace valija::test {

using namespace std::chrono_literals;

inline const Time kNow = Time(1'760'000'000'000ms);  // 2025-10-09T08:53:20Z
constexpr auto kDay = 24h;

inline authority::Authority new_authority(const std::string& name = "Woodgrove Root") {
    return authority::Authority::create(name, kNow - kDay, kNow + kDay * 365).value();
}

// OpenSSL's words: {"nameConstraints", "critical,permitted;DNS:a.example"}, or an OID with
// "critical,DER:05:00".
struct NamedExtension {
    std::string name;
    std::string value;
};

struct CertificateSpec {
    std::vector<std::pair<std::string, std::string>> subject = {{"CN", "test"}};  // as encoded
    std::string serial = "1234";                                                  // hexadecimal
    Time not_before = kNow - kDay;
    Time not_after = kNow + kDay * 90;
    std::vector<NamedExtension> extensions = {};
    int rsa_bits = 0;  // 0: ECDSA P-256
    const EVP_MD* digest = EVP_sha256();
    std::shared_ptr<EVP_PKEY> subject_key = {};  // empty: a new one
    const char* curve = "P-256";
    bool key_identifiers = true;
    long version = 2;  // as encoded: 2 is version 3
};

struct Made {
    x509::Certificate certificate;
    std::shared_ptr<EVP_PKEY> key;
};

inline std::vector<NamedExtension> of_authority(std::vector<NamedExtension> more = {},
                                                const std::string& constraints = "CA:TRUE") {
    std::vector<NamedExtension> all = {{"basicConstraints", "critical," + constraints},
                                       {"keyUsage", "critical,keyCertSign,cRLSign"}};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

inline std::vector<NamedExtension> of_leaf(const std::string& dns_name,
                                           std::vector<NamedExtension> more = {}) {
    std::vector<NamedExtension> all = {{"basicConstraints", "critical,CA:FALSE"},
                                       {"subjectAltName", "DNS:" + dns_name}};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

inline time_t seconds_of(Time time) {
    return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

inline x509::Owned<ASN1_INTEGER, ASN1_INTEGER_free> integer_of(const std::string& hexadecimal) {
    BIGNUM* number = nullptr;
    EXPECT_NE(BN_hex2bn(&number, hexadecimal.c_str()), 0) << hexadecimal;
    x509::Owned<ASN1_INTEGER, ASN1_INTEGER_free> made(BN_to_ASN1_INTEGER(number, nullptr));
    BN_free(number);
    return made;
}

inline x509::Owned<X509_EXTENSION, X509_EXTENSION_free> extension_of(const NamedExtension& from,
                                                                     X509V3_CTX* context) {
    x509::Owned<X509_EXTENSION, X509_EXTENSION_free> made(
        X509V3_EXT_nconf(nullptr, context, from.name.c_str(), from.value.c_str()));
    EXPECT_TRUE(made) << from.name << " = " << from.value << ": " << x509::native_error();
    return made;
}

inline void add_extension(X509* native, X509* issuer, const NamedExtension& from) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, native, nullptr, nullptr, 0);
    const auto made = extension_of(from, &context);
    EXPECT_EQ(X509_add_ext(native, made.get(), -1), 1);
}

inline void set_subject(X509_NAME* name, const CertificateSpec& spec) {
    for (const auto& [field, value] : spec.subject) {
        EXPECT_EQ(X509_NAME_add_entry_by_txt(name, field.c_str(), MBSTRING_UTF8,
                                             reinterpret_cast<const unsigned char*>(value.data()),
                                             static_cast<int>(value.size()), -1, 0),
                  1)
            << field;
    }
}

inline std::shared_ptr<EVP_PKEY> new_key(int rsa_bits, const char* curve = "P-256") {
    return {rsa_bits == 0 ? EVP_EC_gen(curve) : EVP_RSA_gen(static_cast<unsigned>(rsa_bits)),
            EVP_PKEY_free};
}

// Signed by `issuer`, or by itself. Key identifiers are added; all else is as the spec says.
inline Made make_certificate(const CertificateSpec& spec, const Made* issuer = nullptr) {
    const std::shared_ptr<EVP_PKEY> key =
        spec.subject_key ? spec.subject_key : new_key(spec.rsa_bits, spec.curve);
    const x509::X509Owner made(X509_new());
    X509* native = made.get();
    X509* signer = issuer == nullptr ? native : issuer->certificate.native();
    X509_set_version(native, spec.version);
    X509_set_serialNumber(native, integer_of(spec.serial).get());
    set_subject(X509_get_subject_name(native), spec);
    X509_set_issuer_name(native, X509_get_subject_name(signer));
    ASN1_TIME_set(X509_getm_notBefore(native), seconds_of(spec.not_before));
    ASN1_TIME_set(X509_getm_notAfter(native), seconds_of(spec.not_after));
    X509_set_pubkey(native, key.get());
    if (spec.key_identifiers) {
        add_extension(native, signer, {"subjectKeyIdentifier", "hash"});
        const bool has_key_id = X509_get_ext_by_NID(signer, NID_subject_key_identifier, -1) >= 0;
        if (issuer != nullptr && has_key_id) {
            add_extension(native, signer, {"authorityKeyIdentifier", "keyid"});
        }
    }
    for (const NamedExtension& extension : spec.extensions) {
        add_extension(native, signer, extension);
    }
    EXPECT_GT(X509_sign(native, issuer == nullptr ? key.get() : issuer->key.get(), spec.digest), 0)
        << x509::native_error();
    return {.certificate = x509::Certificate::from_native(native).value(), .key = key};
}

inline std::shared_ptr<EVP_PKEY> key_from(const std::string& pem) {
    const x509::BioOwner bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr),
                                  EVP_PKEY_free);
    EXPECT_TRUE(key);
    return key;
}

// PKCS#8; with a pass-phrase: encrypted by it.
inline std::string pem_of(EVP_PKEY* key, const char* passphrase = nullptr) {
    const x509::BioOwner bio(BIO_new(BIO_s_mem()));
    EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(bio.get(), key,
                                            passphrase == nullptr ? nullptr : EVP_aes_128_cbc(),
                                            nullptr, 0, nullptr, const_cast<char*>(passphrase)),
              1);
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &bytes);
    return {bytes, static_cast<size_t>(length)};
}

// An authority of trust/authority, with its key, as an issuer of odd things.
inline Made issuer_of(const authority::Authority& authority) {
    return {.certificate = authority.root(), .key = key_from(authority.key_pem().value())};
}

struct RevokedSpec {
    std::string serial;  // hexadecimal
    std::vector<NamedExtension> extensions = {};
};

struct CrlSpec {
    Time this_update = kNow - 1h;
    std::optional<Time> next_update = kNow + kDay;
    std::vector<RevokedSpec> revoked = {};
    std::vector<NamedExtension> extensions = {};
    const EVP_MD* digest = EVP_sha256();
    long version = 1;  // as encoded: 1 is version 2; -1: absent, which is version 1
};

inline void add_revoked(X509_CRL* list, X509V3_CTX* context, const RevokedSpec& spec) {
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, integer_of(spec.serial).get());
    const x509::Owned<ASN1_TIME, ASN1_TIME_free> at(
        ASN1_TIME_set(nullptr, seconds_of(kNow - kDay)));
    X509_REVOKED_set_revocationDate(entry, at.get());
    for (const NamedExtension& extension : spec.extensions) {
        X509_REVOKED_add_ext(entry, extension_of(extension, context).get(), -1);
    }
    EXPECT_EQ(X509_CRL_add0_revoked(list, entry), 1);
}

// DER.
inline std::string make_crl(const CrlSpec& spec, const Made& issuer) {
    const x509::CrlOwner list(X509_CRL_new());
    X509_CRL* native = list.get();
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer.certificate.native(), nullptr, nullptr, native, 0);
    if (spec.version >= 0) X509_CRL_set_version(native, spec.version);
    X509_CRL_set_issuer_name(native, X509_get_subject_name(issuer.certificate.native()));
    const auto time = [](Time at) {
        return x509::Owned<ASN1_TIME, ASN1_TIME_free>(ASN1_TIME_set(nullptr, seconds_of(at)));
    };
    X509_CRL_set1_lastUpdate(native, time(spec.this_update).get());
    if (spec.next_update) X509_CRL_set1_nextUpdate(native, time(*spec.next_update).get());
    for (const RevokedSpec& revoked : spec.revoked) add_revoked(native, &context, revoked);
    for (const NamedExtension& extension : spec.extensions) {
        X509_CRL_add_ext(native, extension_of(extension, &context).get(), -1);
    }
    EXPECT_GT(X509_CRL_sign(native, issuer.key.get(), spec.digest), 0) << x509::native_error();
    unsigned char* bytes = nullptr;
    const int length = i2d_X509_CRL(native, &bytes);
    std::string der(reinterpret_cast<const char*>(bytes), static_cast<size_t>(std::max(length, 0)));
    OPENSSL_free(bytes);
    return der;
}

inline x509::Anchors anchors_of(const std::vector<x509::Certificate>& certificates) {
    return x509::Anchors::from_certificates(certificates).value();
}

}  // namespace valija::test
