// How the peer was reached: facts of DNS and configuration that give reference names (CI-40).
//
// Promise: plain data, gathered before the judgement; names are lower case without a final dot.
// Empty fields: not known, so no reference comes from them.
#pragma once

#include <string>
#include <vector>

#include "trust/dane/tlsa.hpp"

namespace valija::identity {

struct PtrName {
    std::string name;
    bool confirmed = false;  // A or AAAA of the name contains the address (CI-31)
};

struct Reached {
    std::string address;              // of the peer, text form
    std::string host;                 // MX host name connected to; empty with a route or inbound
    bool host_is_secure = false;      // the MX answer was validated by DNSSEC
    std::vector<std::string> routes;  // names of the explicit routes of the domain (CI-36..39)
    std::vector<PtrName> ptr;
    dane::TlsaAnswer tlsa;
};

}  // namespace valija::identity
