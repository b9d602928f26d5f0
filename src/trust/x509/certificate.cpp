#include "trust/x509/certificate.hpp"

#include <openssl/ec.h>
#include <openssl/pem.h>

#include "platform/base/text.hpp"
#include "trust/x509/internal/facts.hpp"
#include "trust/x509/native.hpp"

namespace valija::x509 {

struct Certificate::Parsed {
    X509Owner native;
    CertificateFields fields;
    internal::Facts facts;
};

namespace {

constexpr int kMostCertificates = 10000;

std::string digest(const X509* certificate, const EVP_MD* algorithm) {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    X509_digest(certificate, algorithm, bytes, &length);
    return hex({reinterpret_cast<const char*>(bytes), length});
}

std::string spki_of(const X509* certificate) {
    unsigned char* bytes = nullptr;
    const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &bytes);
    std::string der(reinterpret_cast<const char*>(bytes),
                    length > 0 ? static_cast<size_t>(length) : 0);
    OPENSSL_free(bytes);
    return der;
}

// The content of the DER, behind tag and length.
std::string integer_octets(const ASN1_INTEGER* value) {
    unsigned char* bytes = nullptr;
    const int length = i2d_ASN1_INTEGER(value, &bytes);
    std::string der(reinterpret_cast<const char*>(bytes),
                    length > 0 ? static_cast<size_t>(length) : 0);
    OPENSSL_free(bytes);
    int tag = 0;
    int kind = 0;
    long content = 0;
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    ASN1_get_object(&at, &content, &tag, &kind, static_cast<long>(der.size()));
    ERR_clear_error();
    return der.substr(der.size() - static_cast<size_t>(content));
}

std::string sha256_of(std::string_view bytes) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest, &length, EVP_sha256(), nullptr);
    return {reinterpret_cast<const char*>(digest), length};
}

// For people: what is no text is shown as its bytes.
std::string utf8(const ASN1_STRING* text) {
    unsigned char* bytes = nullptr;
    const int length = ASN1_STRING_to_UTF8(&bytes, text);
    if (length < 0) {
        ERR_clear_error();
        return native_text(text);
    }
    std::string converted(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
    OPENSSL_free(bytes);
    return converted;
}

// "S" is the logs' word for the state (EX-88).
std::string attribute_name(const ASN1_OBJECT* object) {
    const int nid = OBJ_obj2nid(object);
    if (nid == NID_stateOrProvinceName) {
        return "S";
    }
    if (nid != NID_undef) {
        return OBJ_nid2sn(nid);
    }
    char dotted[128];
    OBJ_obj2txt(dotted, sizeof dotted, object, 1);
    return dotted;
}

}  // namespace

// Leaf first: the last component of the encoding is printed first.
std::string name_text(const X509_NAME* name) {
    std::string text;
    for (int i = X509_NAME_entry_count(name) - 1; i >= 0; --i) {
        const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
        text += text.empty() ? "" : ", ";
        text += attribute_name(X509_NAME_ENTRY_get_object(entry)) + "=" +
                utf8(X509_NAME_ENTRY_get_data(entry));
    }
    return text;
}

namespace {

std::vector<std::string> common_names(const X509_NAME* name) {
    std::vector<std::string> names;
    int at = -1;
    while ((at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0) {
        const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
        if (internal::is_text(value)) {
            names.push_back(utf8(value));  // a bit string names nobody
        }
    }
    return names;
}

void read_san(const X509* certificate, CertificateFields& fields) {
    int critical = -1;
    const Owned<GENERAL_NAMES, GENERAL_NAMES_free> all(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nullptr)));
    fields.has_san = critical != -1;
    fields.san_critical = critical == 1;
    for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
        if (name->type == GEN_DNS) {
            fields.dns_names.push_back(native_text(name->d.dNSName));
        } else if (name->type == GEN_EMAIL) {
            fields.emails.push_back(native_text(name->d.rfc822Name));
        } else if (name->type == GEN_IPADD) {
            fields.ip_addresses.push_back(native_text(name->d.iPAddress));
        }
    }
}

