// The provider's signatures: the digest is made here, the rest by the key's signer.
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <new>

#include "trust/keystore/internal/key_provider.hpp"
#include "trust/x509/native.hpp"

namespace valija::keystore::internal {
namespace {

using x509::Owned;

struct SignContext {
    RemoteKeyPointer key;
    Owned<EVP_MD_CTX, EVP_MD_CTX_free> digest;
    Hash hash = Hash::Sha256;
    Padding padding = Padding::None;
    bool makes_digest = false;  // else it is given one
};

struct HashRow {
    Hash hash;
    std::array<std::string_view, 2> names;
    const EVP_MD* (*digest)();
    int with_ecdsa;
    int with_rsa;
};

constexpr std::array kHashes = {
    HashRow{Hash::Sha256,
            {"SHA256", "SHA2-256"},
            EVP_sha256,
            NID_ecdsa_with_SHA256,
            NID_sha256WithRSAEncryption},
    HashRow{Hash::Sha384,
            {"SHA384", "SHA2-384"},
            EVP_sha384,
            NID_ecdsa_with_SHA384,
            NID_sha384WithRSAEncryption},
    HashRow{Hash::Sha512,
            {"SHA512", "SHA2-512"},
            EVP_sha512,
            NID_ecdsa_with_SHA512,
            NID_sha512WithRSAEncryption},
};

const HashRow* hash_named(std::string_view name) {
    const auto found = std::ranges::find_if(kHashes, [name](const HashRow& one) {
        return std::ranges::find(one.names, name) != one.names.end();
    });
    return found == kHashes.end() ? nullptr : &*found;
}

const HashRow& row_of(Hash hash) { return kHashes[static_cast<size_t>(hash)]; }

// So that OpenSSL's own words say what failed.
int did_not_sign() {
    static const int library = [] {
        static ERR_STRING_DATA words[] = {
            {ERR_PACK(0, 0, 1), "the custody of the keys did not sign"}, {0, nullptr}};
        const int mine = ERR_get_next_error_library();
        ERR_load_strings(mine, words);
        return mine;
    }();
    ERR_raise(library, 1);
    return 0;
}

SignContext& of(void* context) { return *static_cast<SignContext*>(context); }

void* new_context(void*, const char* /*properties*/) {
    auto context = std::unique_ptr<SignContext>(new (std::nothrow) SignContext);
    if (!context) return nullptr;
    context->digest.reset(EVP_MD_CTX_new());
    return context->digest ? context.release() : nullptr;
}

void free_context(void* context) { delete static_cast<SignContext*>(context); }

void* copied(void* context) {
    auto* const copy = static_cast<SignContext*>(new_context(nullptr, nullptr));
    if (copy == nullptr) return nullptr;
    const SignContext& from = of(context);
    copy->key = from.key;
    copy->hash = from.hash;
    copy->padding = from.padding;
    copy->makes_digest = from.makes_digest;
    if (EVP_MD_CTX_copy_ex(copy->digest.get(), from.digest.get()) == 1) return copy;
    free_context(copy);
    return nullptr;
}

bool takes_padding(SignContext& context, const OSSL_PARAM* mode) {
    int number = 0;
    std::string_view word;
    if (mode->data_type == OSSL_PARAM_UTF8_STRING) {
        word = static_cast<const char*>(mode->data);
    } else if (OSSL_PARAM_get_int(mode, &number) != 1) {
        return false;
    }
    if (!context.key->is_rsa) return false;
    const bool is_pss = word == OSSL_PKEY_RSA_PAD_MODE_PSS || number == RSA_PKCS1_PSS_PADDING;
    const bool is_pkcs1 = word == OSSL_PKEY_RSA_PAD_MODE_PKCSV15 || number == RSA_PKCS1_PADDING;
    if (is_pss) context.padding = Padding::Pss;
    if (is_pkcs1) context.padding = Padding::Pkcs1;
    return is_pss || is_pkcs1;
}

bool is_as_long_as_the_digest(const SignContext& context, const OSSL_PARAM* salt) {
    if (salt->data_type == OSSL_PARAM_UTF8_STRING) {
        return std::string_view(static_cast<const char*>(salt->data)) ==
               OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST;
    }
    int number = 0;
    return OSSL_PARAM_get_int(salt, &number) == 1 &&
           (number == RSA_PSS_SALTLEN_DIGEST || number == static_cast<int>(size_of(context.hash)));
}

int set_params(void* context, const OSSL_PARAM* params) {
    if (params == nullptr) return 1;
    SignContext& into = of(context);
    const auto* mode = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    if (mode != nullptr && !takes_padding(into, mode)) return 0;
    for (const char* name : {OSSL_SIGNATURE_PARAM_DIGEST, OSSL_SIGNATURE_PARAM_MGF1_DIGEST}) {
        const auto* digest = OSSL_PARAM_locate_const(params, name);
        if (digest == nullptr) continue;
        if (digest->data_type != OSSL_PARAM_UTF8_STRING) return 0;
        const HashRow* wanted = hash_named(static_cast<const char*>(digest->data));
        if (wanted == nullptr) return 0;
        const bool is_given =
            !into.makes_digest && std::string_view(name) == OSSL_SIGNATURE_PARAM_DIGEST;
        if (is_given) into.hash = wanted->hash;
        if (wanted->hash != into.hash) return 0;
    }
    const auto* salt = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
    return salt == nullptr || is_as_long_as_the_digest(into, salt) ? 1 : 0;
}

const OSSL_PARAM* settable(void*, void*) {
    static const OSSL_PARAM all[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, nullptr, 0), OSSL_PARAM_END};
    return all;
}

// What a certificate or a request says of how it was signed (RFC 5758, RFC 4055). PSS is for TLS
// alone: our own requests are signed the older way.
int get_params(void* context, OSSL_PARAM* params) {
    const SignContext& from = of(context);
    OSSL_PARAM* const wanted = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
    if (wanted == nullptr) return 1;
    if (from.padding == Padding::Pss) return 0;
    const HashRow& row = row_of(from.hash);
    const Owned<X509_ALGOR, X509_ALGOR_free> algorithm(X509_ALGOR_new());
    if (!algorithm ||
        X509_ALGOR_set0(algorithm.get(),
                        OBJ_nid2obj(from.key->is_rsa ? row.with_rsa : row.with_ecdsa),
                        from.key->is_rsa ? V_ASN1_NULL : V_ASN1_UNDEF, nullptr) != 1) {
        return 0;
    }
    const auto der = x509::der_of<i2d_X509_ALGOR>(algorithm.get(), "naming a signature");
    return der ? OSSL_PARAM_set_octet_string(wanted, der->data(), der->size()) : 0;
}

const OSSL_PARAM* gettable(void*, void*) {
    static const OSSL_PARAM all[] = {
        OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, nullptr, 0), OSSL_PARAM_END};
    return all;
}

