// OCSP answers with any content, right or wrong, straight from OpenSSL. Used by the tests of
// trust/.
#pragma once

#include <openssl/ocsp.h>

#include "support/certificates.hpp"

namespace valija::test {

struct OcspSpec {
    int status = V_OCSP_CERTSTATUS_GOOD;
    int reason = OCSP_REVOKED_STATUS_KEYCOMPROMISE;
    Time this_update = kNow - 1h;
    std::optional<Time> next_update = kNow + kDay;
    const EVP_MD* id_digest = EVP_sha1();
    const EVP_MD* digest = EVP_sha256();
    int response_status = OCSP_RESPONSE_STATUS_SUCCESSFUL;
    std::vector<NamedExtension> extensions = {};
    bool send_signer = true;
};

// DER: about `certificate` of `issuer`, signed by `signer`.
inline std::string make_ocsp(const OcspSpec& spec, const x509::Certificate& certificate,
                             const Made& issuer, const Made& signer) {
    using Basic = x509::Owned<OCSP_BASICRESP, OCSP_BASICRESP_free>;
    using Response = x509::Owned<OCSP_RESPONSE, OCSP_RESPONSE_free>;
    using Id = x509::Owned<OCSP_CERTID, OCSP_CERTID_free>;
    using When = x509::Owned<ASN1_TIME, ASN1_TIME_free>;
    const auto time = [](Time at) {
        return When(ASN1_GENERALIZEDTIME_set(nullptr, seconds_of(at)));
    };
    const Basic basic(OCSP_BASICRESP_new());
    const Id id(OCSP_cert_to_id(spec.id_digest, certificate.native(), issuer.certificate.native()));
    const When revoked = time(kNow - kDay);
    const When until = spec.next_update ? time(*spec.next_update) : nullptr;
    const bool is_revoked = spec.status == V_OCSP_CERTSTATUS_REVOKED;
    EXPECT_NE(OCSP_basic_add1_status(basic.get(), id.get(), spec.status, spec.reason,
                                     is_revoked ? revoked.get() : nullptr,
                                     time(spec.this_update).get(), until.get()),
              nullptr);
    for (const NamedExtension& extension : spec.extensions) {
        OCSP_BASICRESP_add_ext(basic.get(), extension_of(extension, nullptr).get(), -1);
    }
    EXPECT_EQ(OCSP_basic_sign(basic.get(), signer.certificate.native(), signer.key.get(),
                              spec.digest, nullptr, spec.send_signer ? 0 : OCSP_NOCERTS),
              1)
        << x509::native_error();
    const Response response(OCSP_response_create(spec.response_status, basic.get()));
    unsigned char* bytes = nullptr;
    const int length = i2d_OCSP_RESPONSE(response.get(), &bytes);
    std::string der(reinterpret_cast<const char*>(bytes), static_cast<size_t>(std::max(length, 0)));
    OPENSSL_free(bytes);
    return der;
}

}  // namespace valija::test
