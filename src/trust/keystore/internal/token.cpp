#include "trust/keystore/internal/token.hpp"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include <array>
#include <cstring>
#include <mutex>
#include <vector>

#include "platform/base/text.hpp"
#include "platform/store/file.hpp"
#include "trust/keystore/internal/pkcs12.hpp"
#include "trust/x509/native.hpp"

namespace valija::keystore::internal {
namespace {

using x509::Owned;
using Module = CK_FUNCTION_LIST*;
using UriOwner = Owned<P11KitUri, p11_kit_uri_free>;

constexpr size_t kLongestUri = 4096;
constexpr size_t kLongestPin = 256;
constexpr CK_ULONG kMostSlots = 256;
constexpr auto kLooking = "looking for the key on its token";

std::unexpected<Fault> wrong(std::string why) {
    return fault(FaultKind::Input, kLooking, std::move(why));
}

std::unexpected<Fault> failed(const char* doing, CK_RV status) {
    return fault(FaultKind::System, fmt::format("{}: {}", kLooking, doing),
                 p11_kit_strerror(status));
}

struct FreeModules {
    void operator()(Module* all) const { p11_kit_modules_release(all); }
};

// The modules are never unloaded: a token is used until the process ends.
Result<std::vector<Module>> modules_of(const UriOwner& uri) {
    if (const char* path = p11_kit_uri_get_module_path(uri.get())) {
        Module one = p11_kit_module_load(path, P11_KIT_MODULE_CRITICAL);
        if (one == nullptr) {
            const char* why = p11_kit_message();
            return wrong(fmt::format("the module {} cannot be loaded: {}",
                                     escape_peer_text(path, 300), why == nullptr ? "" : why));
        }
        if (const CK_RV status = p11_kit_module_initialize(one); status != CKR_OK) {
            return failed("starting its module", status);
        }
        return std::vector{one};
    }
    Module* const all = p11_kit_modules_load_and_initialize(0);
    if (all == nullptr) return wrong("p11-kit has no module; name one with ?module-path=");
    std::vector<Module> modules;
    for (Module* one = all; *one != nullptr; ++one) modules.push_back(*one);
    return modules;
}

struct Place {
    Module module;
    CK_SLOT_ID slot;
    CK_FLAGS flags;
};

void add_places(Module module, const UriOwner& uri, std::vector<Place>& places) {
    std::array<CK_SLOT_ID, kMostSlots> slots{};
    CK_ULONG count = slots.size();
    if (module->C_GetSlotList(CK_TRUE, slots.data(), &count) != CKR_OK) return;
    for (CK_ULONG i = 0; i < count; ++i) {
        CK_TOKEN_INFO info{};
        if (module->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            p11_kit_uri_match_token_info(uri.get(), &info) == 1) {
            places.push_back({.module = module, .slot = slots[i], .flags = info.flags});
        }
    }
}

Result<Place> place_of(const UriOwner& uri) {
    const auto modules = modules_of(uri);
    if (!modules) return std::unexpected(modules.error());
    std::vector<Place> places;
    for (Module module : *modules) add_places(module, uri, places);
    if (places.empty()) return wrong("no token fits the URI");
    if (places.size() > 1) {
        return wrong(
            fmt::format("{} tokens fit the URI; name one with token= or serial=", places.size()));
    }
    return places.front();
}

Result<std::string> pin_of(const UriOwner& uri) {
    if (const char* value = p11_kit_uri_get_pin_value(uri.get())) return std::string(value);
    const char* source = p11_kit_uri_get_pin_source(uri.get());
    if (source == nullptr) return std::string();
    std::string_view path = source;
    if (path.starts_with("file://")) {
        path.remove_prefix(7);
    } else if (path.starts_with("file:")) {
        path.remove_prefix(5);
    }
    auto pin = store::read_file(std::string(path), kLongestPin);
    while (pin && (pin->ends_with('\n') || pin->ends_with('\r'))) pin->pop_back();
    return pin;
}

Result<void> log_in(const Place& place, CK_SESSION_HANDLE session, const UriOwner& uri) {
    if ((place.flags & CKF_LOGIN_REQUIRED) == 0) return {};
    auto pin = pin_of(uri);
    if (!pin) return std::unexpected(pin.error());
    if (pin->empty()) return wrong("the token wants a PIN; give ?pin-source=FILE or ?pin-value=");
    if ((place.flags & CKF_USER_PIN_LOCKED) != 0) return wrong("the token's PIN is locked");
    if ((place.flags & CKF_USER_PIN_FINAL_TRY) != 0) {
        return wrong("a wrong PIN more would lock the token; log in once with its own tools");
    }
    const CK_RV status = place.module->C_Login(
        session, CKU_USER, reinterpret_cast<unsigned char*>(pin->data()), pin->size());
    OPENSSL_cleanse(pin->data(), pin->size());
    if (status == CKR_PIN_INCORRECT) return wrong("the PIN is wrong");
    if (status != CKR_OK && status != CKR_USER_ALREADY_LOGGED_IN) return failed("log in", status);
    return {};
}

// An object of the token, within one session.
struct Object {
    Module module;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE handle;

