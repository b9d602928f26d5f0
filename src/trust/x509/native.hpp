// OpenSSL's objects with owners. For the folders of trust/ only.
#pragma once

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

#include "platform/base/result.hpp"
#include "platform/base/time.hpp"

namespace valija::x509 {

template <auto Free>
struct Freer {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};

template <class T, auto Free>
using Owned = std::unique_ptr<T, Freer<Free>>;

using BioOwner = Owned<BIO, BIO_free_all>;
using X509Owner = Owned<X509, X509_free>;
using KeyOwner = Owned<EVP_PKEY, EVP_PKEY_free>;
using StoreOwner = Owned<X509_STORE, X509_STORE_free>;
using StoreContextOwner = Owned<X509_STORE_CTX, X509_STORE_CTX_free>;
using CrlOwner = Owned<X509_CRL, X509_CRL_free>;

// The newest of OpenSSL's errors in words; empties its queue.
std::string native_error();
std::unexpected<Fault> native_fault(FaultKind kind, std::string doing);

// What `Encode` (one of OpenSSL's i2d functions) makes of the object.
template <auto Encode, class T>
Result<std::string> der_of(T* object, std::string_view doing) {
    unsigned char* bytes = nullptr;
    const int length = Encode(object, &bytes);
    if (length <= 0) return native_fault(FaultKind::System, std::string(doing));
    std::string der(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
    OPENSSL_free(bytes);
    return der;
}

// For PEM that others wrote: an encrypted block is a fault, never a question on the terminal.
int no_passphrase(char* buffer, int size, int writing, void* data);

Result<Time> native_time(const ASN1_TIME* time);
std::string name_text(const X509_NAME* name);           // for people, leaf first (EX-88)
std::string native_text(const ASN1_STRING* text);       // the raw bytes
std::string native_integer(const ASN1_INTEGER* value);  // big endian, no leading zero

// The one form in which distinguished names are compared, see internal/general_names.hpp.
std::string canonical_name(const X509_NAME* name);

}  // namespace valija::x509
