// Which certificates a new one takes over from (`import --replace`), and whether it may.
#pragma once

#include "trust/keystore/certificate_store.hpp"

namespace valija::keystore::internal {

std::vector<std::string> host_names(const x509::Certificate& leaf);

struct Renewal {
    std::vector<const Entry*> old;   // whose services the new one takes
    std::vector<std::string> going;  // the names of those of them that it removes
    std::vector<std::string> notes;
};

// Those whose names `fresh` has all, and `holder`, whose key it is for and whose place it takes
// (null: it comes with a key of its own). Fault Input where it is for no server, or worse than one
// that it removes: used less, or not for all that the old one was for. Nothing without
// `spec.replace`. Pure; points into `all`.
Result<Renewal> renewal_of(const x509::Certificate& fresh, const Entry* holder,
                           const ImportSpec& spec, const std::vector<Entry>& all, Time now);

}  // namespace valija::keystore::internal
