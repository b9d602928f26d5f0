#include <openssl/err.h>

#include <algorithm>

#include "platform/net/loops.hpp"
#include "trust/channel/internal/tls_context.hpp"

namespace valija::channel {
namespace {

using Role = TlsContext::Internal::Role;

constexpr long peer_chain_bytes = 64L << 10U;
constexpr auto doing = "setting up TLS";

// Forward secrecy throughout; CBC at the end, for servers of the last decade.
constexpr auto ciphers =
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL:!MD5:!DSS:!PSK:!"
    "SRP";

// Judging is identity's work, on the evidence: each certificate passes here.
int accept_any(X509_STORE_CTX*, void*) { return 1; }

bool harden(SSL_CTX* context) {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
    // A resumed handshake is not judged: a revoked certificate would live as long as its session.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(context, peer_chain_bytes);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(context, &accept_any, nullptr);
    SSL_CTX_set_dh_auto(context, 1);
    return SSL_CTX_set_num_tickets(context, 0) == 1 &&
           SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, ciphers) == 1;
}

bool show(SSL_CTX* context, const keystore::OwnCertificate& own) {
    if (own.chain.empty()) return false;
    bool good = SSL_CTX_use_certificate(context, own.chain.front().native()) == 1 &&
                SSL_CTX_use_PrivateKey(context, own.key.native()) == 1 &&
                SSL_CTX_check_private_key(context) == 1;
    for (size_t i = 1; i < own.chain.size(); ++i) {
        good = good && SSL_CTX_add1_chain_cert(context, own.chain[i].native()) == 1;
    }
    return good;
}

using Owns = std::vector<std::shared_ptr<const keystore::OwnCertificate>>;

bool is_slow(const std::shared_ptr<const keystore::OwnCertificate>& own) {
    return !own->key.is_quick();
}

Result<std::shared_ptr<const TlsContext>> make(Owns owns, Role role, net::Helpers* helpers) {
    net::ignore_broken_pipes();
    ERR_clear_error();
    std::shared_ptr<SSL_CTX> native(
        SSL_CTX_new(role == Role::Server ? TLS_server_method() : TLS_client_method()),
        &SSL_CTX_free);
    if (!native || !harden(native.get())) {
        return fault(FaultKind::System, doing, internal::openssl_words());
    }
    if (!owns.empty() && !show(native.get(), *owns.front())) {
        return fault(FaultKind::System,
                     std::string(doing) + " with the certificate " + owns.front()->name,
                     internal::openssl_words());
    }
    if (role == Role::Server) SSL_CTX_set_tlsext_status_cb(native.get(), &internal::send_staple);
    auto hidden = std::make_unique<TlsContext::Internal>();
    if (std::ranges::any_of(owns, is_slow)) hidden->helpers = helpers;
    hidden->owns = std::move(owns);
    hidden->native = std::move(native);
    hidden->role = role;
    return std::make_shared<const TlsContext>(std::move(hidden));
}

}  // namespace

namespace internal {

std::string openssl_words() {
    auto const error = ERR_get_error();
    ERR_clear_error();
    if (error == 0) return "unknown error";
    if (auto const* const words = ERR_reason_error_string(error)) return words;
    std::string text(256, '\0');
    ERR_error_string_n(error, text.data(), text.size());
    return text.c_str();
}

}  // namespace internal

TlsContext::TlsContext(std::unique_ptr<Internal> internal) : internal_(std::move(internal)) {}

TlsContext::~TlsContext() = default;

const std::vector<x509::Certificate>& TlsContext::own_chain() const {
    static const std::vector<x509::Certificate> nothing;
    return internal_->owns.empty() ? nothing : internal_->owns.front()->chain;
}

Result<std::shared_ptr<const TlsContext>> TlsContext::server(
    std::shared_ptr<const keystore::OwnCertificate> own, net::Helpers* helpers) {
    if (!own) return fault(FaultKind::Input, doing, "a server needs a certificate");
    return make({std::move(own)}, Role::Server, helpers);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::client(
    std::vector<std::shared_ptr<const keystore::OwnCertificate>> owns, net::Helpers* helpers) {
    return make(std::move(owns), Role::Client, helpers);
}

}  // namespace valija::channel
