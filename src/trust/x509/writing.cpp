#include "trust/x509/writing.hpp"

#include <openssl/rand.h>

#include <algorithm>

namespace valija::x509 {
namespace {

using NameOwner = Owned<GENERAL_NAME, GENERAL_NAME_free>;
using NamesOwner = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;

// `type`: GEN_DNS or GEN_URI, which are both IA5String.
NameOwner general_name(int type, const std::string& text) {
    const bool is_printable =
        std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
    Owned<ASN1_IA5STRING, ASN1_IA5STRING_free> value(ASN1_IA5STRING_new());
    NameOwner name(GENERAL_NAME_new());
    if (!is_printable || text.empty() || !value || !name ||
        ASN1_STRING_set(value.get(), text.data(), static_cast<int>(text.size())) != 1) {
        return nullptr;
    }
    GENERAL_NAME_set0_value(name.get(), type, value.release());
    return name;
}

bool push(GENERAL_NAMES* names, NameOwner name) {
    if (names == nullptr || !name || sk_GENERAL_NAME_push(names, name.get()) == 0) return false;
    static_cast<void>(name.release());  // the stack owns it now
    return true;
}

// A distribution point with one URI as its full name.
DIST_POINT* distribution_point(const std::string& url) {
    Owned<DIST_POINT, DIST_POINT_free> point(DIST_POINT_new());
    if (!point) return nullptr;
    point->distpoint = DIST_POINT_NAME_new();
    NamesOwner names(sk_GENERAL_NAME_new_null());
    if (point->distpoint == nullptr || !push(names.get(), general_name(GEN_URI, url))) {
        return nullptr;
    }
    point->distpoint->type = 0;
    point->distpoint->name.fullname = names.release();
    return point.release();
}

}  // namespace

bool add_name_entry(X509_NAME* name, int nid, const std::string& value) {
    return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(value.data()),
                                      static_cast<int>(value.size()), -1, 0) == 1;
}

ExtensionOwner dns_names_extension(const std::vector<std::string>& names, bool critical) {
    const NamesOwner all(sk_GENERAL_NAME_new_null());
    for (const std::string& name : names) {
        if (!push(all.get(), general_name(GEN_DNS, name))) return nullptr;
    }
    return ExtensionOwner(X509V3_EXT_i2d(NID_subject_alt_name, critical ? 1 : 0, all.get()));
}

ExtensionOwner crl_urls_extension(const std::vector<std::string>& urls, int nid) {
    const Owned<CRL_DIST_POINTS, CRL_DIST_POINTS_free> points(sk_DIST_POINT_new_null());
    for (const std::string& url : urls) {
        DIST_POINT* point = distribution_point(url);
        if (point == nullptr || sk_DIST_POINT_push(points.get(), point) == 0) {
            DIST_POINT_free(point);
            return nullptr;
        }
    }
    return ExtensionOwner(X509V3_EXT_i2d(nid, 0, points.get()));
}

ExtensionOwner ocsp_urls_extension(const std::vector<std::string>& urls) {
    const Owned<AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free> all(
        sk_ACCESS_DESCRIPTION_new_null());
    for (const std::string& url : urls) {
        Owned<ACCESS_DESCRIPTION, ACCESS_DESCRIPTION_free> one(ACCESS_DESCRIPTION_new());
        if (!one) return nullptr;
        ASN1_OBJECT_free(one->method);
        GENERAL_NAME_free(one->location);
        one->method = OBJ_nid2obj(NID_ad_OCSP);
        one->location = general_name(GEN_URI, url).release();
        if (one->location == nullptr || sk_ACCESS_DESCRIPTION_push(all.get(), one.get()) == 0) {
            return nullptr;
        }
        static_cast<void>(one.release());  // the stack's now
    }
    return ExtensionOwner(X509V3_EXT_i2d(NID_info_access, 0, all.get()));
}

ExtensionOwner constant_extension(int nid, const char* value, X509V3_CTX& context) {
    X509V3_set_ctx_nodb(&context);
    return ExtensionOwner(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
}

bool set_random_serial(X509* certificate) {
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
    bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7FU) | 0x40U);  // positive, full length
    const Owned<BIGNUM, BN_free> number(BN_bin2bn(bytes, sizeof bytes, nullptr));
    return BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_validity(X509* certificate, Time not_before, Time not_after) {
    const auto seconds = [](Time time) {
        return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
    };
    return ASN1_TIME_set(X509_getm_notBefore(certificate), seconds(not_before)) != nullptr &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), seconds(not_after)) != nullptr;
}

}  // namespace valija::x509
