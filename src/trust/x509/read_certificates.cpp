// Files of certificates in any of their forms.
#include <openssl/pem.h>
#include <openssl/pkcs7.h>

#include <algorithm>

#include "trust/x509/certificate.hpp"
#include "trust/x509/native.hpp"

namespace valija::x509 {
namespace {

constexpr size_t kMostCertificates = 10000;
constexpr std::string_view kBegin = "-----BEGIN ";

using Pkcs7Owner = Owned<PKCS7, PKCS7_free>;

void add(CertificatesRead& to, Result<Certificate> certificate) {
    if (certificate && to.certificates.size() < kMostCertificates) {
        to.certificates.push_back(std::move(*certificate));
    } else {
        ++to.unreadable;
    }
}

// False where it is no PKCS#7 that carries certificates.
bool add_pkcs7(CertificatesRead& to, std::string_view der) {
    auto read = read_pkcs7(der);
    if (!read) {
        return false;
    }
    for (Certificate& certificate : read->certificates) {
        add(to, std::move(certificate));
    }
    to.unreadable += read->unreadable;
    return true;
}

bool is_certificate(std::string_view label) {
    return label == PEM_STRING_X509 || label == PEM_STRING_X509_OLD ||
           label == PEM_STRING_X509_TRUSTED;
}

bool is_pkcs7(std::string_view label) {
    return label == PEM_STRING_PKCS7 || label == PEM_STRING_PKCS7_SIGNED || label == "CMS";
}

std::string_view label_of(std::string_view block) {
    const std::string_view rest = block.substr(kBegin.size());
    const size_t end = rest.find("-----");
    return end == std::string_view::npos ? std::string_view() : rest.substr(0, end);
}

// One block, from its BEGIN line on; none where it is damaged or encrypted.
std::optional<std::string> decode(std::string_view block) {
    const BioOwner bio(BIO_new_mem_buf(block.data(), static_cast<int>(block.size())));
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* bytes = nullptr;
    long length = 0;
    const bool read = PEM_read_bio(bio.get(), &name, &header, &bytes, &length) == 1;
    std::optional<std::string> der;
    if (read && *header == '\0') {
        der.emplace(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(bytes);
    ERR_clear_error();
    return der;
}

// OpenSSL's own form: settings of trust stand behind the certificate, which do not count here.
Result<Certificate> from_trusted(std::string_view der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const unsigned char* end = at + der.size();
    const X509Owner native(d2i_X509_AUX(nullptr, &at, static_cast<long>(der.size())));
    ERR_clear_error();
    if (!native || at != end) {
        return fault(FaultKind::Input, "reading a certificate", "its settings are damaged");
    }
    unsigned char* bytes = nullptr;
    const int length = i2d_X509(native.get(), &bytes);
    const std::string bare(reinterpret_cast<const char*>(bytes),
                           static_cast<size_t>(std::max(length, 0)));
    OPENSSL_free(bytes);
    return Certificate::from_der(bare);
}

void add_block(CertificatesRead& to, std::string_view block) {
    const std::string_view label = label_of(block);
    if (!is_certificate(label) && !is_pkcs7(label)) {
        return;  // keys and other things may stand beside certificates
    }
    const std::optional<std::string> der = decode(block);
    if (der && is_certificate(label)) {
        add(to,
            label == PEM_STRING_X509_TRUSTED ? from_trusted(*der) : Certificate::from_der(*der));
    } else if (!der || !add_pkcs7(to, *der)) {
        ++to.unreadable;
    }
}

// A block begins at the beginning of a line (RFC 7468 3): behind a "#" it is none.
size_t next_block(std::string_view bytes, size_t from) {
    size_t at = bytes.find(kBegin, from);
    while (at != std::string_view::npos && at > 0 && bytes[at - 1] != '\n' &&
           bytes[at - 1] != '\r') {
        at = bytes.find(kBegin, at + kBegin.size());
    }
    return at;
}

}  // namespace

std::optional<CertificatesRead> read_pkcs7(std::string_view der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const unsigned char* end = at + der.size();
    const Pkcs7Owner native(d2i_PKCS7(nullptr, &at, static_cast<long>(der.size())));
    ERR_clear_error();
    if (!native || at != end || !PKCS7_type_is_signed(native.get()) || native->d.sign == nullptr) {
        return std::nullopt;
    }
    CertificatesRead read;
    STACK_OF(X509)* all = native->d.sign->cert;
    for (int i = 0; i < sk_X509_num(all); ++i) {
        add(read, Certificate::from_native(sk_X509_value(all, i)));
    }
    return read;
}

Result<CertificatesRead> read_certificates(std::string_view bytes) {
    CertificatesRead read;
    if (Result<Certificate> one = Certificate::from_der(bytes)) {
        add(read, std::move(one));
        return read;
    }
    const bool is_pkcs7 = add_pkcs7(read, bytes);
    for (size_t at = is_pkcs7 ? std::string_view::npos : next_block(bytes, 0);
         at != std::string_view::npos;) {
        const size_t next = next_block(bytes, at + kBegin.size());
        add_block(read, bytes.substr(at, next == std::string_view::npos ? next : next - at));
        at = next;
    }
    if (read.certificates.empty() && read.unreadable == 0) {
        return fault(FaultKind::Input, "reading certificates", "no certificate in it");
    }
    return read;
}

}  // namespace valija::x509
