#include <fmt/format.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <set>

#include "platform/base/text.hpp"
#include "trust/keystore/internal/making.hpp"
#include "trust/x509/writing.hpp"

namespace valija::keystore {
namespace {

using x509::Owned;
using RequestOwner = Owned<X509_REQ, X509_REQ_free>;

constexpr size_t kMostNames = 500;

struct Attribute {
    std::string_view abbreviation;
    int nid;
};

constexpr std::array kAttributes = {
    Attribute{"C", NID_countryName},         Attribute{"DC", NID_domainComponent},
    Attribute{"S", NID_stateOrProvinceName}, Attribute{"L", NID_localityName},
    Attribute{"O", NID_organizationName},    Attribute{"OU", NID_organizationalUnitName},
    Attribute{"CN", NID_commonName},
};

struct FreeExtensions {
    void operator()(STACK_OF(X509_EXTENSION) * all) const {
        sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
    }
};

using Extensions = std::unique_ptr<STACK_OF(X509_EXTENSION), FreeExtensions>;

bool fill_subject(X509_NAME* name, const std::vector<SubjectComponent>& components) {
    return std::ranges::all_of(components, [name](const SubjectComponent& component) {
        const auto attribute = std::ranges::find(
            kAttributes, std::string_view(component.abbreviation), &Attribute::abbreviation);
        return attribute != kAttributes.end() &&
               x509::add_name_entry(name, attribute->nid, component.value);
    });
}

bool push(const Extensions& all, x509::ExtensionOwner one) {
    if (!all || !one || sk_X509_EXTENSION_push(all.get(), one.get()) == 0) return false;
    static_cast<void>(one.release());  // the stack owns it now
    return true;
}

// What both a request and a self-signed certificate carry.
Extensions common_extensions(const NewCertificate& wanted, const KeyHandle& key) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, nullptr, nullptr, nullptr, nullptr, 0);
    const bool is_rsa = EVP_PKEY_is_a(key.public_half(), "RSA") == 1;
    const char* usage =
        is_rsa ? "critical,digitalSignature,keyEncipherment" : "critical,digitalSignature";
    Extensions all(sk_X509_EXTENSION_new_null());
    const bool is_made =
        push(all, x509::constant_extension(NID_key_usage, usage, context)) &&
        push(all, x509::constant_extension(NID_ext_key_usage, "serverAuth,clientAuth", context)) &&
        (wanted.dns_names.empty() ||
         push(all, x509::dns_names_extension(wanted.dns_names, wanted.subject.empty())));
    return is_made ? std::move(all) : nullptr;
}

const EVP_MD* digest_for(const KeyHandle& key) {
    return EVP_PKEY_get_bits(key.public_half()) == 384 ? EVP_sha384() : EVP_sha256();
}

std::vector<std::string> dns_names_of(const STACK_OF(X509_EXTENSION) * extensions) {
    std::vector<std::string> names;
    const Owned<GENERAL_NAMES, GENERAL_NAMES_free> all(static_cast<GENERAL_NAMES*>(
        X509V3_get_d2i(extensions, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
        if (name->type == GEN_DNS) names.push_back(x509::native_text(name->d.dNSName));
    }
    return names;
}

// UTF-8; "": it has no text.
std::string text_of(const ASN1_STRING* value) {
    unsigned char* bytes = nullptr;
    const int length = ASN1_STRING_to_UTF8(&bytes, value);
    if (length < 0) return {};
    std::string text(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
    OPENSSL_free(bytes);
    return text;
}

Result<Request> request_of(X509_REQ* native) {
    unsigned char* bytes = nullptr;
    const int length = i2d_X509_REQ(native, &bytes);
    if (length <= 0) return x509::native_fault(FaultKind::Input, "encoding a request");
    Request request{
        .subject = x509::name_text(X509_REQ_get_subject_name(native)),
        .dns_names = {},
        .der = std::string(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length))};
    OPENSSL_free(bytes);
    const Extensions extensions(X509_REQ_get_extensions(native));
    request.dns_names = dns_names_of(extensions.get());
    ERR_clear_error();
    return request;
}

}  // namespace

std::string Request::pem() const {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const RequestOwner native(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
    const x509::BioOwner bio(BIO_new(BIO_s_mem()));
    VALIJA_ENSURE(native && PEM_write_bio_X509_REQ(bio.get(), native.get()) == 1,
                  "a request that was parsed can be written");
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &bytes);
    return {bytes, static_cast<size_t>(length)};
}

NewCertificate clone_of(const x509::Certificate& certificate, std::vector<std::string>& left_out) {
    NewCertificate wanted;
    const X509_NAME* subject = X509_get_subject_name(certificate.native());
    for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
        const X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
        const int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
        const auto attribute = std::ranges::find(kAttributes, nid, &Attribute::nid);
        if (attribute == kAttributes.end()) {
            left_out.push_back(
                fmt::format("the component {} of the subject",
                            nid == NID_undef ? "of an unknown kind" : OBJ_nid2sn(nid)));
        } else {
            SubjectComponent component{.abbreviation = std::string(attribute->abbreviation),
                                       .value = text_of(X509_NAME_ENTRY_get_data(entry))};
            if (const std::string why = wrong_component(component); why.empty()) {
                wanted.subject.push_back(std::move(component));
            } else {
                left_out.push_back("a component of the subject: " + why);
            }
        }
    }
    ERR_clear_error();
    for (const std::string& name : certificate->dns_names) {
        if (const std::string why = wrong_dns_name(name); why.empty()) {
            wanted.dns_names.push_back(name);
        } else {
            left_out.push_back("a DNS name: " + why);
        }
    }
    return wanted;
}