// Of a kind in a certificate; each may be fetched and kept.
constexpr size_t kMostUrls = 10;

void read_access(const X509* certificate, CertificateFields& fields) {
    const Owned<AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free> all(
        static_cast<AUTHORITY_INFO_ACCESS*>(
            X509_get_ext_d2i(certificate, NID_info_access, nullptr, nullptr)));
    for (int i = 0; all && i < sk_ACCESS_DESCRIPTION_num(all.get()); ++i) {
        const ACCESS_DESCRIPTION* access = sk_ACCESS_DESCRIPTION_value(all.get(), i);
        if (access->location->type != GEN_URI) {
            continue;
        }
        const std::string url = native_text(access->location->d.uniformResourceIdentifier);
        const int method = OBJ_obj2nid(access->method);
        auto* const urls = method == NID_ad_OCSP         ? &fields.ocsp_urls
                           : method == NID_ad_ca_issuers ? &fields.ca_issuer_urls
                                                         : nullptr;
        if (urls != nullptr && urls->size() < kMostUrls) {
            urls->push_back(url);
        }
    }
}

void add_urls(const DIST_POINT* point, std::vector<std::string>& urls) {
    if (point->distpoint == nullptr || point->distpoint->type != 0) {
        return;
    }
    const GENERAL_NAMES* names = point->distpoint->name.fullname;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_URI && urls.size() < kMostUrls) {
            urls.push_back(native_text(name->d.uniformResourceIdentifier));
        }
    }
}

std::vector<std::string> crl_urls(const X509* certificate) {
    std::vector<std::string> urls;
    const Owned<CRL_DIST_POINTS, CRL_DIST_POINTS_free> points(static_cast<CRL_DIST_POINTS*>(
        X509_get_ext_d2i(certificate, NID_crl_distribution_points, nullptr, nullptr)));
    for (int i = 0; points && i < sk_DIST_POINT_num(points.get()); ++i) {
        add_urls(sk_DIST_POINT_value(points.get(), i), urls);
    }
    return urls;
}

std::string key_text(const X509* certificate) {
    const EVP_PKEY* key = X509_get0_pubkey(certificate);
    if (key == nullptr) {
        ERR_clear_error();
        return "unreadable key";
    }
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
        char group[64] = "";
        size_t length = 0;
        EVP_PKEY_get_group_name(key, group, sizeof group, &length);
        const char* nist = EC_curve_nid2nist(OBJ_sn2nid(group));
        return std::string("ECDSA ") + (nist == nullptr ? group : nist);
    }
    const char* name = OBJ_nid2sn(EVP_PKEY_get_base_id(key));
    const std::string type = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? "RSA" : name;
    return type + " " + std::to_string(EVP_PKEY_get_bits(key));
}

// X509_get_extension_flags() parses all extensions once; what is broken sets EXFLAG_INVALID.
void read_usage(X509* certificate, CertificateFields& fields) {
    const uint32_t flags = X509_get_extension_flags(certificate);
    fields.is_ca = (flags & EXFLAG_CA) != 0;
    fields.has_eku = (flags & EXFLAG_XKUSAGE) != 0;
    fields.has_key_usage = (flags & EXFLAG_KUSAGE) != 0;
    if (fields.has_eku) {
        const uint32_t usage = X509_get_extended_key_usage(certificate);
        fields.eku_server = (usage & (XKU_SSL_SERVER | XKU_ANYEKU)) != 0;
        fields.eku_client = (usage & (XKU_SSL_CLIENT | XKU_ANYEKU)) != 0;
    }
    if (fields.has_key_usage) {
        fields.digital_signature = (X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE) != 0;
    }
}

// 0: it has a number that stands for none.
int version_of(const X509* certificate) {
    const long version = X509_get_version(certificate);
    return version >= 0 && version <= 2 ? static_cast<int>(version) + 1 : 0;
}

