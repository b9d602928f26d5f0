#include "trust/keystore/internal/key_provider.hpp"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <new>

#include "trust/x509/native.hpp"

namespace valija::keystore::internal {
namespace {

using x509::Owned;

// How remote_key() hands its key to import(), within one call.
constexpr auto kHandedOver = "valija-custody-key";

struct HandedOver {
    const RemoteKeyPointer* key = nullptr;
};

using Function = void (*)();

template <class F>
constexpr OSSL_DISPATCH row(int id, F* function) {
    return {id, reinterpret_cast<Function>(function)};
}

constexpr OSSL_DISPATCH kEnd = {0, nullptr};

void* new_ec(void*) { return new (std::nothrow) KeyData{.is_rsa = false, .key = {}}; }

void* new_rsa(void*) { return new (std::nothrow) KeyData{.is_rsa = true, .key = {}}; }

void free_key(void* data) { delete static_cast<KeyData*>(data); }

const KeyData& of(const void* data) { return *static_cast<const KeyData*>(data); }

int has(const void* data, int selection) {
    if (data == nullptr || !of(data).key) return 0;
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 || of(data).key->signer != nullptr;
}

int match(const void* one, const void* other, int selection) {
    const auto& a = of(one).key;
    const auto& b = of(other).key;
    if (!a || !b) return 0;
    const bool is_of_keys = (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0;
    const auto compare = is_of_keys ? EVP_PKEY_eq : EVP_PKEY_parameters_eq;
    return compare(a->public_half.get(), b->public_half.get()) == 1 ? 1 : 0;
}

// A public key that OpenSSL brings from its own provider, to compare ours with.
RemoteKeyPointer public_key_of(bool is_rsa, const OSSL_PARAM* params) {
    const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
        EVP_PKEY_CTX_new_from_name(nullptr, is_rsa ? "RSA" : "EC", "provider=default"));
    EVP_PKEY* made = nullptr;
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY,
                          const_cast<OSSL_PARAM*>(params)) != 1) {
        return nullptr;
    }
    return std::make_shared<const RemoteKey>(
        RemoteKey{.is_rsa = is_rsa,
                  .public_half = std::shared_ptr<evp_pkey_st>(made, EVP_PKEY_free),
                  .signer = nullptr,
                  .name = {},
                  .id = {}});
}

int import_key(void* data, int /*selection*/, const OSSL_PARAM* params) {
    auto& into = *static_cast<KeyData*>(data);
    if (const OSSL_PARAM* ours = OSSL_PARAM_locate_const(params, kHandedOver)) {
        if (ours->data_size != sizeof(HandedOver)) return 0;
        into.key = *static_cast<const HandedOver*>(ours->data)->key;
    } else {
        into.key = public_key_of(into.is_rsa, params);
    }
    return into.key ? 1 : 0;
}

int export_key(void* data, int selection, OSSL_CALLBACK* callback, void* argument) {
    if (!of(data).key || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0) return 0;
    return EVP_PKEY_export(of(data).key->public_half.get(), selection, callback, argument);
}

int get_params(void* data, OSSL_PARAM* params) {
    return of(data).key ? EVP_PKEY_get_params(of(data).key->public_half.get(), params) : 0;
}

const OSSL_PARAM* gettable(void*) {
    static const OSSL_PARAM all[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, nullptr),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, nullptr),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, nullptr),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0),
        OSSL_PARAM_END};
    return all;
}

const OSSL_PARAM* types(int /*selection*/) {
    static const OSSL_PARAM all[] = {OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
                                     OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0),
                                     OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, nullptr, 0),
                                     OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, nullptr, 0),
                                     OSSL_PARAM_END};
    return all;
}

const char* name_for_ec(int operation) { return operation == OSSL_OP_SIGNATURE ? "ECDSA" : "EC"; }

const char* name_for_rsa(int /*operation*/) { return "RSA"; }

#define VALIJA_COMMON_KEY_FUNCTIONS                                                                \
    row(OSSL_FUNC_KEYMGMT_FREE, free_key), row(OSSL_FUNC_KEYMGMT_HAS, has),                        \
        row(OSSL_FUNC_KEYMGMT_MATCH, match), row(OSSL_FUNC_KEYMGMT_IMPORT, import_key),            \
        row(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, types), row(OSSL_FUNC_KEYMGMT_EXPORT, export_key),     \
        row(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, types), row(OSSL_FUNC_KEYMGMT_GET_PARAMS, get_params), \
        row(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, gettable)

