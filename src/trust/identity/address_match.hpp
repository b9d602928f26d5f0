// IP addresses and e-mail addresses as references: the forms that `valija certificate verify`
// takes beside DNS names.
//
// Promise: pure. An address matches an iPAddress of the subjectAltName with exactly its 4 or 16
// bytes (RFC 9525 6.5; an IPv4 address mapped into IPv6 is another address), an e-mail address an
// rfc822Name of the subjectAltName: local part byte by byte, domain without distinction of ASCII
// case (RFC 5280 7.5). The subject never counts, nor a dNSName that looks like an address.
// Each reference that the rule holds must match.
// Not here: DNS names (profiles.hpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "trust/identity/comparison.hpp"
#include "trust/identity/ladder.hpp"
#include "trust/identity/rule.hpp"

namespace valija::identity {

// "192.0.2.1" or "2001:db8::1" from 4 or 16 bytes; bytes of another number in hexadecimal.
std::string ip_text(std::string_view bytes);

bool same_email(std::string_view reference, std::string_view name);

// What was compared; at most 1000 rows. Empty where the rule has no such reference.
std::vector<Comparison> compare_addresses(const Rule& rule, const x509::Certificate& leaf);

// The step `identity` of these references: Pass, or Fail with the first that no name stands for.
Step address_step(const Rule& rule, const x509::Certificate& leaf);

}  // namespace valija::identity
