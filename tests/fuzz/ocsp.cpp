// OCSP answers: only what the issuer signed is taken, and it says what the issuer said.
#include "trust/revocation/ocsp.hpp"
#include "fuzz/check.hpp"
#include "fuzz/issuer.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace valija;
    static const auto issuer = x509::Certificate::from_pem(fuzz::kIssuer).value().front();
    // The seeds are signed by another authority: nothing here may ever be believed.
    const auto answer = revocation::read_ocsp(fuzz::text_of(data, size), issuer, issuer, Time());
    CHECK_THAT(!answer && !answer.error().english().empty());
    return 0;
}
