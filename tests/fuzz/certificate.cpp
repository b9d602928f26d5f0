// Certificates in DER, PEM and PKCS#7: what is parsed can be written and read again as the same.
#include "trust/x509/certificate.hpp"

#include "fuzz/check.hpp"

namespace {

void check(const valija::x509::Certificate& certificate) {
    using valija::x509::Certificate;
    CHECK_THAT(certificate->thumbprint.size() == 40 && certificate->sha256.size() == 64);
    CHECK_THAT(!certificate->serial.starts_with("00") || certificate->serial.size() <= 2);
    const auto from_der = Certificate::from_der(certificate.der());
    CHECK_THAT(from_der.has_value() && *from_der == certificate);
    const auto from_pem = Certificate::from_pem(certificate.pem());
    CHECK_THAT(from_pem.has_value() && from_pem->size() == 1 && from_pem->front() == certificate);
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using valija::x509::Certificate;
    const std::string_view bytes = valija::fuzz::text_of(data, size);
    if (const auto one = Certificate::from_der(bytes)) check(*one);
    if (const auto all = Certificate::from_pem(bytes)) {
        CHECK_THAT(!all->empty());
        for (const Certificate& one : *all) check(one);
    }
    if (const auto read = valija::x509::read_certificates(bytes)) {
        CHECK_THAT(!read->certificates.empty() || read->unreadable > 0);
        for (const Certificate& one : read->certificates) check(one);
    }
    return 0;
}
