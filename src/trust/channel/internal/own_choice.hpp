// Which of several certificates of ours a client shows (RFC 8446 4.2.4, RFC 5246 7.4.4).
#pragma once

#include <openssl/ssl.h>

namespace valija::channel::internal {

// OpenSSL's callback for a client whose server has asked for a certificate; `state` is the
// ConnectionState, whose `choice` is filled. 0: the certificate cannot be used.
int choose_own(SSL* tls, void* state);

}  // namespace valija::channel::internal