namespace internal {

std::string wrong_names(const NewCertificate& wanted) {
    if (wanted.subject.empty() && wanted.dns_names.empty()) return "there is no name in it";
    if (wanted.dns_names.size() > kMostNames) {
        return fmt::format("{} DNS names; at most {} go into one certificate",
                           wanted.dns_names.size(), kMostNames);
    }
    for (const std::string& name : wanted.dns_names) {
        if (std::string why = wrong_dns_name(name); !why.empty()) return why;
    }
    return wrong_friendly_name(wanted.friendly_name);
}

Result<Request> make_request(const NewCertificate& wanted, const KeyHandle& key) {
    const RequestOwner made(X509_REQ_new());
    const Extensions extensions = common_extensions(wanted, key);
    if (!made || !extensions || X509_REQ_set_version(made.get(), 0) != 1 ||
        !fill_subject(X509_REQ_get_subject_name(made.get()), wanted.subject) ||
        X509_REQ_set_pubkey(made.get(), key.public_half()) != 1 ||
        X509_REQ_add_extensions(made.get(), extensions.get()) != 1 ||
        X509_REQ_sign(made.get(), key.native(), digest_for(key)) == 0) {
        return x509::native_fault(FaultKind::System, "making a certificate request");
    }
    return request_of(made.get());
}

Result<Request> parse_request(std::string_view pem) {
    const x509::BioOwner bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const RequestOwner read(
        PEM_read_bio_X509_REQ(bio.get(), nullptr, x509::no_passphrase, nullptr));
    if (!read) return x509::native_fault(FaultKind::Input, "reading a certificate request");
    return request_of(read.get());
}

Result<x509::Certificate> make_self_signed(const NewCertificate& wanted, const KeyHandle& key,
                                           Time from, Time to) {
    const x509::X509Owner made(X509_new());
    const Extensions extensions = common_extensions(wanted, key);
    X509* native = made.get();
    bool is_filled = native != nullptr && extensions && X509_set_version(native, 2) == 1 &&
                     x509::set_random_serial(native) && x509::set_validity(native, from, to) &&
                     fill_subject(X509_get_subject_name(native), wanted.subject) &&
                     X509_set_issuer_name(native, X509_get_subject_name(native)) == 1 &&
                     X509_set_pubkey(native, key.public_half()) == 1;
    X509V3_CTX context;
    X509V3_set_ctx(&context, native, native, nullptr, nullptr, 0);
    const std::array own = {std::pair(NID_basic_constraints, "critical,CA:FALSE"),
                            std::pair(NID_subject_key_identifier, "hash")};
    for (const auto& [nid, value] : own) {
        const auto extension = is_filled ? x509::constant_extension(nid, value, context) : nullptr;
        is_filled = extension && X509_add_ext(native, extension.get(), -1) == 1;
    }
    for (int i = 0; is_filled && i < sk_X509_EXTENSION_num(extensions.get()); ++i) {
        is_filled = X509_add_ext(native, sk_X509_EXTENSION_value(extensions.get(), i), -1) == 1;
    }
    if (!is_filled || X509_sign(native, key.native(), digest_for(key)) == 0) {
        return x509::native_fault(FaultKind::System, "making a self-signed certificate");
    }
    return x509::Certificate::from_native(native);
}

std::string file_name_for(const std::vector<std::string>& names,
                          const std::vector<std::string>& taken) {
    std::string base = "certificate";
    for (const std::string& name : names) {
        if (name.size() > 64 || !wrong_dns_name(name).empty()) continue;
        base = name.starts_with("*.") ? "wildcard" + lower(name.substr(1)) : lower(name);
        break;
    }
    std::string name = base;
    for (size_t number = 2; std::ranges::find(taken, name) != taken.end(); ++number) {
        name = fmt::format("{}-{}", base, number);
    }
    return name;
}

}  // namespace internal

}  // namespace valija::keystore
