// Certificates by which an authority lets another key speak for it: signers of its lists, OCSP
// delegates.
//
// Promise: "issued directly" means that the certificate names the authority as its issuer, was
// signed by the authority's key, and holds as a leaf of a path does under Rules::Rfc5280: in date,
// key and signature strong, no unknown critical, damaged or doubled extension. Pure, any thread.
// The caller must still check: what its key may be used for, revocation, and that the authority
// belongs to a path that holds. Not looked at: what authorities demand of those below them (name
// constraints, path length, policies, extended key usage); docs/rfc5280.md says why.
#pragma once

#include "platform/base/time.hpp"
#include "trust/x509/certificate.hpp"

namespace valija::x509 {

bool is_issued_directly(const Certificate& certificate, const Certificate& authority, Time at);

}  // namespace valija::x509
