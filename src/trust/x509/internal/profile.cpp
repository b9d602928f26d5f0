#include "trust/x509/internal/profile.hpp"

#include <algorithm>

#include "platform/base/text.hpp"
#include "trust/x509/native.hpp"

namespace valija::x509::internal {
namespace {

constexpr int kLeastBits = 112;  // RSA 2048, ECC 224, SHA-224

class Examination {
  public:
    Examination(const Certificate& certificate, Place place, std::vector<Finding>& findings)
        : fields_(*certificate.operator->()),
          facts_(certificate.facts()),
          place_(place),
          findings_(findings) {}

    void run(const PathQuestion& question) {
        dates(question.at);
        key();
        signature();
        encoding();
        names();
        key_usage();
        if (place_.depth > 0) {
            issuer(question.purpose);
        } else if (facts_.constraints && !facts_.basic.is_ca) {
            add(say("it is no CA and has name constraints"));
        }
    }

  private:
    void add(Text text, PathProblemKind kind = PathProblemKind::Constraint) {
        findings_.push_back({kind, std::move(text)});
    }

    // RFC 5280 4.1.2.5 counts whole seconds and includes both ends.
    void dates(Time at) {
        const auto second = std::chrono::floor<std::chrono::seconds>(at);
        if (second < fields_.not_before) {
            add(say("it is valid from {} only", iso_time(fields_.not_before)),
                PathProblemKind::NotYetValid);
        }
        if (second > fields_.not_after) {
            add(say("it expired at {}", iso_time(fields_.not_after)), PathProblemKind::Expired);
        }
    }

    void key() {
        const Key& key = facts_.key;
        constexpr int kKnown[] = {EVP_PKEY_RSA, EVP_PKEY_RSA_PSS, EVP_PKEY_EC, EVP_PKEY_ED25519,
                                  EVP_PKEY_ED448};
        if (!key.readable) {
            add(say("its key cannot be read"), PathProblemKind::WeakKey);
        } else if (std::ranges::find(kKnown, key.type) == std::end(kKnown)) {
            add(say("its key is of the kind {}, which is not accepted", fields_.key),
                PathProblemKind::WeakKey);
        } else if (key.bits < kLeastBits) {
            add(say("its key {} is too weak", fields_.key), PathProblemKind::WeakKey);
        } else if (key.expensive || !key.named_curve || !key.sound) {
            add(say("its key {} has parameters that are not accepted", fields_.key),
                PathProblemKind::WeakKey);
        }
    }

    // The signature of an anchor is nobody's proof.
    void signature() {
        if (!facts_.signature.algorithms_agree) {
            add(say("it names two different algorithms for its signature"));
        } else if (!facts_.signature.parameters_fit) {
            add(say("the parameters of its signature algorithm are not those of the algorithm"));
        } else if (!place_.is_anchor && facts_.signature.bits < kLeastBits) {
            add(say("its signature uses a digest that is too weak (SHA-1, MD5) or unknown"),
                PathProblemKind::WeakKey);
        }
    }

    void encoding() {
        if (!facts_.duplicates.empty()) {
            add(say("it has the extension {} twice", facts_.duplicates.front()));
        }
        if (!facts_.undecodable.empty()) {
            add(say("its extension {} is damaged", facts_.undecodable.front()));
        }
        if (!facts_.unknown_critical.empty()) {
            add(say("its extension {} is critical, and must not be or is unknown here",
                    facts_.unknown_critical.front()));
        }
        if (fields_.version == 0) {
            add(say("its version is none that there is"));
        }
        if (facts_.extensions > 0 && fields_.version != 3) {
            add(say("it has extensions and is of version {}", fields_.version));
        }
        if (facts_.constraints && facts_.constraints->is_malformed) {
            add(say("its name constraints are malformed"));
        }
    }

    void names() {
        if (facts_.issuer.empty()) {
            add(say("its issuer has no name"));
        }
        if (fields_.has_san && facts_.san_is_empty) {
            add(say("its list of alternative names is empty"));
        }
        if (!facts_.names.subject.empty()) {
            return;
        }
        if (place_.depth > 0 || facts_.basic.is_ca) {
            add(say("it is a CA without a name"));
        } else if (!fields_.san_critical) {
            add(say("it has no subject, so its alternative names must be critical"));
        }
    }

    void key_usage() {
        if (facts_.key_usage.present && facts_.key_usage.bits == 0) {
            add(say("its key usage allows nothing"));
        }
        if (facts_.basic.is_ca) {
            return;
        }
        if (facts_.basic.path_length) {
            add(say("it is no CA and limits the length of paths"));
        }
        const bool is_old_anchor = place_.is_anchor && !facts_.basic.present;
        if (may_sign() && facts_.key_usage.present && !is_old_anchor) {
            add(say("it is no CA and its key usage allows it to sign certificates"));
        }
    }

    bool may_sign() const {
        return !facts_.key_usage.present || (facts_.key_usage.bits & KU_KEY_CERT_SIGN) != 0;
    }

    void issuer(Purpose purpose) {
        const bool is_ca = facts_.basic.is_ca || (place_.is_anchor && is_ca_of_old());
        if (!is_ca) {
            add(say("it is no CA and may not issue certificates"));
        }
        if (!may_sign()) {
            add(say("its key usage does not allow it to sign certificates"));
        } else if (!facts_.key_usage.present && !place_.is_anchor) {
            add(say("it is a CA without a key usage"));
        }
        const ExtendedKeyUsage& eku = facts_.eku;
        const bool fits = !eku.present || eku.any || purpose == Purpose::Any ||
                          (purpose == Purpose::Server ? eku.server : eku.client);
        if (!fits) {
            add(purpose == Purpose::Server
                    ? say("its extended key usage does not allow certificates of servers")
                    : say("its extended key usage does not allow certificates of clients"),
                PathProblemKind::Usage);
        }
    }

    // Without basic constraints: a root of version 1, or one whose key usage says it.
    bool is_ca_of_old() const {
        if (facts_.basic.present) {
            return false;
        }
        return fields_.version < 3 ? facts_.self_issued : facts_.key_usage.present && may_sign();
    }

    const CertificateFields& fields_;
    const Facts& facts_;
    Place place_;
    std::vector<Finding>& findings_;
};

}  // namespace

std::vector<Finding> find_problems(const Certificate& certificate, Place place,
                                   const PathQuestion& question) {
    std::vector<Finding> findings;
    Examination(certificate, place, findings).run(question);
    if (question.rules == Rules::WebPki) {
        add_web_pki_problems(certificate, place, question, findings);
    }
    return findings;
}

}  // namespace valija::x509::internal
