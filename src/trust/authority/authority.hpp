// A certificate authority in a directory: root, leaves, revocation, CRL. Used by the lab and the
// tests now, by federations later. ECDSA P-256, SHA-256.
//
// Not here: policy of who may get a certificate. Failure: Fault; nothing half-written is kept.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "platform/base/result.hpp"
#include "platform/base/time.hpp"
#include "trust/x509/certificate.hpp"

namespace valija::authority {

struct LeafRequest {
    std::string common_name;
    std::vector<std::string> dns_names;
    Time not_before;
    Time not_after;
    std::vector<std::string> crl_urls;
    bool server_auth = true;
    bool client_auth = true;
};

struct Issued {
    x509::Certificate certificate;
    std::string key_pem;  // PKCS#8; for the caller's key file only
};

class Authority {
 public:
    // A new self-signed root, in memory.
    static Result<Authority> create(const std::string& common_name, Time not_before, Time not_after);

    Result<Issued> issue(const LeafRequest& request);

    // A signed CRL (DER) of all revoked so far.
    Result<std::string> crl(Time this_update, Time next_update);
    void revoke(const x509::Certificate& certificate, Time at);

    const x509::Certificate& root() const;
    Result<std::string> key_pem() const;

 private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace valija::authority
