#include "trust/channel/internal/handshake.hpp"

#include <openssl/err.h>

#include <boost/asio/ip/address.hpp>

#include "platform/base/text.hpp"
#include "trust/channel/internal/own_choice.hpp"

namespace valija::channel::internal {
namespace {

using Role = TlsContext::Internal::Role;

constexpr auto doing = "TLS handshake";

// A Certificate message without a certificate: header and empty lists (RFC 8446 4.4.2).
constexpr size_t empty_certificate_message = 8;

constexpr long largest_staple = 64L << 10U;

// Listens to a client's handshake: nothing else in OpenSSL tells whether a certificate was asked
// for and sent. `buffer` begins with the handshake message's type.
void overhear(int sent, int /*version*/, int content_type, const void* buffer, size_t length, SSL*,
              void* user) {
    if (content_type != SSL3_RT_HANDSHAKE || length == 0) return;
    auto& overheard = *static_cast<Overheard*>(user);
    int const message = *static_cast<const unsigned char*>(buffer);
    if (sent == 0 && message == SSL3_MT_CERTIFICATE_REQUEST) overheard.requested = true;
    if (sent != 0 && message == SSL3_MT_CERTIFICATE) {
        overheard.shown = length > empty_certificate_message;
    }
}

// RFC 6066 3: a host name without the final dot, never an address.
std::string sni_of(std::string name) {
    if (name.ends_with('.')) name.pop_back();
    boost::system::error_code no_address;
    boost::asio::ip::make_address(name, no_address);
    return no_address && is_host_name(name) ? name : std::string();
}

bool set_up(ConnectionState& state, Role role, const std::string& sni) {
    ERR_clear_error();
    state.tls.reset(SSL_new(state.context->internal().native.get()));
    auto* const tls = state.tls.get();
    if (tls == nullptr || SSL_set_fd(tls, state.socket.native_handle()) != 1) return false;
    if (role == Role::Server) {
        SSL_set_accept_state(tls);
        return SSL_set_app_data(tls, &state) == 1;  // for send_staple()
    }
    SSL_set_connect_state(tls);
    SSL_set_msg_callback(tls, &overhear);
    SSL_set_msg_callback_arg(tls, &state.overheard);
    if (!state.context->internal().owns.empty()) SSL_set_cert_cb(tls, &choose_own, &state);
    if (SSL_set_tlsext_status_type(tls, TLSEXT_STATUSTYPE_ocsp) != 1) return false;
    return sni.empty() || SSL_set_tlsext_host_name(tls, sni.c_str()) == 1;
}

// As presented, leaf first. OpenSSL's list has the leaf on the client's side only. What follows the
// leaf and is no certificate we can read is left out: the path will be incomplete without it.
Result<std::vector<x509::Certificate>> peer_chain(SSL* tls, Role role) {
    std::vector<x509::Certificate> chain;
    std::unique_ptr<X509, void (*)(X509*)> const leaf(SSL_get1_peer_certificate(tls), &X509_free);
    if (!leaf) return chain;
    auto first = x509::Certificate::from_native(leaf.get());
    if (!first) return std::unexpected(first.error());
    chain.push_back(std::move(*first));
    auto* const list = SSL_get_peer_cert_chain(tls);
    for (int i = role == Role::Client ? 1 : 0; i < sk_X509_num(list); ++i) {
        auto next = x509::Certificate::from_native(sk_X509_value(list, i));
        if (next) chain.push_back(std::move(*next));
    }
    return chain;
}

// The OCSP response that came along, unread: revocation judges it. One that is too large is none.
std::string stapled_response(SSL* tls) {
    const unsigned char* bytes = nullptr;
    long const size = SSL_get_tlsext_status_ocsp_resp(tls, static_cast<void*>(&bytes));
    if (bytes == nullptr || size <= 0 || size > largest_staple) return {};
    return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)};
}

Result<x509::Evidence> evidence_of(const ConnectionState& state, Role role,
                                   const std::string& sni) {
    auto* const tls = state.tls.get();
    x509::Evidence evidence;
    evidence.protocol = SSL_get_version(tls);
    evidence.cipher = SSL_get_cipher_name(tls);
    auto chain = peer_chain(tls, role);
    if (!chain) return std::unexpected(chain.error());
    evidence.peer_chain = std::move(*chain);
    if (role == Role::Server) {
        auto const* const asked_for = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
        if (asked_for != nullptr) evidence.server_name = asked_for;
        evidence.own_chain = state.context->own_chain();
        return evidence;
    }
    evidence.server_name = sni;
    evidence.own_requested = state.overheard.requested;
    evidence.stapled_ocsp = stapled_response(tls);
    if (!state.choice.own || !state.overheard.shown) return evidence;
    evidence.own_chain = state.choice.own->chain;
    evidence.own_authority = state.choice.authority;
    evidence.own_fits_none = state.choice.fits_none;
    return evidence;
}

Task<Progress> next_step(ConnectionState* state) {
    auto* const helpers = state->context->internal().helpers;
    if (helpers == nullptr) co_return state->try_handshake();
    Progress progress;
    co_await helpers->run([&] { progress = state->try_handshake(); });
    co_return progress;
}

}  // namespace

int send_staple(SSL* tls, void* /*unused*/) {
    const std::string& staple = static_cast<const ConnectionState*>(SSL_get_app_data(tls))->staple;
    if (staple.empty()) return SSL_TLSEXT_ERR_NOACK;
    void* const copy = OPENSSL_memdup(staple.data(), staple.size());
    if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(tls, copy, static_cast<long>(staple.size()));  // OpenSSL's now
    return SSL_TLSEXT_ERR_OK;
}

Task<Result<x509::Evidence>> start_tls(ConnectionState* state,
                                       std::shared_ptr<const TlsContext> context, Role role,
                                       std::string server_name) {
    VALIJA_ENSURE(context && context->internal().role == role, "a context for this side");
    VALIJA_ENSURE(!state->tls, "TLS begins once");
    if (auto const usable = state->usable(); !usable) co_return std::unexpected(usable.error());
    if (!state->input.empty()) {
        co_return state->fail({FaultKind::Input, doing, "plaintext behind STARTTLS"});
    }
    state->context = std::move(context);
    auto const sni = sni_of(std::move(server_name));
    if (!set_up(*state, role, sni)) {
        co_return state->fail({FaultKind::System, doing, openssl_words()});
    }
    for (auto progress = co_await next_step(state); progress.kind != Progress::Kind::Moved;
         progress = co_await next_step(state)) {
        if (progress.kind == Progress::Kind::Failed)
            co_return state->fail(std::move(progress.fault));
        auto const waited = co_await ConnectionState::wait(state, std::move(progress), doing);
        if (!waited) co_return std::unexpected(waited.error());
    }
    SSL_set_msg_callback(state->tls.get(), nullptr);
    state->established = true;
    state->staple = {};
    auto evidence = evidence_of(*state, role, sni);
    if (!evidence) co_return state->fail(evidence.error());
    co_return std::move(*evidence);
}

}  // namespace valija::channel::internal
