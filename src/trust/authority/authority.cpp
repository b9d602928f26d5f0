#include "trust/authority/authority.hpp"

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "platform/base/text.hpp"
#include "trust/x509/native.hpp"

namespace valija::authority {

using x509::native_fault;
using x509::Owned;
using x509::X509Owner;

struct Authority::State {
    x509::KeyOwner key;
    x509::Certificate certificate;

    struct Revoked {
        std::string serial;  // hexadecimal
        Time at;
    };

    std::vector<Revoked> revoked;
    long next_crl_number = 1;
};

namespace {

struct Extension {
    int nid;
    std::string value;
};

struct Contents {
    std::string common_name;
    Time not_before;
    Time not_after;
    std::vector<Extension> extensions;
};

time_t seconds(Time time) {
    return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

Result<x509::KeyOwner> new_key(KeyType type) {
    EVP_PKEY* key = nullptr;
    switch (type) {
        case KeyType::EcdsaP256:
            key = EVP_EC_gen("P-256");
            break;
        case KeyType::Rsa2048:
            key = EVP_RSA_gen(2048);
            break;
        case KeyType::Rsa1024:
            key = EVP_RSA_gen(1024);
            break;
    }
    if (key == nullptr) {
        return native_fault(FaultKind::System, "making a key");
    }
    return x509::KeyOwner(key);
}

Result<std::string> private_pem(EVP_PKEY* key) {
    const x509::BioOwner bio(BIO_new(BIO_s_mem()));
    if (PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
        return native_fault(FaultKind::System, "writing a key");
    }
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &bytes);
    return std::string(bytes, static_cast<size_t>(length));
}

bool set_serial(X509* certificate) {
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        return false;
    }
    bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7FU) | 0x40U);  // positive, full length
    const Owned<BIGNUM, BN_free> number(BN_bin2bn(bytes, sizeof bytes, nullptr));
    return BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_name(X509_NAME* name, const std::string& common_name) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(common_name.data());
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, bytes,
                                      static_cast<int>(common_name.size()), -1, 0) == 1;
}

bool add_extension(X509* certificate, X509* issuer, const Extension& extension) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const Owned<X509_EXTENSION, X509_EXTENSION_free> made(
        X509V3_EXT_conf_nid(nullptr, &context, extension.nid, extension.value.c_str()));
    return made && X509_add_ext(certificate, made.get(), -1) == 1;
}

std::string prefixed(const std::vector<std::string>& values, const std::string& prefix) {
    std::vector<std::string> all;
    for (const std::string& value : values) {
        all.push_back(prefix + value);
    }
    return join(all, ",");
}

// A certificate for `key`, signed by `signer`; `issuer` null: by itself.
Result<x509::Certificate> sign(const Contents& contents, EVP_PKEY* key, EVP_PKEY* signer,
                               X509* issuer) {
    const X509Owner made(X509_new());
    X509* native = made.get();
    const bool filled =
        X509_set_version(native, 2) == 1 && set_serial(native) &&
        set_name(X509_get_subject_name(native), contents.common_name) &&
        X509_set_issuer_name(native, X509_get_subject_name(issuer == nullptr ? native : issuer)) ==
            1 &&
        ASN1_TIME_set(X509_getm_notBefore(native), seconds(contents.not_before)) &&
        ASN1_TIME_set(X509_getm_notAfter(native), seconds(contents.not_after)) &&
        X509_set_pubkey(native, key) == 1;
    if (!filled) {
        return native_fault(FaultKind::System, "making a certificate");
    }
    for (const Extension& extension : contents.extensions) {
        if (!add_extension(native, issuer == nullptr ? native : issuer, extension)) {
            return native_fault(FaultKind::System, "adding the extension " + extension.value);
        }
    }
    if (X509_sign(native, signer, EVP_sha256()) == 0) {
        return native_fault(FaultKind::System, "signing a certificate");
    }
    return x509::Certificate::from_native(native);
}

void add_crl_urls(const std::vector<std::string>& urls, std::vector<Extension>& extensions) {
    if (!urls.empty()) {
        extensions.push_back({NID_crl_distribution_points, prefixed(urls, "URI:")});
    }
}

std::vector<Extension> authority_extensions(bool below_another) {
    std::vector<Extension> extensions = {{NID_basic_constraints, "critical,CA:TRUE"},
                                         {NID_key_usage, "critical,keyCertSign,cRLSign"},
                                         {NID_subject_key_identifier, "hash"}};
    if (below_another) {
        extensions.push_back({NID_authority_key_identifier, "keyid:always"});
    }
    return extensions;
}

std::vector<Extension> leaf_extensions(const LeafRequest& request) {
    std::vector<Extension> extensions = {{NID_basic_constraints, "critical,CA:FALSE"},
                                         {NID_key_usage, "critical,digitalSignature"},
                                         {NID_subject_key_identifier, "hash"},
                                         {NID_authority_key_identifier, "keyid:always"}};
    if (!request.dns_names.empty()) {
        extensions.push_back({NID_subject_alt_name, prefixed(request.dns_names, "DNS:")});
    }
    std::vector<std::string> usages;
    if (request.server_auth) {
        usages.emplace_back("serverAuth");
    }
    if (request.client_auth) {
        usages.emplace_back("clientAuth");
    }
    if (request.with_eku && !usages.empty()) {
        extensions.push_back({NID_ext_key_usage, join(usages, ",")});
    }
    add_crl_urls(request.crl_urls, extensions);
    return extensions;
}

