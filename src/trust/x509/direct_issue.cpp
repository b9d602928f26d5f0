#include "trust/x509/direct_issue.hpp"

#include "trust/x509/internal/profile.hpp"
#include "trust/x509/native.hpp"

namespace valija::x509 {

bool is_issued_directly(const Certificate& certificate, const Certificate& authority, Time at) {
    const internal::Key& key = authority.facts().key;
    const bool is_named = certificate.canonical_issuer() == authority.canonical_subject();
    if (!is_named || !key.readable || key.expensive) {
        return false;
    }
    const internal::Place leaf{.depth = 0, .is_anchor = false};
    if (!internal::find_problems(certificate, leaf, PathQuestion{.at = at}).empty()) {
        return false;
    }
    const bool is_signed =
        X509_verify(certificate.native(), X509_get0_pubkey(authority.native())) == 1;
    ERR_clear_error();
    return is_signed;
}

}  // namespace valija::x509
