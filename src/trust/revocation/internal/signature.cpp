#include "trust/revocation/internal/signature.hpp"

#include <openssl/rsa.h>

namespace valija::revocation::internal {
namespace {

using x509::Owned;

constexpr int kLeastBits = 112;
constexpr int kSmallestDigest = 28;  // octets; SHA-224

using AlgorithmOwner = Owned<X509_ALGOR, X509_ALGOR_free>;
using PssOwner = Owned<RSA_PSS_PARAMS, RSA_PSS_PARAMS_free>;

// Of RSASSA-PSS the digest stands in the parameters; absent, it is SHA-1.
int pss_digest(const X509_ALGOR* algorithm) {
    const ASN1_OBJECT* object = nullptr;
    int type = V_ASN1_UNDEF;
    const void* value = nullptr;
    X509_ALGOR_get0(&object, &type, &value, algorithm);
    if (type != V_ASN1_SEQUENCE) {
        return NID_undef;
    }
    const auto* sequence = static_cast<const ASN1_STRING*>(value);
    const unsigned char* at = ASN1_STRING_get0_data(sequence);
    const PssOwner parameters(d2i_RSA_PSS_PARAMS(nullptr, &at, ASN1_STRING_length(sequence)));
    if (!parameters || parameters->hashAlgorithm == nullptr) {
        return NID_undef;
    }
    X509_ALGOR_get0(&object, nullptr, nullptr, parameters->hashAlgorithm);
    return OBJ_obj2nid(object);
}

// Borrows the bytes: nothing is copied, and nobody frees them.
ASN1_STRING borrow(std::string_view bytes, int type) {
    return {.length = static_cast<int>(bytes.size()),
            .type = type,
            .data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data())),
            .flags = 0};
}

}  // namespace

std::optional<Text> weakness_of(const X509_ALGOR* algorithm) {
    const ASN1_OBJECT* object = nullptr;
    X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
    const int nid = OBJ_obj2nid(object);
    if (nid == NID_ED25519 || nid == NID_ED448) {
        return {};
    }
    int digest = NID_undef;
    if (nid == NID_rsassaPss) {
        digest = pss_digest(algorithm);
    } else {
        OBJ_find_sigid_algs(nid, &digest, nullptr);
    }
    const EVP_MD* method = digest == NID_undef ? nullptr : EVP_get_digestbynid(digest);
    ERR_clear_error();
    if (method == nullptr || EVP_MD_get_size(method) < kSmallestDigest) {
        return say("its signature algorithm is weak or unknown ({})",
                   nid == NID_undef ? "?" : OBJ_nid2sn(nid));
    }
    return {};
}

std::optional<Text> weakness_of(EVP_PKEY* key) {
    if (key == nullptr) {
        ERR_clear_error();
        return say("the key of its signer cannot be read");
    }
    if (EVP_PKEY_get_security_bits(key) < kLeastBits) {
        return say("the key of its signer is too short");
    }
    return {};
}

std::optional<Text> signature_problem(std::string_view algorithm, std::string_view signed_der,
                                      std::string_view signature, EVP_PKEY* key) {
    const auto* at = reinterpret_cast<const unsigned char*>(algorithm.data());
    const AlgorithmOwner method(d2i_X509_ALGOR(nullptr, &at, static_cast<long>(algorithm.size())));
    if (!method) {
        ERR_clear_error();
        return say("its signature algorithm is malformed");
    }
    if (auto weakness = weakness_of(method.get())) {
        return weakness;
    }
    if (auto weakness = weakness_of(key)) {
        return weakness;
    }
    if (signature.empty() || signature.front() != '\0') {
        return say("its signature is malformed");
    }
    const ASN1_STRING bits = borrow(signature.substr(1), V_ASN1_BIT_STRING);
    ASN1_STRING whole = borrow(signed_der, V_ASN1_SEQUENCE);
    ASN1_TYPE any{};
    any.type = V_ASN1_SEQUENCE;
    any.value.sequence = &whole;
    if (ASN1_item_verify(ASN1_ITEM_rptr(ASN1_ANY), method.get(), &bits, &any, key) != 1) {
        ERR_clear_error();
        return say("its signature does not verify");
    }
    return {};
}

}  // namespace valija::revocation::internal
