// OCSP (RFC 6960): what a responder says about one certificate, stapled or fetched ahead.
//
// Promise: an answer is taken only if it was signed by the certificate's issuer, or by a delegate
// to whom the issuer itself gave id-kp-OCSPSigning and ocsp-nocheck on a sound certificate
// (trust/x509/direct_issue.hpp); only if it is about this
// certificate (hashes of the issuer's name and key, and the serial number); and only without
// unknown critical extensions. Pure, any thread; hostile bytes are bounded (64 KiB).
// Deviations: a delegate without ocsp-nocheck is refused (it would have to be looked up itself);
// no nonce is sent, as answers are fetched ahead; an answer without nextUpdate is current for 24
// hours. The caller must still look at the answer's dates.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "platform/base/time.hpp"
#include "trust/revocation/internal/serial_index.hpp"
#include "trust/revocation/status.hpp"
#include "trust/x509/certificate.hpp"

namespace valija::revocation {

struct OcspAnswer {
    State state = State::Unknown;
    Time this_update;
    Time next_update;
    Time signer_ends = Time::max();  // when the certificate of a delegate ends
    Entry revoked = {};
    std::string der = {};  // the whole answer, as it came
};

// `at`: when the delegate's certificate must be valid.
std::expected<OcspAnswer, Text> read_ocsp(std::string_view der,
                                          const x509::Certificate& certificate,
                                          const x509::Certificate& issuer, Time at);

// The body of the HTTP POST that asks (RFC 6960 A.1); SHA-1 in it only names, and is what every
// responder knows. Empty: the certificate cannot be asked for.
std::string ocsp_request(const x509::Certificate& certificate, const x509::Certificate& issuer);

}  // namespace valija::revocation
