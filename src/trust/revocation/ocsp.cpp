#include "trust/revocation/ocsp.hpp"

#include <openssl/ocsp.h>

#include <optional>

#include "trust/revocation/internal/signature.hpp"
#include "trust/x509/direct_issue.hpp"
#include "trust/x509/native.hpp"

namespace valija::revocation {
namespace {

using x509::Certificate;
using x509::Owned;
using Refused = std::unexpected<Text>;

using ResponseOwner = Owned<OCSP_RESPONSE, OCSP_RESPONSE_free>;
using BasicOwner = Owned<OCSP_BASICRESP, OCSP_BASICRESP_free>;
using CertIdOwner = Owned<OCSP_CERTID, OCSP_CERTID_free>;
using RequestOwner = Owned<OCSP_REQUEST, OCSP_REQUEST_free>;

constexpr size_t kLargestAnswer = 64UL << 10U;
constexpr int kMostSingle = 100;
constexpr int kMostCertificates = 10;
constexpr Duration kWithoutNextUpdate = std::chrono::hours(24);

struct StackFreer {
    void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};

std::expected<BasicOwner, Text> basic_answer(std::string_view der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const auto* end = at + der.size();
    if (der.size() > kLargestAnswer) {
        return Refused(say("the OCSP answer is larger than 64 KiB"));
    }
    const ResponseOwner response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
    if (!response || at != end) {
        ERR_clear_error();
        return Refused(say("the OCSP answer is malformed"));
    }
    const int status = OCSP_response_status(response.get());
    if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        return Refused(say("the OCSP responder says {}", OCSP_response_status_str(status)));
    }
    BasicOwner basic(OCSP_response_get1_basic(response.get()));
    ERR_clear_error();
    if (!basic) {
        return Refused(say("the OCSP answer is malformed"));
    }
    return basic;
}

template <auto Count, auto Get, class Object>
bool has_critical(Object* object) {
    for (int i = 0; i < Count(object); ++i) {
        if (X509_EXTENSION_get_critical(Get(object, i)) == 1) {
            return true;
        }
    }
    return false;
}

// RFC 6960 4.2.2.2: issued directly by the authority, for just this purpose. Gives its end.
std::optional<Time> end_of_delegate(X509* sent, const Certificate& issuer, Time at) {
    const auto certificate = Certificate::from_native(sent);
    if (!certificate || !x509::is_issued_directly(*certificate, issuer, at)) {
        return std::nullopt;
    }
    const uint32_t flags = X509_get_extension_flags(sent);
    const bool may_sign = !(*certificate)->has_key_usage || (*certificate)->digital_signature;
    const bool is_for_ocsp =
        (flags & EXFLAG_XKUSAGE) != 0 && (X509_get_extended_key_usage(sent) & XKU_OCSP_SIGN) != 0;
    const bool is_good = (flags & (EXFLAG_INVALID | EXFLAG_CRITICAL)) == 0 && may_sign &&
                         is_for_ocsp &&
                         X509_get_ext_by_NID(sent, NID_id_pkix_OCSP_noCheck, -1) >= 0;
    return is_good ? std::optional((*certificate)->not_after) : std::nullopt;
}

// Whether the answer's signature is by this certificate's key.
bool is_signed_by(OCSP_BASICRESP* basic, X509* signer) {
    const std::unique_ptr<STACK_OF(X509), StackFreer> only(sk_X509_new_null());
    if (!only || sk_X509_push(only.get(), signer) == 0) {
        return false;
    }
    // Only the signature: who the signer is was looked at by us.
    const bool good =
        OCSP_basic_verify(basic, only.get(), nullptr, OCSP_NOINTERN | OCSP_TRUSTOTHER) == 1;
    ERR_clear_error();
    return good;
}

// Gives the end of the delegate's certificate; of the issuer's own the path judges.
std::expected<Time, Text> check_signer(OCSP_BASICRESP* basic, const Certificate& issuer, Time at) {
    if (auto weakness = internal::weakness_of(OCSP_resp_get0_tbs_sigalg(basic))) {
        return Refused(say("OCSP answer: {}", *weakness));
    }
    if (is_signed_by(basic, issuer.native()) &&
        !internal::weakness_of(X509_get0_pubkey(issuer.native()))) {
        return Time::max();
    }
    const STACK_OF(X509)* sent = OCSP_resp_get0_certs(basic);
    for (int i = 0; i < sk_X509_num(sent) && i < kMostCertificates; ++i) {
        X509* candidate = sk_X509_value(sent, i);
        const auto end = end_of_delegate(candidate, issuer, at);
        if (end && is_signed_by(basic, candidate)) {
            return *end;
        }
    }
    return Refused(say("the OCSP answer was not signed by the issuer, nor by a delegate of it"));
}

// Whether a single answer is about the certificate: by whatever digest the responder chose.
bool is_about(const OCSP_SINGLERESP* single, const Certificate& certificate,
              const Certificate& issuer) {
    const OCSP_CERTID* id = OCSP_SINGLERESP_get0_id(single);
    ASN1_OBJECT* method = nullptr;
    OCSP_id_get0_info(nullptr, &method, nullptr, nullptr, const_cast<OCSP_CERTID*>(id));
    const EVP_MD* digest = EVP_get_digestbyobj(method);
    if (digest == nullptr) {
        return false;
    }
    const CertIdOwner ours(OCSP_cert_to_id(digest, certificate.native(), issuer.native()));
    ERR_clear_error();
    return ours && OCSP_id_cmp(ours.get(), const_cast<OCSP_CERTID*>(id)) == 0;
}

std::expected<OcspAnswer, Text> read_single(OCSP_SINGLERESP* single) {
    int reason = -1;
    ASN1_GENERALIZEDTIME* revoked = nullptr;
    ASN1_GENERALIZEDTIME* from = nullptr;
    ASN1_GENERALIZEDTIME* until = nullptr;
    const int status = OCSP_single_get0_status(single, &reason, &revoked, &from, &until);
    const auto this_update = x509::native_time(from);
    if (!this_update ||
        has_critical<OCSP_SINGLERESP_get_ext_count, OCSP_SINGLERESP_get_ext>(single)) {
        return Refused(say("the OCSP answer is malformed"));
    }
    OcspAnswer answer{.this_update = *this_update,
                      .next_update = *this_update + kWithoutNextUpdate};
    if (until != nullptr) {
        const auto next_update = x509::native_time(until);
        if (!next_update) {
            return Refused(say("the OCSP answer is malformed"));
        }
        answer.next_update = *next_update;
    }
    if (status == V_OCSP_CERTSTATUS_GOOD) {
        answer.state = State::Good;
    } else if (status == V_OCSP_CERTSTATUS_REVOKED) {
        answer.state = State::Revoked;
        answer.revoked = {.revoked_at = x509::native_time(revoked).value_or(*this_update),
                          .reason = reason};
    }
    return answer;
}

}  // namespace

