#include "trust/revocation/scope.hpp"

#include <algorithm>

#include "trust/revocation/internal/der.hpp"
#include "trust/x509/native.hpp"

namespace valija::revocation {
namespace {

using x509::Owned;

using NameOwner = Owned<X509_NAME, X509_NAME_free>;
using Points = Owned<CRL_DIST_POINTS, CRL_DIST_POINTS_free>;
using Issuing = Owned<ISSUING_DIST_POINT, ISSUING_DIST_POINT_free>;

// Empty where it is malformed, or bytes follow its end.
template <class Owner, auto Parse>
Owner parsed(std::string_view der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const auto* end = at + der.size();
    Owner object(Parse(nullptr, &at, static_cast<long>(der.size())));
    ERR_clear_error();
    if (at != end) {
        object.reset();
    }
    return object;
}

std::string place_of(const X509_NAME* name) { return "name " + x509::canonical_name(name); }

struct Places {
    std::vector<std::string> comparable;
    std::vector<std::string> urls;
};

// nullopt: a kind of name that cannot be a place.
std::optional<Places> places_of(DIST_POINT_NAME* point, X509_NAME* issuer) {
    Places places;
    if (point->type == 1) {
        if (DIST_POINT_set_dpname(point, issuer) != 1 || point->dpname == nullptr) {
            ERR_clear_error();
            return {};
        }
        places.comparable.push_back(place_of(point->dpname));
        return places;
    }
    for (int i = 0; i < sk_GENERAL_NAME_num(point->name.fullname); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(point->name.fullname, i);
        if (name->type == GEN_URI) {
            places.urls.push_back(x509::native_text(name->d.uniformResourceIdentifier));
            places.comparable.push_back("url " + places.urls.back());
        } else if (name->type == GEN_DIRNAME) {
            places.comparable.push_back(place_of(name->d.directoryName));
        } else {
            return {};
        }
    }
    return places.comparable.empty() ? std::nullopt : std::optional(places);
}

// Bit 0 (`unused`) does not count, nor do bits beyond the known ones.
uint16_t reasons_of(const ASN1_BIT_STRING* flags) {
    uint16_t reasons = 0;
    for (int bit = 1; bit <= 8; ++bit) {
        if (ASN1_BIT_STRING_get_bit(flags, bit) == 1) {
            reasons = static_cast<uint16_t>(reasons | 1U << static_cast<unsigned>(bit));
        }
    }
    return reasons;
}

bool names_only(const GENERAL_NAMES* names, const X509_NAME* issuer) {
    const std::string only = x509::canonical_name(issuer);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DIRNAME || x509::canonical_name(name->d.directoryName) != only) {
            return false;
        }
    }
    return true;
}

bool add_point(const DIST_POINT* from, X509_NAME* issuer, DistributionPoints& all) {
    DistributionPoint point;
    if (from->distpoint == nullptr && from->CRLissuer == nullptr) {
        return false;  // RFC 5280 4.2.1.13: it must not consist of only the reasons
    }
    if (from->CRLissuer != nullptr) {
        point.of_another_issuer = !names_only(from->CRLissuer, issuer);
    }
    if (from->reasons != nullptr) {
        point.reasons = reasons_of(from->reasons);
    }
    if (from->distpoint == nullptr) {
        point.places.push_back(place_of(issuer));
    } else {
        auto places = places_of(from->distpoint, issuer);
        if (!places) {
            return false;
        }
        point.places = std::move(places->comparable);
        point.urls = std::move(places->urls);
    }
    all.points.push_back(std::move(point));
    return true;
}

// Of a list's or certificate's deltas; honest ones have one address, or the same behind two.
std::vector<std::string> urls_of(const CRL_DIST_POINTS* points) {
    constexpr size_t kMostUrls = 4;
    std::vector<std::string> urls;
    for (int i = 0; i < sk_DIST_POINT_num(points); ++i) {
        const DIST_POINT* point = sk_DIST_POINT_value(points, i);
        if (point->distpoint == nullptr || point->distpoint->type != 0) {
            continue;
        }
        const auto places = places_of(point->distpoint, nullptr);
        if (places) {
            urls.insert(urls.end(), places->urls.begin(), places->urls.end());
        }
    }
    urls.resize(std::min(urls.size(), kMostUrls));
    return urls;
}

