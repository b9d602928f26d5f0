#include "trust/authority/authority.hpp"

#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>

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
    long last_complete = 0;          // number of the last complete list
    size_t revoked_in_complete = 0;  // the first of `revoked` stand on it

    // A list with all but the first `skipped` of the revoked, not signed yet.
    Result<x509::CrlOwner> start_list(Time this_update, Time next_update, size_t skipped);
    Result<std::string> sign_list(X509_CRL* list) const;
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
    std::vector<std::string> ocsp_urls = {};
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
    if (!contents.ocsp_urls.empty() &&
        !add(certificate, x509::ocsp_urls_extension(contents.ocsp_urls))) {
        return native_fault(FaultKind::Input, "adding the addresses of the OCSP responder");
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

using TimeOwner = Owned<ASN1_TIME, ASN1_TIME_free>;

TimeOwner native_time(Time time) { return TimeOwner(ASN1_TIME_set(nullptr, seconds(time))); }

bool set_crl_time(X509_CRL* list, Time time, int (*set)(X509_CRL*, const ASN1_TIME*)) {
    const TimeOwner native = native_time(time);
    return native && set(list, native.get()) == 1;
}

template <class Native>
Result<std::string> der_of(Native* native, int (*encode)(const Native*, unsigned char**)) {
    unsigned char* bytes = nullptr;
    const int length = encode(native, &bytes);
    if (length <= 0) return native_fault(FaultKind::System, "encoding what a CA signed");
    std::string der(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
    OPENSSL_free(bytes);
    return der;
}

bool add_revoked(X509_CRL* list, const std::string& serial_hex, Time at) {
    BIGNUM* parsed = nullptr;
    if (BN_hex2bn(&parsed, serial_hex.c_str()) == 0) {
        return false;
    }
    const Owned<BIGNUM, BN_free> number(parsed);
    const Owned<ASN1_INTEGER, ASN1_INTEGER_free> serial(BN_to_ASN1_INTEGER(parsed, nullptr));
    const TimeOwner time = native_time(at);
    Owned<X509_REVOKED, X509_REVOKED_free> entry(X509_REVOKED_new());
    if (!serial || !time || X509_REVOKED_set_serialNumber(entry.get(), serial.get()) != 1 ||
        X509_REVOKED_set_revocationDate(entry.get(), time.get()) != 1) {
        return false;
    }
    return X509_CRL_add0_revoked(list, entry.release()) == 1;
}

bool add_number(X509_CRL* list, int nid, long number, bool is_critical) {
    const Owned<ASN1_INTEGER, ASN1_INTEGER_free> value(ASN1_INTEGER_new());
    return value && ASN1_INTEGER_set(value.get(), number) == 1 &&
           X509_CRL_add1_ext_i2d(list, nid, value.get(), is_critical ? 1 : 0, 0) == 1;
}

bool add_key_id(X509_CRL* list, X509* issuer) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, nullptr, nullptr, list, 0);
    const x509::ExtensionOwner key_id(
        X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always"));
    return key_id && X509_CRL_add_ext(list, key_id.get(), -1) == 1;
}

bool add_delta_urls(X509_CRL* list, const std::vector<std::string>& urls) {
    if (urls.empty()) return true;
    const x509::ExtensionOwner freshest(x509::crl_urls_extension(urls, NID_freshest_crl));
    return freshest && X509_CRL_add_ext(list, freshest.get(), -1) == 1;
}

}  // namespace

Result<x509::CrlOwner> Authority::State::start_list(Time this_update, Time next_update,
                                                    size_t skipped) {
    x509::CrlOwner list(X509_CRL_new());
    X509_CRL* native = list.get();
    X509* issuer = certificate.native();
    bool filled = X509_CRL_set_version(native, 1) == 1 &&
                  X509_CRL_set_issuer_name(native, X509_get_subject_name(issuer)) == 1 &&
                  set_crl_time(native, this_update, X509_CRL_set1_lastUpdate) &&
                  set_crl_time(native, next_update, X509_CRL_set1_nextUpdate) &&
                  add_key_id(native, issuer) &&
                  add_number(native, NID_crl_number, next_crl_number++, false);
    for (size_t i = skipped; i < revoked.size(); ++i) {
        filled = filled && add_revoked(native, revoked[i].serial, revoked[i].at);
    }
    if (!filled) return native_fault(FaultKind::System, "making a revocation list");
    return list;
}