    // Empty: it has none, or does not tell.
    std::string attribute(CK_ATTRIBUTE_TYPE type) const {
        CK_ATTRIBUTE wanted{type, nullptr, 0};
        if (module->C_GetAttributeValue(session, handle, &wanted, 1) != CKR_OK ||
            wanted.ulValueLen == CK_UNAVAILABLE_INFORMATION || wanted.ulValueLen > 64U << 10U) {
            return {};
        }
        std::string value(wanted.ulValueLen, '\0');
        wanted.pValue = value.data();
        if (module->C_GetAttributeValue(session, handle, &wanted, 1) != CKR_OK) return {};
        value.resize(wanted.ulValueLen);
        return value;
    }
};

Result<std::vector<Object>> objects_of(Module module, CK_SESSION_HANDLE session,
                                       std::vector<CK_ATTRIBUTE> wanted) {
    CK_RV status = module->C_FindObjectsInit(session, wanted.data(), wanted.size());
    if (status != CKR_OK) return failed("searching", status);
    std::array<CK_OBJECT_HANDLE, 2> found{};
    CK_ULONG count = 0;
    status = module->C_FindObjects(session, found.data(), found.size(), &count);
    module->C_FindObjectsFinal(session);
    if (status != CKR_OK) return failed("searching", status);
    std::vector<Object> all;
    for (CK_ULONG i = 0; i < count; ++i) all.push_back({module, session, found.at(i)});
    return all;
}

Result<Object> private_key_of(Module module, CK_SESSION_HANDLE session, const UriOwner& uri) {
    CK_OBJECT_CLASS kind = CKO_PRIVATE_KEY;
    std::vector<CK_ATTRIBUTE> wanted = {{CKA_CLASS, &kind, sizeof kind}};
    for (const CK_ATTRIBUTE_TYPE type : {CKA_LABEL, CKA_ID}) {
        const CK_ATTRIBUTE* given = p11_kit_uri_get_attribute(uri.get(), type);
        if (given != nullptr) wanted.push_back(*given);
    }
    auto found = objects_of(module, session, std::move(wanted));
    if (!found) return std::unexpected(found.error());
    if (found->empty()) return wrong("no private key on the token fits the URI");
    if (found->size() > 1) return wrong("several keys fit the URI; name one with object= or id=");
    return found->front();
}

using BuildOwner = Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using NumberOwner = Owned<BIGNUM, BN_free>;

NumberOwner number_of(std::string_view bytes) {
    return NumberOwner(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                                 static_cast<int>(bytes.size()), nullptr));
}

x509::KeyOwner made_of(const char* type, const BuildOwner& build) {
    const Owned<OSSL_PARAM, OSSL_PARAM_free> params(OSSL_PARAM_BLD_to_param(build.get()));
    const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
        EVP_PKEY_CTX_new_from_name(nullptr, type, "provider=default"));
    EVP_PKEY* made = nullptr;
    if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
        ERR_clear_error();
        return nullptr;
    }
    return x509::KeyOwner(made);
}