bool set_crl_time(X509_CRL* list, Time time, int (*set)(X509_CRL*, const ASN1_TIME*)) {
    const Owned<ASN1_TIME, ASN1_TIME_free> native(ASN1_TIME_set(nullptr, seconds(time)));
    return native && set(list, native.get()) == 1;
}

bool add_revoked(X509_CRL* list, const std::string& serial_hex, Time at) {
    BIGNUM* parsed = nullptr;
    if (BN_hex2bn(&parsed, serial_hex.c_str()) == 0) {
        return false;
    }
    const Owned<BIGNUM, BN_free> number(parsed);
    const Owned<ASN1_INTEGER, ASN1_INTEGER_free> serial(BN_to_ASN1_INTEGER(parsed, nullptr));
    const Owned<ASN1_TIME, ASN1_TIME_free> time(ASN1_TIME_set(nullptr, seconds(at)));
    Owned<X509_REVOKED, X509_REVOKED_free> entry(X509_REVOKED_new());
    if (!serial || !time || X509_REVOKED_set_serialNumber(entry.get(), serial.get()) != 1 ||
        X509_REVOKED_set_revocationDate(entry.get(), time.get()) != 1) {
        return false;
    }
    return X509_CRL_add0_revoked(list, entry.release()) == 1;
}

bool add_crl_extensions(X509_CRL* list, X509* issuer, long number) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, nullptr, nullptr, list, 0);
    const Owned<X509_EXTENSION, X509_EXTENSION_free> key_id(
        X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always"));
    const Owned<ASN1_INTEGER, ASN1_INTEGER_free> serial(ASN1_INTEGER_new());
    return key_id && X509_CRL_add_ext(list, key_id.get(), -1) == 1 &&
           ASN1_INTEGER_set(serial.get(), number) == 1 &&
           X509_CRL_add1_ext_i2d(list, NID_crl_number, serial.get(), 0, 0) == 1;
}

}  // namespace

Result<Authority> Authority::create(const std::string& common_name, Time not_before,
                                    Time not_after) {
    auto key = new_key(KeyType::EcdsaP256);
    if (!key) {
        return std::unexpected(key.error());
    }
    auto certificate = sign({common_name, not_before, not_after, authority_extensions(false)},
                            key->get(), key->get(), nullptr);
    if (!certificate) {
        return std::unexpected(certificate.error());
    }
    Authority made;
    made.state_ = std::make_shared<State>(
        State{.key = std::move(*key), .certificate = std::move(*certificate), .revoked = {}});
    return made;
}

Result<Authority> Authority::issue_authority(const std::string& common_name, Time not_before,
                                             Time not_after,
                                             const std::vector<std::string>& crl_urls) {
    auto key = new_key(KeyType::EcdsaP256);
    if (!key) {
        return std::unexpected(key.error());
    }
    std::vector<Extension> extensions = authority_extensions(true);
    add_crl_urls(crl_urls, extensions);
    auto certificate = sign({common_name, not_before, not_after, std::move(extensions)}, key->get(),
                            state_->key.get(), state_->certificate.native());
    if (!certificate) {
        return std::unexpected(certificate.error());
    }
    Authority made;
    made.state_ = std::make_shared<State>(
        State{.key = std::move(*key), .certificate = std::move(*certificate), .revoked = {}});
    return made;
}

Result<Issued> Authority::issue(const LeafRequest& request) {
    auto key = new_key(request.key);
    if (!key) {
        return std::unexpected(key.error());
    }
    auto certificate =
        sign({request.common_name, request.not_before, request.not_after, leaf_extensions(request)},
             key->get(), state_->key.get(), state_->certificate.native());
    if (!certificate) {
        return std::unexpected(certificate.error());
    }
    auto pem = private_pem(key->get());
    if (!pem) {
        return std::unexpected(pem.error());
    }
    return Issued{.certificate = std::move(*certificate), .key_pem = std::move(*pem)};
}

Result<std::string> Authority::crl(Time this_update, Time next_update) {
    const x509::CrlOwner list(X509_CRL_new());
    X509_CRL* native = list.get();
    bool filled = X509_CRL_set_version(native, 1) == 1 &&
                  X509_CRL_set_issuer_name(
                      native, X509_get_subject_name(state_->certificate.native())) == 1 &&
                  set_crl_time(native, this_update, X509_CRL_set1_lastUpdate) &&
                  set_crl_time(native, next_update, X509_CRL_set1_nextUpdate);
    for (const State::Revoked& revoked : state_->revoked) {
        filled = filled && add_revoked(native, revoked.serial, revoked.at);
    }
    filled = filled &&
             add_crl_extensions(native, state_->certificate.native(), state_->next_crl_number++);
    if (!filled || X509_CRL_sort(native) != 1 ||
        X509_CRL_sign(native, state_->key.get(), EVP_sha256()) == 0) {
        return native_fault(FaultKind::System, "making a revocation list");
    }
    unsigned char* bytes = nullptr;
    const int length = i2d_X509_CRL(native, &bytes);
    if (length <= 0) {
        return native_fault(FaultKind::System, "encoding a revocation list");
    }
    std::string der(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
    OPENSSL_free(bytes);
    return der;
}

void Authority::revoke(const x509::Certificate& certificate, Time at) {
    state_->revoked.push_back({certificate->serial, at});
}

const x509::Certificate& Authority::root() const { return state_->certificate; }

Result<std::string> Authority::key_pem() const { return private_pem(state_->key.get()); }

}  // namespace valija::authority
