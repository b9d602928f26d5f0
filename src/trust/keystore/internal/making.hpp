// Requests and self-signed certificates, signed by a handle of the vault.
#pragma once

#include "trust/keystore/certificate_store.hpp"

namespace valija::keystore::internal {

// What is wrong with the names, or "".
std::string wrong_names(const NewCertificate& wanted);

Result<Request> make_request(const NewCertificate& wanted, const KeyHandle& key);
Result<Request> parse_request(std::string_view pem);

Result<x509::Certificate> make_self_signed(const NewCertificate& wanted, const KeyHandle& key,
                                           Time from, Time to);

// A name for files: the first host name in it, and a number where that is taken.
std::string file_name_for(const std::vector<std::string>& names,
                          const std::vector<std::string>& taken);

}  // namespace valija::keystore::internal