Result<std::string> Authority::State::sign_list(X509_CRL* list) const {
    if (X509_CRL_sort(list) != 1 || X509_CRL_sign(list, key.get(), EVP_sha256()) == 0) {
        return native_fault(FaultKind::System, "signing a revocation list");
    }
    return der_of(list, &i2d_X509_CRL);
}

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
    auto certificate =
        sign({request.common_name, request.not_before, request.not_after, leaf_extensions(request),
              request.dns_names, request.crl_urls, request.ocsp_urls},
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

Result<std::string> Authority::crl(Time this_update, Time next_update,
                                   const std::vector<std::string>& delta_urls) {
    auto list = state_->start_list(this_update, next_update, 0);
    if (!list) return std::unexpected(list.error());
    if (!add_delta_urls(list->get(), delta_urls)) {
        return native_fault(FaultKind::Input, "adding the addresses of the deltas");
    }
    state_->last_complete = state_->next_crl_number - 1;
    state_->revoked_in_complete = state_->revoked.size();
    return state_->sign_list(list->get());
}

Result<std::string> Authority::delta_crl(Time this_update, Time next_update) {
    if (state_->last_complete == 0) {
        return fault(FaultKind::Input, "making a delta list", "there is no complete one yet");
    }
    auto list = state_->start_list(this_update, next_update, state_->revoked_in_complete);
    if (!list) return std::unexpected(list.error());
    if (!add_number(list->get(), NID_delta_crl, state_->last_complete, true)) {
        return native_fault(FaultKind::System, "making a delta list");
    }
    return state_->sign_list(list->get());
}

Result<std::string> Authority::ocsp_answer(const x509::Certificate& certificate, Time this_update,
                                           Time next_update) const {
    X509* issuer = state_->certificate.native();
    const Owned<OCSP_BASICRESP, OCSP_BASICRESP_free> basic(OCSP_BASICRESP_new());
    const Owned<OCSP_CERTID, OCSP_CERTID_free> id(
        OCSP_cert_to_id(EVP_sha1(), certificate.native(), issuer));
    const auto revoked =
        std::ranges::find(state_->revoked, certificate->serial, &State::Revoked::serial);
    const bool is_revoked = revoked != state_->revoked.end();
    const TimeOwner at = native_time(is_revoked ? revoked->at : this_update);
    const TimeOwner from = native_time(this_update);
    const TimeOwner until = native_time(next_update);
    if (!basic || !id || !at || !from || !until ||
        OCSP_basic_add1_status(
            basic.get(), id.get(), is_revoked ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_GOOD,
            OCSP_REVOKED_STATUS_NOSTATUS, at.get(), from.get(), until.get()) == nullptr ||
        OCSP_basic_sign(basic.get(), issuer, state_->key.get(), EVP_sha256(), nullptr, 0) != 1) {
        return native_fault(FaultKind::System, "signing an OCSP answer");
    }
    const Owned<OCSP_RESPONSE, OCSP_RESPONSE_free> response(
        OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()));
    if (!response) return native_fault(FaultKind::System, "making an OCSP answer");
    return der_of(response.get(), &i2d_OCSP_RESPONSE);
}

void Authority::revoke(const x509::Certificate& certificate, Time at) {
    state_->revoked.push_back({certificate->serial, at});
}

const x509::Certificate& Authority::root() const { return state_->certificate; }

Result<std::string> Authority::key_pem() const { return private_pem(state_->key.get()); }

}  // namespace valija::authority
