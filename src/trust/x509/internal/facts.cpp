#include "trust/x509/internal/facts.hpp"

#include <openssl/ec.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <set>

#include "trust/x509/native.hpp"

namespace valija::x509::internal {
namespace {

constexpr int kMostExponentBits = 64;
constexpr int kLargestModulus = 8192;
constexpr int kLeastModulus = 2048;
constexpr int kLargestField = 640;

// An object identifier as its octets: whole, however long. What is compared; never shown.
std::string octets_of(const ASN1_OBJECT* object) {
    return {reinterpret_cast<const char*>(OBJ_get0_data(object)), OBJ_length(object)};
}

// For people; a long one is cut.
std::string dotted(const ASN1_OBJECT* object) {
    char text[128];
    const int length = OBJ_obj2txt(text, sizeof text, object, 1);
    return {text, static_cast<size_t>(std::clamp(length, 0, static_cast<int>(sizeof text) - 1))};
}

// A value of an extension; null where it is damaged or bytes follow it.
template <class T, T* (*Read)(T**, const unsigned char**, long), auto Free>
Owned<T, Free> decode(const ASN1_OCTET_STRING* value) {
    const unsigned char* at = ASN1_STRING_get0_data(value);
    const unsigned char* end = at + ASN1_STRING_length(value);
    Owned<T, Free> made(Read(nullptr, &at, ASN1_STRING_length(value)));
    ERR_clear_error();
    if (at != end) {
        made.reset();
    }
    return made;
}

// A non-negative number that fits; anything larger counts as the largest.
std::optional<long> number(const ASN1_INTEGER* value) {
    int64_t read = 0;
    if (ASN1_INTEGER_get_int64(&read, value) != 1) {
        ERR_clear_error();
        return (ASN1_STRING_type(value) & V_ASN1_NEG) == 0 ? std::optional<long>(INT32_MAX)
                                                           : std::nullopt;
    }
    if (read < 0) {
        return std::nullopt;
    }
    return static_cast<long>(std::min<int64_t>(read, INT32_MAX));
}

bool read_basic(const ASN1_OCTET_STRING* value, bool critical, Facts& facts) {
    const auto read =
        decode<BASIC_CONSTRAINTS, d2i_BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free>(value);
    facts.basic.present = true;
    facts.basic.critical = critical;
    if (!read) {
        return false;
    }
    facts.basic.is_ca = read->ca != 0;
    if (read->pathlen != nullptr) {
        facts.basic.path_length = number(read->pathlen);
        return facts.basic.path_length.has_value();
    }
    return true;
}

bool read_key_usage(const ASN1_OCTET_STRING* value, bool /*critical*/, Facts& facts) {
    const auto read = decode<ASN1_BIT_STRING, d2i_ASN1_BIT_STRING, ASN1_BIT_STRING_free>(value);
    facts.key_usage.present = true;
    if (!read) {
        return false;
    }
    const unsigned char* bytes = ASN1_STRING_get0_data(read.get());
    const int length = ASN1_STRING_length(read.get());
    facts.key_usage.bits =
        (length > 0 ? bytes[0] : 0U) | (length > 1 ? uint32_t{bytes[1]} << 8U : 0U);
    return true;
}

void note_purpose(const ASN1_OBJECT* purpose, ExtendedKeyUsage& eku) {
    switch (OBJ_obj2nid(purpose)) {
        case NID_anyExtendedKeyUsage:
            eku.any = true;
            break;
        case NID_server_auth:
            eku.server = true;
            break;
        case NID_client_auth:
            eku.client = true;
            break;
        case NID_code_sign:
        case NID_email_protect:
        case NID_time_stamp:
        case NID_OCSP_sign:
            eku.foreign = true;
            break;
        default:
            eku.foreign = eku.foreign || OBJ_obj2nid(purpose) == NID_ct_precert_signer;
    }
}

bool read_eku(const ASN1_OCTET_STRING* value, bool critical, Facts& facts) {
    const auto read =
        decode<EXTENDED_KEY_USAGE, d2i_EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>(value);
    facts.eku.present = true;
    facts.eku.critical = critical;
    if (!read || sk_ASN1_OBJECT_num(read.get()) == 0) {
        return false;
    }
    for (int i = 0; i < sk_ASN1_OBJECT_num(read.get()); ++i) {
        note_purpose(sk_ASN1_OBJECT_value(read.get(), i), facts.eku);
    }
    return true;
}

bool read_subject_key(const ASN1_OCTET_STRING* value, bool /*critical*/, Facts& facts) {
    const auto read =
        decode<ASN1_OCTET_STRING, d2i_ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>(value);
    facts.ids.has_subject = true;
    if (!read) {
        return false;
    }
    facts.ids.subject = native_text(read.get());
    return true;
}

bool read_authority_key(const ASN1_OCTET_STRING* value, bool /*critical*/, Facts& facts) {
    const auto read = decode<AUTHORITY_KEYID, d2i_AUTHORITY_KEYID, AUTHORITY_KEYID_free>(value);
    facts.ids.has_authority = true;
    if (!read) {
        return false;
    }
    if (read->keyid != nullptr) {
        facts.ids.authority = native_text(read->keyid);
    }
    facts.ids.has_authority_names = read->issuer != nullptr || read->serial != nullptr;
    return true;
}

bool read_alternative(const ASN1_OCTET_STRING* value, bool /*critical*/, Facts& facts) {
    const auto read = decode<GENERAL_NAMES, d2i_GENERAL_NAMES, GENERAL_NAMES_free>(value);
    if (!read) {
        return false;
    }
    facts.san_is_empty = sk_GENERAL_NAME_num(read.get()) == 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(read.get()); ++i) {
        auto name = read_name(sk_GENERAL_NAME_value(read.get(), i));
        if (!name) {
            return false;
        }
        facts.names.alternative.add(std::move(*name));
    }
    return true;
}

bool read_name_constraints(const ASN1_OCTET_STRING* value, bool critical, Facts& facts) {
    const unsigned char* at = ASN1_STRING_get0_data(value);
    const unsigned char* end = at + ASN1_STRING_length(value);
    const Owned<NAME_CONSTRAINTS, NAME_CONSTRAINTS_free> read(reinterpret_cast<NAME_CONSTRAINTS*>(
        ASN1_item_d2i(nullptr, &at, ASN1_STRING_length(value), ASN1_ITEM_rptr(NAME_CONSTRAINTS))));
    ERR_clear_error();
    facts.constraints_critical = critical;
    facts.constraints.emplace();
    if (!read || at != end) {
        facts.constraints->is_malformed = true;
        return false;
    }
    facts.constraints = read_constraints(read.get());
    return true;
}

bool read_policies(const ASN1_OCTET_STRING* value, bool /*critical*/, Facts& facts) {
    const auto read =
        decode<CERTIFICATEPOLICIES, d2i_CERTIFICATEPOLICIES, CERTIFICATEPOLICIES_free>(value);
    facts.policies.present = true;
    if (!read || sk_POLICYINFO_num(read.get()) == 0) {
        return false;
    }
    std::set<std::string> seen;
    for (int i = 0; i < sk_POLICYINFO_num(read.get()); ++i) {
        std::string id = octets_of(sk_POLICYINFO_value(read.get(), i)->policyid);
        facts.policies.is_malformed = !seen.insert(id).second || facts.policies.is_malformed;
        facts.policies.ids.push_back(std::move(id));
    }
    return true;
}

bool read_mappings(const ASN1_OCTET_STRING* value, bool /*critical*/, Facts& facts) {
    const unsigned char* at = ASN1_STRING_get0_data(value);
    const unsigned char* end = at + ASN1_STRING_length(value);
    const auto free = [](POLICY_MAPPINGS* all) {
        sk_POLICY_MAPPING_pop_free(all, POLICY_MAPPING_free);
    };
    const std::unique_ptr<POLICY_MAPPINGS, decltype(free)> read(
        reinterpret_cast<POLICY_MAPPINGS*>(ASN1_item_d2i(nullptr, &at, ASN1_STRING_length(value),
                                                         ASN1_ITEM_rptr(POLICY_MAPPINGS))),
        free);
    ERR_clear_error();
    if (!read || at != end || sk_POLICY_MAPPING_num(read.get()) == 0) {
        return false;
    }
    for (int i = 0; i < sk_POLICY_MAPPING_num(read.get()); ++i) {
        const POLICY_MAPPING* mapping = sk_POLICY_MAPPING_value(read.get(), i);
        facts.policies.mappings.emplace_back(octets_of(mapping->issuerDomainPolicy),
                                             octets_of(mapping->subjectDomainPolicy));
    }
    return true;
}

bool read_policy_constraints(const ASN1_OCTET_STRING* value, bool critical, Facts& facts) {
    const unsigned char* at = ASN1_STRING_get0_data(value);
    const unsigned char* end = at + ASN1_STRING_length(value);
    const Owned<POLICY_CONSTRAINTS, POLICY_CONSTRAINTS_free> read(
        reinterpret_cast<POLICY_CONSTRAINTS*>(ASN1_item_d2i(nullptr, &at, ASN1_STRING_length(value),
                                                            ASN1_ITEM_rptr(POLICY_CONSTRAINTS))));
    ERR_clear_error();
    Policies& policies = facts.policies;
    policies.constraints_critical = policies.constraints_critical && critical;
    if (!read || at != end) {
        return false;
    }
    if (read->requireExplicitPolicy != nullptr) {
        policies.require_explicit = number(read->requireExplicitPolicy);
    }
    if (read->inhibitPolicyMapping != nullptr) {
        policies.inhibit_mapping = number(read->inhibitPolicyMapping);
    }
    return (read->requireExplicitPolicy == nullptr || policies.require_explicit) &&
           (read->inhibitPolicyMapping == nullptr || policies.inhibit_mapping) &&
           (policies.require_explicit || policies.inhibit_mapping);
}

bool read_inhibit_any(const ASN1_OCTET_STRING* value, bool critical, Facts& facts) {
    const auto read = decode<ASN1_INTEGER, d2i_ASN1_INTEGER, ASN1_INTEGER_free>(value);
    facts.policies.constraints_critical = facts.policies.constraints_critical && critical;
    facts.policies.inhibit_any = read ? number(read.get()) : std::nullopt;
    return facts.policies.inhibit_any.has_value();
}

bool read_points(const ASN1_OCTET_STRING* value, bool /*critical*/, Facts& /*facts*/) {
    const auto read = decode<CRL_DIST_POINTS, d2i_CRL_DIST_POINTS, CRL_DIST_POINTS_free>(value);
    return read && sk_DIST_POINT_num(read.get()) > 0;
}

bool read_access(const ASN1_OCTET_STRING* value, bool /*critical*/, Facts& /*facts*/) {
    const auto read =
        decode<AUTHORITY_INFO_ACCESS, d2i_AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free>(value);
    return read && sk_ACCESS_DESCRIPTION_num(read.get()) > 0;
}

// The extensions that we know. `processed`: one that is critical is obeyed.
struct ExtensionRow {
    int nid;
    bool processed;
    bool (*read)(const ASN1_OCTET_STRING*, bool, Facts&);
};

constexpr ExtensionRow kExtensions[] = {
    {NID_basic_constraints, true, read_basic},
    {NID_key_usage, true, read_key_usage},
    {NID_ext_key_usage, true, read_eku},
    {NID_subject_alt_name, true, read_alternative},
    {NID_name_constraints, true, read_name_constraints},
    {NID_certificate_policies, true, read_policies},
    {NID_policy_mappings, true, read_mappings},
    {NID_policy_constraints, true, read_policy_constraints},
    {NID_inhibit_any_policy, true, read_inhibit_any},
    {NID_crl_distribution_points, true, read_points},
    {NID_subject_key_identifier, false, read_subject_key},
    {NID_authority_key_identifier, false, read_authority_key},
    {NID_info_access, false, read_access},
};

void read_extensions(const X509* certificate, Facts& facts) {
    std::set<std::string> seen;
    const int count = X509_get_ext_count(certificate);
    facts.extensions = static_cast<size_t>(std::max(count, 0));
    for (int i = 0; i < count; ++i) {
        X509_EXTENSION* extension = X509_get_ext(certificate, i);
        const ASN1_OBJECT* type = X509_EXTENSION_get_object(extension);
        const bool critical = X509_EXTENSION_get_critical(extension) != 0;
        if (!seen.insert(octets_of(type)).second) {
            facts.duplicates.push_back(dotted(type));
            continue;
        }
        const auto* row = std::ranges::find(kExtensions, OBJ_obj2nid(type), &ExtensionRow::nid);
        const bool is_known = row != std::end(kExtensions);
        if (is_known && !row->read(X509_EXTENSION_get_data(extension), critical, facts)) {
            facts.undecodable.emplace_back(OBJ_nid2ln(row->nid));
        }
        if (critical && (!is_known || !row->processed)) {
            facts.unknown_critical.push_back(is_known ? OBJ_nid2ln(row->nid) : dotted(type));
        }
    }
}

// RFC 3279 2.2.1, 4055 5, 5758 3.2, 8410 3: NULL (or nothing) with RSA, PSS has its own, others
// none.
bool has_right_parameters(const X509_ALGOR* algorithm) {
    const ASN1_OBJECT* method = nullptr;
    int type = V_ASN1_UNDEF;
    X509_ALGOR_get0(&method, &type, nullptr, algorithm);
    const int nid = OBJ_obj2nid(method);
    int key = NID_undef;
    OBJ_find_sigid_algs(nid, nullptr, &key);
    ERR_clear_error();
    return nid == NID_rsassaPss || type == V_ASN1_UNDEF ||
           (type == V_ASN1_NULL && key == NID_rsaEncryption);
}

Signature read_signature(const X509* certificate) {
    Signature made;
    const X509_ALGOR* outside = nullptr;
    X509_get0_signature(nullptr, &outside, certificate);
    made.algorithms_agree = X509_ALGOR_cmp(outside, X509_get0_tbs_sigalg(certificate)) == 0;
    made.parameters_fit = has_right_parameters(outside);
    int bits = -1;
    if (X509_get_signature_info(const_cast<X509*>(certificate), nullptr, nullptr, &bits, nullptr) ==
        1) {
        made.bits = std::max(bits, 0);
    }
    ERR_clear_error();
    return made;
}

using NumberOwner = Owned<BIGNUM, BN_free>;

NumberOwner number_of(const EVP_PKEY* key, const char* name) {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key, name, &number);
    return NumberOwner(number);
}

