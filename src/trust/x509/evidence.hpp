// What a handshake yielded: facts, no judgement. Filled by trust/channel, read by trust/identity.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "trust/x509/certificate.hpp"

namespace valija::x509 {

struct Evidence {
    std::string protocol;                 // "TLSv1.3"
    std::string cipher;                   // "TLS_AES_256_GCM_SHA384"
    std::string server_name;              // SNI sent or received, empty if none
    std::vector<Certificate> peer_chain;  // as presented, leaf first; empty = no certificate
    std::vector<Certificate> own_chain;   // what we showed, empty if nothing was shown
    std::string own_authority = {};  // outbound: of those that the server named, ours is below it
    bool own_fits_none = false;      // outbound: it named some, and ours is below none
    bool own_requested = true;       // outbound: the server asked for our certificate
    std::string stapled_ocsp = {};   // outbound: the DER that the server stapled, or empty
};

}  // namespace valija::x509
