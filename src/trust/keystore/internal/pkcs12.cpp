#include "trust/keystore/internal/pkcs12.hpp"

#include <fmt/format.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>

#include <optional>
#include <vector>

namespace valija::keystore::internal {
namespace {

using x509::Owned;
using Pkcs12Owner = Owned<PKCS12, PKCS12_free>;

constexpr long kMostRounds = 2'000'000;
constexpr size_t kMostCertificates = 1000;
constexpr std::string_view kDoing = "reading a PKCS#12 file";

struct FreeCertificates {
    void operator()(STACK_OF(X509) * all) const { sk_X509_pop_free(all, X509_free); }
};

struct FreeSafes {
    void operator()(STACK_OF(PKCS7) * all) const { sk_PKCS7_pop_free(all, PKCS7_free); }
};

struct FreeBags {
    void operator()(STACK_OF(PKCS12_SAFEBAG) * all) const {
        sk_PKCS12_SAFEBAG_pop_free(all, PKCS12_SAFEBAG_free);
    }
};

using Safes = std::unique_ptr<STACK_OF(PKCS7), FreeSafes>;
using Bags = std::unique_ptr<STACK_OF(PKCS12_SAFEBAG), FreeBags>;

// A context that knows the old ciphers too, if the module is installed.
class OldAndNewCiphers {
  public:
    OldAndNewCiphers() : context_(OSSL_LIB_CTX_new()) {
        standard_.reset(OSSL_PROVIDER_load(context_.get(), "default"));
        legacy_.reset(OSSL_PROVIDER_load(context_.get(), "legacy"));
        ERR_clear_error();
    }

    OSSL_LIB_CTX* native() const { return context_.get(); }

    bool has_old() const { return legacy_ != nullptr; }

  private:
    Owned<OSSL_LIB_CTX, OSSL_LIB_CTX_free> context_;
    Owned<OSSL_PROVIDER, OSSL_PROVIDER_unload> standard_;
    Owned<OSSL_PROVIDER, OSSL_PROVIDER_unload> legacy_;
};

Pkcs12Owner parsed(std::string_view der, OSSL_LIB_CTX* context) {
    PKCS12* made = PKCS12_init_ex(NID_pkcs7_data, context, nullptr);
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const unsigned char* end = at + der.size();
    // Frees `made` where it fails.
    if (made == nullptr || d2i_PKCS12(&made, &at, static_cast<long>(der.size())) == nullptr) {
        ERR_clear_error();
        return nullptr;
    }
    Pkcs12Owner owner(made);
    return at == end ? std::move(owner) : nullptr;
}

bool is_old_cipher(int nid) {
    return nid == NID_pbe_WithSHA1And40BitRC2_CBC || nid == NID_pbe_WithSHA1And128BitRC2_CBC ||
           nid == NID_pbe_WithSHA1And40BitRC4 || nid == NID_pbe_WithSHA1And128BitRC4;
}

// Negative: more than a long holds. Nothing: derived by other means than PBKDF2 and those of
// PKCS#12, the cost of which a count of rounds does not bound.
std::optional<long> rounds_of_pbkdf2(const X509_ALGOR* algorithm) {
    const Owned<PBE2PARAM, PBE2PARAM_free> outer(static_cast<PBE2PARAM*>(
        ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter)));
    if (!outer || OBJ_obj2nid(outer->keyfunc->algorithm) != NID_id_pbkdf2) return std::nullopt;
    const Owned<PBKDF2PARAM, PBKDF2PARAM_free> inner(static_cast<PBKDF2PARAM*>(
        ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), outer->keyfunc->parameter)));
    return inner ? std::optional(ASN1_INTEGER_get(inner->iter)) : std::nullopt;
}

std::optional<long> rounds_of(const X509_ALGOR* algorithm) {
    if (algorithm == nullptr || algorithm->parameter == nullptr) return std::nullopt;
    const int nid = OBJ_obj2nid(algorithm->algorithm);
    if (nid == NID_pbes2) return rounds_of_pbkdf2(algorithm);
    if (!is_old_cipher(nid) && nid != NID_pbe_WithSHA1And3_Key_TripleDES_CBC &&
        nid != NID_pbe_WithSHA1And2_Key_TripleDES_CBC) {
        return std::nullopt;
    }
    const Owned<PBEPARAM, PBEPARAM_free> parameters(static_cast<PBEPARAM*>(
        ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), algorithm->parameter)));
    return parameters ? std::optional(ASN1_INTEGER_get(parameters->iter)) : std::nullopt;
}