std::expected<OcspAnswer, Text> read_ocsp(std::string_view der, const Certificate& certificate,
                                          const Certificate& issuer, Time at) {
    auto basic = basic_answer(der);
    if (!basic) {
        return Refused(basic.error());
    }
    OCSP_BASICRESP* answer = basic->get();
    if (has_critical<OCSP_BASICRESP_get_ext_count, OCSP_BASICRESP_get_ext>(answer)) {
        return Refused(say("the OCSP answer has an unknown critical extension"));
    }
    const auto signer_ends = check_signer(answer, issuer, at);
    if (!signer_ends) {
        return Refused(signer_ends.error());
    }
    // Several about one certificate: revoked in any of them is final, the newest says the rest.
    std::expected<OcspAnswer, Text> found =
        Refused(say("the OCSP answer is about another certificate"));
    for (int i = 0; i < OCSP_resp_count(answer) && i < kMostSingle; ++i) {
        OCSP_SINGLERESP* single = OCSP_resp_get0(answer, i);
        if (!is_about(single, certificate, issuer)) {
            continue;
        }
        auto read = read_single(single);
        if (!read || read->state == State::Revoked) {
            return read;
        }
        if (!found || found->this_update < read->this_update) {
            found = std::move(read);
        }
    }
    if (found) {
        found->signer_ends = *signer_ends;
        found->der = der;
    }
    return found;
}

std::string ocsp_request(const Certificate& certificate, const Certificate& issuer) {
    const RequestOwner request(OCSP_REQUEST_new());
    CertIdOwner id(OCSP_cert_to_id(EVP_sha1(), certificate.native(), issuer.native()));
    if (!request || !id || OCSP_request_add0_id(request.get(), id.get()) == nullptr) {
        ERR_clear_error();
        return {};
    }
    static_cast<void>(id.release());  // the request's now
    unsigned char* bytes = nullptr;
    const int length = i2d_OCSP_REQUEST(request.get(), &bytes);
    std::string der(reinterpret_cast<const char*>(bytes),
                    static_cast<size_t>(length < 0 ? 0 : length));
    OPENSSL_free(bytes);
    return der;
}

}  // namespace valija::revocation