const OSSL_DISPATCH kEcFunctions[] = {
    row(OSSL_FUNC_KEYMGMT_NEW, new_ec), VALIJA_COMMON_KEY_FUNCTIONS,
    row(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, name_for_ec), kEnd};

const OSSL_DISPATCH kRsaFunctions[] = {
    row(OSSL_FUNC_KEYMGMT_NEW, new_rsa), VALIJA_COMMON_KEY_FUNCTIONS,
    row(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, name_for_rsa), kEnd};

#undef VALIJA_COMMON_KEY_FUNCTIONS

const OSSL_ALGORITHM kKeys[] = {
    {"EC:id-ecPublicKey:1.2.840.10045.2.1", kOurs, kEcFunctions, ""},
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", kOurs, kRsaFunctions, ""},
    {nullptr, nullptr, nullptr, nullptr}};

const OSSL_ALGORITHM kSignatures[] = {
    {"ECDSA", kOurs, kSignatureFunctions, ""},
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", kOurs, kSignatureFunctions, ""},
    {nullptr, nullptr, nullptr, nullptr}};

const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) {
    *no_cache = 0;
    if (operation == OSSL_OP_KEYMGMT) return kKeys;
    return operation == OSSL_OP_SIGNATURE ? kSignatures : nullptr;
}

const OSSL_DISPATCH kProviderFunctions[] = {row(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query), kEnd};

int begin(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH*, const OSSL_DISPATCH** out,
          void** context) {
    *out = kProviderFunctions;
    *context = const_cast<OSSL_CORE_HANDLE*>(handle);  // not used; it must not be null
    return 1;
}

// Once a process. OpenSSL's own provider keeps being preferred wherever none is named, so that
// ours is found by its own keys only.
struct Loaded {
    Owned<OSSL_PROVIDER, OSSL_PROVIDER_unload> standard;
    Owned<OSSL_PROVIDER, OSSL_PROVIDER_unload> ours;
    bool is_good = false;

    Loaded() {
        if (OSSL_PROVIDER_add_builtin(nullptr, kProvider, begin) != 1) return;
        standard.reset(OSSL_PROVIDER_load(nullptr, "default"));
        ours.reset(OSSL_PROVIDER_load(nullptr, kProvider));
        is_good = standard && ours && EVP_set_default_properties(nullptr, "?provider=default") == 1;
    }
};

bool is_loaded() {
    static const Loaded loaded;
    return loaded.is_good;
}

}  // namespace

Result<KeyHandle> remote_key(std::shared_ptr<RemoteSigner> signer, const std::string& name,
                             std::string_view public_bytes) {
    const auto doing = "using the key of " + name;
    if (!is_loaded()) return x509::native_fault(FaultKind::System, doing);
    const auto* at = reinterpret_cast<const unsigned char*>(public_bytes.data());
    std::shared_ptr<evp_pkey_st> public_half(
        d2i_PUBKEY(nullptr, &at, static_cast<long>(public_bytes.size())), EVP_PKEY_free);
    if (!public_half) return x509::native_fault(FaultKind::Input, doing);
    const bool is_rsa = EVP_PKEY_is_a(public_half.get(), "RSA") == 1;
    if (!is_rsa && EVP_PKEY_is_a(public_half.get(), "EC") != 1) {
        return fault(FaultKind::Input, doing, "it is neither RSA nor ECDSA");
    }
    const auto key =
        std::make_shared<const RemoteKey>(RemoteKey{.is_rsa = is_rsa,
                                                    .public_half = public_half,
                                                    .signer = std::move(signer),
                                                    .name = name,
                                                    .id = KeyHandle(public_half).id()});
    HandedOver handed{.key = &key};
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(kHandedOver, &handed, sizeof handed),
                           OSSL_PARAM_construct_end()};
    const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
        EVP_PKEY_CTX_new_from_name(nullptr, is_rsa ? "RSA" : "EC", kOurs));
    EVP_PKEY* made = nullptr;
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, params) != 1) {
        return x509::native_fault(FaultKind::System, doing);
    }
    return KeyHandle(std::shared_ptr<evp_pkey_st>(made, EVP_PKEY_free), public_half);
}

}  // namespace valija::keystore::internal