// With an exponent of 1 anybody can sign, and an even modulus has no secret.
void read_rsa(const EVP_PKEY* key, Key& made) {
    const NumberOwner modulus = number_of(key, "n");
    const NumberOwner exponent = number_of(key, "e");
    made.sound = modulus && exponent && BN_is_odd(modulus.get()) == 1 &&
                 BN_is_odd(exponent.get()) == 1 && BN_is_one(exponent.get()) == 0;
    made.expensive = made.size > kLargestModulus ||
                     (exponent && BN_num_bits(exponent.get()) > kMostExponentBits);
    if (made.size < kLeastModulus) {
        made.bits = 0;  // OpenSSL rounds: 1968 bits are 112 to it
    }
}

// An EC key that spells its curve out is no key on a named curve, even where the numbers agree.
bool has_named_curve(const X509* certificate) {
    X509_ALGOR* algorithm = nullptr;
    X509_PUBKEY_get0_param(nullptr, nullptr, nullptr, &algorithm,
                           X509_get_X509_PUBKEY(certificate));
    int type = V_ASN1_UNDEF;
    X509_ALGOR_get0(nullptr, &type, nullptr, algorithm);
    return type == V_ASN1_OBJECT;
}

Key read_key(const X509* certificate) {
    Key made;
    const EVP_PKEY* key = X509_get0_pubkey(certificate);
    if (key == nullptr) {
        ERR_clear_error();
        return made;
    }
    made.readable = true;
    made.type = EVP_PKEY_get_base_id(key);
    made.size = EVP_PKEY_get_bits(key);
    made.bits = EVP_PKEY_get_security_bits(key);
    if (made.type == EVP_PKEY_RSA || made.type == EVP_PKEY_RSA_PSS) {
        read_rsa(key, made);
    } else if (made.type == EVP_PKEY_EC) {
        char group[64] = "";
        size_t length = 0;
        EVP_PKEY_get_group_name(key, group, sizeof group, &length);
        made.curve = group;
        made.named_curve = has_named_curve(certificate);
        made.expensive = made.size > kLargestField;
    }
    ERR_clear_error();
    return made;
}