x509::KeyOwner rsa_key(const Object& key) {
    const auto modulus = number_of(key.attribute(CKA_MODULUS));
    const auto exponent = number_of(key.attribute(CKA_PUBLIC_EXPONENT));
    const BuildOwner build(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
    OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
    return made_of("RSA", build);
}

// The point stands in the public half alone, which has the same id.
std::string point_of(const Object& key) {
    std::string id = key.attribute(CKA_ID);
    CK_OBJECT_CLASS kind = CKO_PUBLIC_KEY;
    const auto found = objects_of(
        key.module, key.session, {{CKA_CLASS, &kind, sizeof kind}, {CKA_ID, id.data(), id.size()}});
    if (id.empty() || !found || found->size() != 1) return {};
    const std::string der = found->front().attribute(CKA_EC_POINT);
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const Owned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> point(
        d2i_ASN1_OCTET_STRING(nullptr, &at, static_cast<long>(der.size())));
    ERR_clear_error();
    return point ? x509::native_text(point.get()) : std::string();
}

x509::KeyOwner ec_key(const Object& key) {
    const std::string curve = key.attribute(CKA_EC_PARAMS);
    const auto* at = reinterpret_cast<const unsigned char*>(curve.data());
    const Owned<ASN1_OBJECT, ASN1_OBJECT_free> object(
        d2i_ASN1_OBJECT(nullptr, &at, static_cast<long>(curve.size())));
    ERR_clear_error();
    const std::string point = point_of(key);
    if (!object || point.empty()) return nullptr;
    const BuildOwner build(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                    OBJ_nid2sn(OBJ_obj2nid(object.get())), 0);
    OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                     point.size());
    return made_of("EC", build);
}

Result<std::string> public_bytes_of(const Object& key) {
    CK_KEY_TYPE type = 0;
    const std::string value = key.attribute(CKA_KEY_TYPE);
    if (value.size() == sizeof type) std::memcpy(&type, value.data(), sizeof type);
    const bool is_known = value.size() == sizeof type && (type == CKK_RSA || type == CKK_EC);
    if (!is_known) return wrong("the key on the token is neither RSA nor ECDSA");
    x509::KeyOwner made = type == CKK_RSA ? rsa_key(key) : ec_key(key);
    if (!made) {
        return wrong(
            "the token does not tell the public half of the key; an ECDSA key needs the "
            "public key beside it, under the same id");
    }
    if (auto accepted = accepted_kind(made.get()); !accepted) {
        return std::unexpected(accepted.error());
    }
    return KeyHandle(std::shared_ptr<evp_pkey_st>(made.release(), EVP_PKEY_free)).public_bytes();
}

// For PKCS#1 1.5: the digest with the name of its kind (RFC 8017 9.2).
Result<std::string> digest_info(Hash hash, const std::string& digest) {
    const int nid = hash == Hash::Sha256   ? NID_sha256
                    : hash == Hash::Sha384 ? NID_sha384
                                           : NID_sha512;
    const Owned<X509_SIG, X509_SIG_free> info(X509_SIG_new());
    X509_ALGOR* algorithm = nullptr;
    ASN1_OCTET_STRING* value = nullptr;
    X509_SIG_getm(info.get(), &algorithm, &value);
    if (X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), V_ASN1_NULL, nullptr) != 1 ||
        ASN1_OCTET_STRING_set(value, reinterpret_cast<const unsigned char*>(digest.data()),
                              static_cast<int>(digest.size())) != 1) {
        return x509::native_fault(FaultKind::System, "naming a digest");
    }
    return x509::der_of<i2d_X509_SIG>(info.get(), "naming a digest");
}

