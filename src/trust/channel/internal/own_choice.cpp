#include "trust/channel/internal/own_choice.hpp"

#include <algorithm>

#include "trust/channel/internal/connection_state.hpp"
#include "trust/channel/internal/tls_context.hpp"
#include "trust/x509/native.hpp"

namespace valija::channel::internal {
namespace {

using Own = std::shared_ptr<const keystore::OwnCertificate>;
using Names = STACK_OF(X509_NAME);

struct FreeChain {
    void operator()(STACK_OF(X509) * all) const { sk_X509_free(all); }
};

// The first name that the chain leads to: that of an issuer in it, or of a certificate above ours.
const X509_NAME* authority_of(const keystore::OwnCertificate& own, const Names* names) {
    for (int i = 0; i < sk_X509_NAME_num(names); ++i) {
        const X509_NAME* name = sk_X509_NAME_value(names, i);
        const auto leads_there = [wanted =
                                      x509::canonical_name(name)](const x509::Certificate& one) {
            return one.canonical_issuer() == wanted;
        };
        if (std::ranges::any_of(own.chain, leads_there)) return name;
    }
    return nullptr;
}

bool use(SSL* tls, const keystore::OwnCertificate& own) {
    const std::unique_ptr<STACK_OF(X509), FreeChain> above(sk_X509_new_null());
    for (size_t i = 1; i < own.chain.size(); ++i) {
        if (sk_X509_push(above.get(), own.chain[i].native()) == 0) return false;
    }
    SSL_certs_clear(tls);  // else a key of another kind could be taken
    return SSL_use_cert_and_key(tls, own.chain.front().native(), own.key.native(), above.get(),
                                1) == 1;
}

}  // namespace

int choose_own(SSL* tls, void* state) {
    ConnectionState& connection = *static_cast<ConnectionState*>(state);
    const auto& owns = connection.context->internal().owns;
    OwnChoice& choice = connection.choice;
    choice.own = owns.front();
    const Names* names = SSL_get0_peer_CA_list(tls);
    if (names == nullptr || sk_X509_NAME_num(names) == 0) return 1;
    for (const Own& own : owns) {
        const X509_NAME* authority = authority_of(*own, names);
        if (authority == nullptr) continue;
        choice.own = own;
        choice.authority = x509::name_text(authority);
        return own == owns.front() || use(tls, *own) ? 1 : 0;
    }
    choice.fits_none = true;
    return 1;
}

}  // namespace valija::channel::internal
