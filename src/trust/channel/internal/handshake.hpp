// TLS begins on a connection; what the handshake yielded becomes evidence.
#pragma once

#include <string>

#include "trust/channel/internal/connection_state.hpp"
#include "trust/channel/internal/tls_context.hpp"

namespace valija::channel::internal {

Task<Result<x509::Evidence>> start_tls(ConnectionState* state,
                                       std::shared_ptr<const TlsContext> context,
                                       TlsContext::Internal::Role role, std::string server_name);

}  // namespace valija::channel::internal
