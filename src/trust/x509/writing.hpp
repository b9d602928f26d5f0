// Parts of the certificates and requests that we write, made from values.
//
// Promise: a value is encoded as it stands; nothing in it is ever read as OpenSSL's language for
// extensions, in which a comma begins the next name. What cannot be encoded (not ASCII where
// ASCII is wanted, too long) gives false or null.
// For the folders of trust/ only. Any thread.
#pragma once

#include <string>
#include <vector>

#include "trust/x509/native.hpp"

namespace valija::x509 {

using ExtensionOwner = Owned<X509_EXTENSION, X509_EXTENSION_free>;

// Adds a component with a UTF-8 value at the end.
bool add_name_entry(X509_NAME* name, int nid, const std::string& value);

// subjectAltName with these dNSNames.
ExtensionOwner dns_names_extension(const std::vector<std::string>& names, bool critical = false);

// CRLDistributionPoints, or freshestCRL (`nid`): one point with a URI each.
ExtensionOwner crl_urls_extension(const std::vector<std::string>& urls,
                                  int nid = NID_crl_distribution_points);

// authorityInfoAccess: the OCSP responders.
ExtensionOwner ocsp_urls_extension(const std::vector<std::string>& urls);

// Another extension. `value` is OpenSSL's language: a constant of the program, never data.
ExtensionOwner constant_extension(int nid, const char* value, X509V3_CTX& context);

// A random positive serial number of 16 bytes.
bool set_random_serial(X509* certificate);

bool set_validity(X509* certificate, Time not_before, Time not_after);

}  // namespace valija::x509