void read_subject(const X509* certificate, Facts& facts) {
    const X509_NAME* subject = X509_get_subject_name(certificate);
    facts.names.subject = directory_name(subject);
    facts.subject = canonical_name(facts.names.subject);
    facts.issuer = x509::canonical_name(X509_get_issuer_name(certificate));
    facts.self_issued = facts.subject == facts.issuer;
    int at = -1;
    while ((at = X509_NAME_get_index_by_NID(const_cast<X509_NAME*>(subject), NID_pkcs9_emailAddress,
                                            at)) >= 0) {
        facts.names.subject_emails.push_back(
            native_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
    }
}

}  // namespace

Facts read_facts(X509* certificate, const CertificateFields& fields) {
    Facts facts;
    read_subject(certificate, facts);
    facts.names.common_names = fields.common_names;
    const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
    facts.serial_length = fields.serial.size() / 2;
    // The sign bit costs an octet of its own (RFC 5280 4.1.2.2 counts octets of the encoding).
    const bool has_high_bit = !fields.serial.empty() && fields.serial.front() >= '8';
    facts.serial_length += has_high_bit ? 1U : 0U;
    facts.serial_is_positive =
        facts.serial_length > 0 && (ASN1_STRING_type(serial) & V_ASN1_NEG) == 0;
    facts.signature = read_signature(certificate);
    facts.key = read_key(certificate);
    read_extensions(certificate, facts);
    return facts;
}

}  // namespace valija::x509::internal