// What a file asks of us: looked at before the password is tried, and again with what the
// encrypted safes hold before a key is decrypted.
struct Survey {
    long rounds = 0;  // of all derivations together; kMostRounds + 1 at most
    size_t keys = 0;
    bool old_cipher = false;
    bool other_derivation = false;

    void add_rounds(long count) {
        const bool is_much = count < 0 || count > kMostRounds - rounds;
        rounds = is_much ? kMostRounds + 1 : rounds + count;
    }

    void note(const X509_ALGOR* algorithm) {
        if (const auto count = rounds_of(algorithm)) {
            add_rounds(*count);
        } else {
            other_derivation = true;
        }
        old_cipher = old_cipher ||
                     (algorithm != nullptr && is_old_cipher(OBJ_obj2nid(algorithm->algorithm)));
    }
};

void survey_bags(const STACK_OF(PKCS12_SAFEBAG) * bags, Survey& survey) {
    std::vector<const STACK_OF(PKCS12_SAFEBAG)*> open = {bags};
    while (!open.empty()) {
        const STACK_OF(PKCS12_SAFEBAG)* some = open.back();
        open.pop_back();
        for (int i = 0; some != nullptr && i < sk_PKCS12_SAFEBAG_num(some); ++i) {
            const PKCS12_SAFEBAG* bag = sk_PKCS12_SAFEBAG_value(some, i);
            const int kind = PKCS12_SAFEBAG_get_nid(bag);
            if (kind == NID_safeContentsBag) open.push_back(PKCS12_SAFEBAG_get0_safes(bag));
            if (kind == NID_keyBag) ++survey.keys;
            if (kind != NID_pkcs8ShroudedKeyBag) continue;
            ++survey.keys;
            const X509_ALGOR* algorithm = nullptr;
            X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &algorithm, nullptr);
            survey.note(algorithm);
        }
    }
}

// All but what is within encrypted safes, which are appended to `encrypted`.
Survey survey_of(const PKCS12* file, const Safes& safes, std::vector<PKCS7*>& encrypted) {
    Survey survey;
    const ASN1_INTEGER* rounds = nullptr;
    PKCS12_get0_mac(nullptr, nullptr, nullptr, &rounds, file);
    if (rounds != nullptr) survey.add_rounds(ASN1_INTEGER_get(rounds));
    for (int i = 0; safes && i < sk_PKCS7_num(safes.get()); ++i) {
        PKCS7* safe = sk_PKCS7_value(safes.get(), i);
        if (PKCS7_type_is_data(safe)) survey_bags(Bags(PKCS12_unpack_p7data(safe)).get(), survey);
        if (PKCS7_type_is_encrypted(safe) && safe->d.encrypted != nullptr) {
            survey.note(safe->d.encrypted->enc_data->algorithm);
            encrypted.push_back(safe);
        }
    }
    ERR_clear_error();
    return survey;
}

Result<void> check(const Survey& survey, bool has_old_ciphers) {
    if (survey.other_derivation) {
        return fault(FaultKind::Input, std::string(kDoing),
                     "its key derivation is neither PBKDF2 nor that of PKCS#12; export it anew "
                     "with PBKDF2");
    }
    if (survey.rounds > kMostRounds) {
        return fault(FaultKind::Input, std::string(kDoing),
                     fmt::format("it asks for more than {} rounds of key derivation", kMostRounds));
    }
    if (survey.keys > 1) {
        return fault(FaultKind::Input, std::string(kDoing),
                     "there are several private keys in it; export the one that is wanted alone");
    }
    if (survey.old_cipher && !has_old_ciphers) {
        return fault(FaultKind::Input, std::string(kDoing),
                     "it is encrypted with RC2 or RC4, for which OpenSSL's legacy module is not "
                     "installed; export it anew with AES-256");
    }
    return {};
}