// Decoded for each question: what is longer than any honest one is malformed, unread.
bool is_too_long(const x509::Certificate& certificate, int nid) {
    constexpr int kMostBytes = 32 << 10;
    const int at = X509_get_ext_by_NID(certificate.native(), nid, -1);
    return at >= 0 &&
           ASN1_STRING_length(X509_EXTENSION_get_data(X509_get_ext(certificate.native(), at))) >
               kMostBytes;
}

}  // namespace

std::expected<Scope, Text> read_scope(std::string_view extension, std::string_view issuer) {
    const Issuing point = parsed<Issuing, d2i_ISSUING_DIST_POINT>(extension);
    const NameOwner name = parsed<NameOwner, d2i_X509_NAME>(issuer);
    if (!point || !name) {
        return std::unexpected(say("its scope is malformed"));
    }
    if (point->indirectCRL > 0) {
        return std::unexpected(say(
            "it is an indirect list: one authority speaks for others, which is not taken here"));
    }
    if (point->onlyattr > 0) {
        return std::unexpected(say("it is for attribute certificates only"));
    }
    Scope scope{.only_user = point->onlyuser > 0, .only_ca = point->onlyCA > 0};
    if (scope.only_user && scope.only_ca) {
        return std::unexpected(say("its scope contradicts itself"));
    }
    if (point->onlysomereasons != nullptr) {
        scope.reasons = reasons_of(point->onlysomereasons);
    }
    if (point->distpoint != nullptr) {
        const auto places = places_of(point->distpoint, name.get());
        if (!places) {
            return std::unexpected(say("its scope names no address"));
        }
        scope.has_places = true;
        scope.places = places->comparable;
    }
    return scope;
}

DistributionPoints distribution_points(const x509::Certificate& certificate) {
    DistributionPoints all;
    if (is_too_long(certificate, NID_crl_distribution_points)) {
        all.is_malformed = true;
        return all;
    }
    int critical = 0;
    const Points points(static_cast<CRL_DIST_POINTS*>(
        X509_get_ext_d2i(certificate.native(), NID_crl_distribution_points, &critical, nullptr)));
    ERR_clear_error();
    X509_NAME* issuer = X509_get_issuer_name(certificate.native());
    if (!points) {
        all.is_malformed = critical != -1;
        if (!all.is_malformed) {
            all.points.push_back({.places = {place_of(issuer)}});
        }
        return all;
    }
    for (int i = 0; i < sk_DIST_POINT_num(points.get()); ++i) {
        all.is_malformed =
            !add_point(sk_DIST_POINT_value(points.get(), i), issuer, all) || all.is_malformed;
    }
    return all;
}

std::vector<std::string> freshest_urls(const x509::Certificate& certificate) {
    if (is_too_long(certificate, NID_freshest_crl)) {
        return {};
    }
    const Points points(static_cast<CRL_DIST_POINTS*>(
        X509_get_ext_d2i(certificate.native(), NID_freshest_crl, nullptr, nullptr)));
    ERR_clear_error();
    return points ? urls_of(points.get()) : std::vector<std::string>();
}

std::vector<std::string> freshest_urls(std::string_view extension) {
    const Points points = parsed<Points, d2i_CRL_DIST_POINTS>(extension);
    return points ? urls_of(points.get()) : std::vector<std::string>();
}

bool covers(const Scope& scope, const DistributionPoint& point,
            const x509::Certificate& certificate) {
    if ((scope.only_user && certificate->is_ca) || (scope.only_ca && !certificate->is_ca)) {
        return false;
    }
    return !scope.has_places ||
           std::ranges::find_first_of(scope.places, point.places) != scope.places.end();
}

std::string comparable_name(std::string_view der) {
    const NameOwner name = parsed<NameOwner, d2i_X509_NAME>(der);
    return name ? x509::canonical_name(name.get()) : std::string();
}

std::string readable_name(std::string_view der) {
    const NameOwner name = parsed<NameOwner, d2i_X509_NAME>(der);
    const x509::BioOwner bio(BIO_new(BIO_s_mem()));
    if (!name || !bio) {
        return {};
    }
    X509_NAME_print_ex(
        bio.get(), name.get(), 0,
        XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_DN_REV | XN_FLAG_FN_SN | ASN1_STRFLGS_UTF8_CONVERT);
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &bytes);
    return {bytes, static_cast<size_t>(std::max(length, 0L))};
}

}  // namespace valija::revocation