bool takes_key(SignContext& into, void* key) {
    if (key != nullptr) into.key = static_cast<const KeyData*>(key)->key;
    if (!into.key || !into.key->signer) return false;
    into.padding = into.key->is_rsa ? Padding::Pkcs1 : Padding::None;
    return true;
}

int begin_digest(void* context, const char* digest, void* key, const OSSL_PARAM* params) {
    SignContext& into = of(context);
    if (!takes_key(into, key)) return 0;
    into.makes_digest = true;
    const HashRow* row = hash_named(digest == nullptr || *digest == '\0' ? "SHA256" : digest);
    if (row == nullptr) return 0;
    into.hash = row->hash;
    return EVP_DigestInit_ex(into.digest.get(), row->digest(), nullptr) == 1
               ? set_params(context, params)
               : 0;
}

int add_bytes(void* context, const unsigned char* bytes, size_t count) {
    return EVP_DigestUpdate(of(context).digest.get(), bytes, count);
}

size_t largest_of(const SignContext& context) {
    return static_cast<size_t>(EVP_PKEY_get_size(context.key->public_half.get()));
}

int put_signature(const SignContext& from, std::string digest, unsigned char* signature,
                  size_t* length, size_t space) {
    const auto made = from.key->signer->sign(from.key->name, from.key->id, from.padding, from.hash,
                                             std::move(digest));
    if (!made || made->size() > std::min(space, largest_of(from))) return did_not_sign();
    std::ranges::copy(*made, signature);
    *length = made->size();
    return 1;
}

int begin_sign(void* context, void* key, const OSSL_PARAM* params) {
    of(context).makes_digest = false;
    return takes_key(of(context), key) ? set_params(context, params) : 0;
}

int sign(void* context, unsigned char* signature, size_t* length, size_t space,
         const unsigned char* digest, size_t count) {
    const SignContext& from = of(context);
    if (signature == nullptr) {
        *length = largest_of(from);
        return 1;
    }
    if (count != size_of(from.hash)) return 0;
    return put_signature(from, std::string(reinterpret_cast<const char*>(digest), count), signature,
                         length, space);
}

int end_digest(void* context, unsigned char* signature, size_t* length, size_t space) {
    const SignContext& from = of(context);
    if (signature == nullptr) {
        *length = largest_of(from);
        return 1;
    }
    std::string digest(size_of(from.hash), '\0');
    unsigned int made = 0;
    if (EVP_DigestFinal_ex(from.digest.get(), reinterpret_cast<unsigned char*>(digest.data()),
                           &made) != 1 ||
        made != digest.size()) {
        return 0;
    }
    return put_signature(from, std::move(digest), signature, length, space);
}

using Function = void (*)();

template <class F>
OSSL_DISPATCH row(int id, F* function) {
    return {id, reinterpret_cast<Function>(function)};
}

}  // namespace

const OSSL_DISPATCH kSignatureFunctions[] = {
    row(OSSL_FUNC_SIGNATURE_NEWCTX, new_context),
    row(OSSL_FUNC_SIGNATURE_FREECTX, free_context),
    row(OSSL_FUNC_SIGNATURE_DUPCTX, copied),
    row(OSSL_FUNC_SIGNATURE_SIGN_INIT, begin_sign),
    row(OSSL_FUNC_SIGNATURE_SIGN, sign),
    row(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, begin_digest),
    row(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, add_bytes),
    row(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, end_digest),
    row(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, get_params),
    row(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, gettable),
    row(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, set_params),
    row(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, settable),
    {0, nullptr}};

}  // namespace valija::keystore::internal
