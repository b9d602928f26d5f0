#include "trust/authority/authority.hpp"

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "trust/x509/native.hpp"
#include "trust/x509/writing.hpp"

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

// Words of OpenSSL's language: constants of ours. Values go through dns_names and crl_urls.
struct Extension {
    int nid;
    const char* value;
};

struct Contents {
    std::string common_name;
    Time not_before;
    Time not_after;
    std::vector<Extension> extensions;
    std::vector<std::string> dns_names = {};
    std::vector<std::string> crl_urls = {};
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

bool add(X509* certificate, const x509::ExtensionOwner& extension) {
    return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

Result<void> add_extensions(X509* certificate, X509* issuer, const Contents& contents) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    for (const Extension& extension : contents.extensions) {
        if (!add(certificate, x509::constant_extension(extension.nid, extension.value, context))) {
            return native_fault(FaultKind::System,
                                std::string("adding the extension ") + extension.value);
        }
    }
    if (!contents.dns_names.empty() &&
        !add(certificate, x509::dns_names_extension(contents.dns_names))) {
        return native_fault(FaultKind::Input, "adding the DNS names");
    }
    if (!contents.crl_urls.empty() &&
        !add(certificate, x509::crl_urls_extension(contents.crl_urls))) {
        return native_fault(FaultKind::Input, "adding the addresses of the revocation list");
    }
    return {};
}

// A certificate for `key`, signed by `signer`; `issuer` null: by itself.
Result<x509::Certificate> sign(const Contents& contents, EVP_PKEY* key, EVP_PKEY* signer,
                               X509* issuer) {
    const X509Owner made(X509_new());
    X509* native = made.get();
    const bool filled =
        X509_set_version(native, 2) == 1 && x509::set_random_serial(native) &&
        x509::add_name_entry(X509_get_subject_name(native), NID_commonName, contents.common_name) &&
        X509_set_issuer_name(native, X509_get_subject_name(issuer == nullptr ? native : issuer)) ==
            1 &&
        x509::set_validity(native, contents.not_before, contents.not_after) &&
        X509_set_pubkey(native, key) == 1;
    if (!filled) {
        return native_fault(FaultKind::System, "making a certificate");
    }
    X509* signed_by = issuer == nullptr ? native : issuer;
    if (auto added = add_extensions(native, signed_by, contents); !added) {
        return std::unexpected(added.error());
    }
    if (X509_sign(native, signer, EVP_sha256()) == 0) {
        return native_fault(FaultKind::System, "signing a certificate");
    }
    return x509::Certificate::from_native(native);
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
    if (request.with_eku && (request.server_auth || request.client_auth)) {
        extensions.push_back({NID_ext_key_usage, !request.client_auth   ? "serverAuth"
                                                 : !request.server_auth ? "clientAuth"
                                                                        : "serverAuth,clientAuth"});
    }
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
    auto certificate =
        sign({common_name, not_before, not_after, authority_extensions(true), {}, crl_urls},
             key->get(), state_->key.get(), state_->certificate.native());
    if (!certificate) {
        return std::unexpected(certificate.error());
    }
    Authority made;
    made.state_ = std::make_shared<State>(
        State{.key = std::move(*key), .certificate = std::move(*certificate), .revoked = {}});
    return made;
}

Result<x509::Certificate> Authority::cross_certify(const Authority& other, Time not_before,
                                                   Time not_after,
                                                   const std::vector<std::string>& crl_urls) const {
    const std::string& name = other.state_->certificate->common_names.front();
    return sign({name, not_before, not_after, authority_extensions(true), {}, crl_urls},
                other.state_->key.get(), state_->key.get(), state_->certificate.native());
}

Result<Issued> Authority::issue(const LeafRequest& request) {
    auto key = new_key(request.key);
    if (!key) {
        return std::unexpected(key.error());
    }
    auto certificate = sign({request.common_name, request.not_before, request.not_after,
                             leaf_extensions(request), request.dns_names, request.crl_urls},
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
