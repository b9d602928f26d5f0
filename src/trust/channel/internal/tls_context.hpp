// What TlsContext hides, and the few things of OpenSSL that both TlsContext and Connection need.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "trust/channel/connection.hpp"

namespace valija::channel {

struct TlsContext::Internal {
    enum class Role { Server, Client };

    std::vector<std::shared_ptr<const keystore::OwnCertificate>> owns;  // a server has one
    std::shared_ptr<SSL_CTX> native;
    Role role = Role::Server;
    net::Helpers* helpers = nullptr;  // null: handshakes run on the loop
};

namespace internal {

// The first error in OpenSSL's queue of this thread, in its words; the queue is empty afterwards.
std::string openssl_words();

// OpenSSL's callback for a server whose client asks for an OCSP answer: sends the `staple` of the
// connection, if there is one.
int send_staple(SSL* tls, void*);

}  // namespace internal
}  // namespace valija::channel