// The key and the certificates again, in the process's own context.
Result<KeyHandle> own_key(const EVP_PKEY* foreign) {
    const Owned<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free> info(EVP_PKEY2PKCS8(foreign));
    x509::KeyOwner key(info ? EVP_PKCS82PKEY(info.get()) : nullptr);
    if (!key) return x509::native_fault(FaultKind::Input, std::string(kDoing));
    return accepted_key(std::move(key));
}

Result<void> add_own(const X509* foreign, std::vector<x509::Certificate>& all) {
    if (foreign == nullptr) return {};
    if (all.size() == kMostCertificates) {
        return fault(FaultKind::Input, std::string(kDoing), "more than 1000 certificates");
    }
    unsigned char* bytes = nullptr;
    const int length = i2d_X509(foreign, &bytes);
    if (length <= 0) return x509::native_fault(FaultKind::Input, std::string(kDoing));
    auto own = x509::Certificate::from_der(
        {reinterpret_cast<const char*>(bytes), static_cast<size_t>(length)});
    OPENSSL_free(bytes);
    if (!own) return std::unexpected(own.error());
    all.push_back(std::move(*own));
    return {};
}

// The password as the file takes it: no password is either none at all or an empty one.
Result<const char*> right_password(PKCS12* file, const std::string& password) {
    if (PKCS12_mac_present(file) != 1) {
        return fault(FaultKind::Input, std::string(kDoing), "it is not protected by a password");
    }
    if (password.empty() && PKCS12_verify_mac(file, nullptr, 0) == 1) return nullptr;
    const auto size = static_cast<int>(password.size());
    if (PKCS12_verify_mac(file, password.c_str(), size) == 1) return password.c_str();
    ERR_clear_error();
    return fault(FaultKind::Input, std::string(kDoing),
                 password.empty() ? "it needs a password; write it into a file and name that with "
                                    "--password-file"
                                  : "the password is wrong");
}

Result<KeyFile> opened(PKCS12* file, const char* password) {
    EVP_PKEY* key = nullptr;
    X509* leaf = nullptr;
    STACK_OF(X509)* others = nullptr;
    if (PKCS12_parse(file, password, &key, &leaf, &others) != 1) {
        return x509::native_fault(FaultKind::Input, std::string(kDoing));
    }
    const x509::KeyOwner key_owner(key);
    const x509::X509Owner leaf_owner(leaf);
    const std::unique_ptr<STACK_OF(X509), FreeCertificates> others_owner(others);
    KeyFile read{.certificates = {}, .key = {}, .format = "PKCS#12", .notes = {}};
    if (key != nullptr) {
        auto own = own_key(key);
        if (!own) return std::unexpected(own.error());
        read.key = std::move(*own);
    }
    if (auto added = add_own(leaf, read.certificates); !added) {
        return std::unexpected(added.error());
    }
    for (int i = 0; others != nullptr && i < sk_X509_num(others); ++i) {
        if (auto added = add_own(sk_X509_value(others, i), read.certificates); !added) {
            return std::unexpected(added.error());
        }
    }
    ERR_clear_error();
    return read;
}

}  // namespace

bool looks_like_pkcs12(std::string_view der) { return parsed(der, nullptr) != nullptr; }

Result<KeyFile> read_pkcs12(std::string_view der, std::string_view password) {
    const OldAndNewCiphers ciphers;
    const Pkcs12Owner file = parsed(der, ciphers.native());
    if (!file) return x509::native_fault(FaultKind::Input, std::string(kDoing));
    const Safes safes(PKCS12_unpack_authsafes(file.get()));
    std::vector<PKCS7*> encrypted;
    Survey survey = survey_of(file.get(), safes, encrypted);
    auto checked = check(survey, ciphers.has_old());
    if (!checked) return std::unexpected(checked.error());
    const std::string ended(password);
    const auto right = right_password(file.get(), ended);
    if (!right) return std::unexpected(right.error());
    for (PKCS7* safe : encrypted) {
        const Bags bags(PKCS12_unpack_p7encdata(safe, *right, -1));
        if (!bags) return x509::native_fault(FaultKind::Input, std::string(kDoing));
        survey_bags(bags.get(), survey);
    }
    checked = check(survey, ciphers.has_old());
    if (!checked) return std::unexpected(checked.error());
    return opened(file.get(), *right);
}

}  // namespace valija::keystore::internal