CK_RSA_PKCS_PSS_PARAMS pss_of(Hash hash) {
    switch (hash) {
        case Hash::Sha256:
            return {CKM_SHA256, CKG_MGF1_SHA256, 32};
        case Hash::Sha384:
            return {CKM_SHA384, CKG_MGF1_SHA384, 48};
        case Hash::Sha512:
            break;
    }
    return {CKM_SHA512, CKG_MGF1_SHA512, 64};
}

// PKCS#11 gives the two numbers side by side, X.509 and TLS want them in DER.
Result<std::string> ecdsa_der(std::string_view both) {
    const Owned<ECDSA_SIG, ECDSA_SIG_free> signature(ECDSA_SIG_new());
    auto r = number_of(both.substr(0, both.size() / 2));
    auto s = number_of(both.substr(both.size() / 2));
    if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) {
        return x509::native_fault(FaultKind::System, "reading a token's signature");
    }
    static_cast<void>(r.release());
    static_cast<void>(s.release());
    return x509::der_of<i2d_ECDSA_SIG>(signature.get(), "reading a token's signature");
}

class TokenSigner final : public RemoteSigner {
  public:
    explicit TokenSigner(Object key) : key_(key) {}

    Result<std::string> sign(const std::string& name, const std::string& /*id*/, Padding padding,
                             Hash hash, std::string digest) override {
        CK_RSA_PKCS_PSS_PARAMS pss = pss_of(hash);
        CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
        if (padding == Padding::Pkcs1) {
            mechanism.mechanism = CKM_RSA_PKCS;
            auto named = digest_info(hash, digest);
            if (!named) return named;
            digest = std::move(*named);
        } else if (padding == Padding::Pss) {
            mechanism = {CKM_RSA_PKCS_PSS, &pss, sizeof pss};
        }
        std::scoped_lock const lock(mutex_);
        std::array<unsigned char, 1024> signature{};
        CK_ULONG length = signature.size();
        CK_RV status = key_.module->C_SignInit(key_.session, &mechanism, key_.handle);
        if (status == CKR_OK) {
            status =
                key_.module->C_Sign(key_.session, reinterpret_cast<unsigned char*>(digest.data()),
                                    digest.size(), signature.data(), &length);
        }
        if (status != CKR_OK) {
            return fault(FaultKind::System, "signing with the key of " + name + " on its token",
                         p11_kit_strerror(status));
        }
        std::string bytes(reinterpret_cast<const char*>(signature.data()), length);
        return padding == Padding::None ? ecdsa_der(bytes) : Result<std::string>(bytes);
    }

  private:
    Object key_;
    std::mutex mutex_;
};

}  // namespace

Result<KeyHandle> token_key(const std::string& name, const std::string& uri) {
    const UriOwner parsed(p11_kit_uri_new());
    if (uri.size() > kLongestUri ||
        p11_kit_uri_parse(uri.c_str(), P11_KIT_URI_FOR_ANY, parsed.get()) != P11_KIT_URI_OK) {
        return wrong("this is not a pkcs11: URI (RFC 7512)");
    }
    const auto place = place_of(parsed);
    if (!place) return std::unexpected(place.error());
    CK_SESSION_HANDLE session = 0;
    const CK_RV status =
        place->module->C_OpenSession(place->slot, CKF_SERIAL_SESSION, nullptr, nullptr, &session);
    if (status != CKR_OK) return failed("opening a session", status);
    if (auto done = log_in(*place, session, parsed); !done) return std::unexpected(done.error());
    const auto key = private_key_of(place->module, session, parsed);
    if (!key) return std::unexpected(key.error());
    const auto bytes = public_bytes_of(*key);
    if (!bytes) return std::unexpected(bytes.error());
    return remote_key(std::make_shared<TokenSigner>(*key), name, *bytes);
}

}  // namespace valija::keystore::internal
