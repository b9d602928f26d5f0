// A certificate authority: root, intermediate authorities, leaves, revocation, CRLs, OCSP. Used by
// the lab and the tests now, by federations later. SHA-256; keys ECDSA P-256 unless asked
// otherwise.
//
// Not here: policy of who may get a certificate, files. Failure: Fault. Thread: one at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "platform/base/result.hpp"
#include "platform/base/time.hpp"
#include "trust/x509/certificate.hpp"

namespace valija::authority {

enum class KeyType { EcdsaP256, Rsa2048, Rsa1024 };  // 1024 only to show that it is refused

struct LeafRequest {
    std::string common_name;
    std::vector<std::string> dns_names;
    Time not_before;
    Time not_after;
    std::vector<std::string> crl_urls;
    std::vector<std::string> ocsp_urls = {};
    bool server_auth = true;
    bool client_auth = true;
    bool with_eku = true;  // false: no extendedKeyUsage at all
    KeyType key = KeyType::EcdsaP256;
};

struct Issued {
    x509::Certificate certificate;
    std::string key_pem;  // PKCS#8; for the caller's key file only
};

class Authority {
  public:
    // A new self-signed root, in memory.
    static Result<Authority> create(const std::string& common_name, Time not_before,
                                    Time not_after);

    // An authority below this one, with a certificate of its own.
    Result<Authority> issue_authority(const std::string& common_name, Time not_before,
                                      Time not_after, const std::vector<std::string>& crl_urls);

    // A certificate of this authority for the name and key of another one (EX-24).
    Result<x509::Certificate> cross_certify(const Authority& other, Time not_before, Time not_after,
                                            const std::vector<std::string>& crl_urls) const;

    Result<Issued> issue(const LeafRequest& request);

    // A signed CRL (DER) of all revoked so far. Its number grows with each call. `delta_urls`:
    // where its deltas are to be found (RFC 5280 5.2.6).
    Result<std::string> crl(Time this_update, Time next_update,
                            const std::vector<std::string>& delta_urls = {});

    // A delta to the last one of these: what was revoked since (RFC 5280 5.2.4). Fault Input where
    // there is none yet.
    Result<std::string> delta_crl(Time this_update, Time next_update);

    // What its OCSP responder says (RFC 6960, DER) of a certificate that it issued.
    Result<std::string> ocsp_answer(const x509::Certificate& certificate, Time this_update,
                                    Time next_update) const;

    void revoke(const x509::Certificate& certificate, Time at);

    // This authority's own certificate: self-signed for a root.
    const x509::Certificate& root() const;
    Result<std::string> key_pem() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace valija::authority