Result<CertificateFields> read_fields(X509* certificate) {
    CertificateFields fields;
    const auto not_before = native_time(X509_get0_notBefore(certificate));
    const auto not_after = native_time(X509_get0_notAfter(certificate));
    if (!not_before || !not_after) {
        return fault(FaultKind::Input, "reading a certificate", "its dates are malformed");
    }
    fields.not_before = *not_before;
    fields.not_after = *not_after;
    fields.subject = name_text(X509_get_subject_name(certificate));
    fields.issuer = name_text(X509_get_issuer_name(certificate));
    fields.serial = hex(native_integer(X509_get0_serialNumber(certificate)));
    fields.serial_octets = integer_octets(X509_get0_serialNumber(certificate));
    fields.thumbprint = digest(certificate, EVP_sha1());
    fields.sha256 = digest(certificate, EVP_sha256());
    fields.common_names = common_names(X509_get_subject_name(certificate));
    fields.version = version_of(certificate);
    fields.spki_sha256 = hex(sha256_of(spki_of(certificate)));
    read_san(certificate, fields);
    read_access(certificate, fields);
    fields.crl_urls = crl_urls(certificate);
    fields.key = key_text(certificate);
    read_usage(certificate, fields);
    ERR_clear_error();
    return fields;
}

}  // namespace

// OpenSSL reads BER as well: what it writes again is DER.
Result<Certificate> Certificate::from_der(std::string_view der) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
    const unsigned char* at = bytes;
    X509Owner native(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    if (!native) {
        return native_fault(FaultKind::Input, "reading a certificate");
    }
    if (at != bytes + der.size()) {
        return fault(FaultKind::Input, "reading a certificate", "bytes follow its end");
    }
    auto certificate = from_native(native.get());
    if (certificate && certificate->der() != der) {
        return fault(FaultKind::Input, "reading a certificate", "it is BER, not DER");
    }
    return certificate;
}

Result<Certificate> Certificate::from_native(X509* borrowed) {
    auto fields = read_fields(borrowed);
    if (!fields) {
        return std::unexpected(fields.error());
    }
    auto parsed = std::make_shared<Parsed>();
    X509_up_ref(borrowed);
    parsed->native.reset(borrowed);
    parsed->fields = std::move(*fields);
    parsed->facts = internal::read_facts(borrowed, parsed->fields);
    parsed->fields.self_issued = parsed->facts.self_issued;
    Certificate certificate;
    certificate.parsed_ = std::move(parsed);
    return certificate;
}

Result<std::vector<Certificate>> Certificate::from_pem(std::string_view pem) {
    const BioOwner bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    std::vector<Certificate> all;
    while (all.size() < kMostCertificates) {
        const X509Owner native(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
        if (!native) {
            break;
        }
        auto certificate = from_native(native.get());
        if (!certificate) {
            return std::unexpected(certificate.error());
        }
        all.push_back(std::move(*certificate));
    }
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (!at_end || all.empty()) {
        ERR_clear_error();
        return fault(FaultKind::Input, "reading certificates",
                     all.empty() ? "no PEM certificate in it" : "a PEM block is damaged");
    }
    ERR_clear_error();
    return all;
}

bool names_a_host(std::string_view common_name) {
    const std::string_view base =
        common_name.starts_with("*.") ? common_name.substr(2) : common_name;
    return base.contains('.') && is_host_name(base) &&
           base.find_first_not_of("0123456789.") != std::string_view::npos;
}

const CertificateFields* Certificate::operator->() const { return &parsed_->fields; }

const internal::Facts& Certificate::facts() const { return parsed_->facts; }

const std::string& Certificate::canonical_subject() const { return facts().subject; }

const std::string& Certificate::canonical_issuer() const { return facts().issuer; }

std::string Certificate::spki_der() const { return spki_of(native()); }

X509* Certificate::native() const { return parsed_->native.get(); }

std::string Certificate::der() const {
    unsigned char* bytes = nullptr;
    const int length = i2d_X509(native(), &bytes);
    VALIJA_ENSURE(length > 0, "a parsed certificate can be encoded");
    std::string der(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
    OPENSSL_free(bytes);
    return der;
}

std::string Certificate::pem() const {
    const BioOwner bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), native());
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &bytes);
    return {bytes, static_cast<size_t>(length)};
}

}  // namespace valija::x509
