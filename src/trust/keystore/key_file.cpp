#include "trust/keystore/key_file.hpp"

#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include <algorithm>

#include "platform/base/text.hpp"
#include "trust/keystore/internal/pkcs12.hpp"

namespace valija::keystore {
namespace {

using x509::Owned;

constexpr size_t kMostCertificates = 1000;
constexpr size_t kLongestChain = 10;  // as many as a peer looks at
constexpr std::string_view kDoing = "reading the file";

std::unexpected<Fault> wrong(std::string why) {
    return fault(FaultKind::Input, std::string(kDoing), std::move(why));
}

Result<void> add_certificate(KeyFile& file, Result<x509::Certificate> one) {
    if (!one) return std::unexpected(one.error());
    if (std::ranges::find(file.certificates, *one) != file.certificates.end()) {
        file.notes.push_back(fmt::format("the certificate {} is in the file twice; once is enough",
                                         (*one)->thumbprint));
        return {};
    }
    if (file.certificates.size() == kMostCertificates) {
        return wrong(fmt::format("more than {} certificates", kMostCertificates));
    }
    file.certificates.push_back(std::move(*one));
    return {};
}

Result<void> add_key(KeyFile& file, Result<KeyHandle> key) {
    if (!key) return std::unexpected(key.error());
    if (file.key) return wrong("there are two private keys in it; leave the one that is wanted");
    file.key = std::move(*key);
    return {};
}

Result<void> add_pkcs7(KeyFile& file, x509::CertificatesRead read) {
    if (read.unreadable > 0) return wrong("the PKCS#7 structure holds a damaged certificate");
    if (read.certificates.empty()) return wrong("the PKCS#7 structure holds no certificate");
    for (x509::Certificate& certificate : read.certificates) {
        auto added = add_certificate(file, std::move(certificate));
        if (!added) return added;
    }
    return {};
}

Result<KeyHandle> key_of(std::string_view der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    x509::KeyOwner key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())));
    if (!key) {
        ERR_clear_error();
        return wrong("a private key is damaged or of a kind that is not known");
    }
    return internal::accepted_key(std::move(key));
}

// One block of a PEM file.
struct Block {
    std::string type;
    std::string headers;
    std::string der;

    ~Block() { OPENSSL_cleanse(der.data(), der.size()); }
};

Result<void> take_block(KeyFile& file, const Block& block) {
    if (block.type == "ENCRYPTED PRIVATE KEY" || block.headers.contains("ENCRYPTED")) {
        return wrong(
            "the private key is protected by a pass-phrase, and nobody is there to type it when "
            "the server starts; write it without one (openssl pkey -in FILE -out NEW), import "
            "that, and destroy it");
    }
    if (block.type == "CERTIFICATE" || block.type == "X509 CERTIFICATE") {
        return add_certificate(file, x509::Certificate::from_der(block.der));
    }
    if (block.type == "PKCS7" || block.type == "CMS") {
        auto read = x509::read_pkcs7(block.der);
        return read ? add_pkcs7(file, std::move(*read))
                    : wrong("a PKCS#7 structure is damaged, or none that carries certificates");
    }
    if (block.type.ends_with("PRIVATE KEY")) return add_key(file, key_of(block.der));
    if (block.type.ends_with("CERTIFICATE REQUEST")) {
        return wrong("it is a certificate request, not the certificate that a CA made of it");
    }
    if (!block.type.ends_with("PARAMETERS")) {
        file.notes.push_back(
            fmt::format("a block \"{}\" was left out", escape_peer_text(block.type, 40)));
    }
    return {};
}

Result<KeyFile> read_pem(std::string_view bytes) {
    const x509::BioOwner bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
    KeyFile file{.certificates = {}, .key = {}, .format = "PEM", .notes = {}};
    for (size_t count = 0; count < 2 * kMostCertificates; ++count) {
        char* type = nullptr;
        char* headers = nullptr;
        unsigned char* data = nullptr;
        long length = 0;
        if (PEM_read_bio(bio.get(), &type, &headers, &data, &length) != 1) {
            const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
            ERR_clear_error();
            if (at_end) return file;
            return wrong("a PEM block is damaged or cut off");
        }
        const Block block{
            .type = type,
            .headers = headers,
            .der = std::string(reinterpret_cast<const char*>(data), static_cast<size_t>(length))};
        OPENSSL_free(type);
        OPENSSL_free(headers);
        OPENSSL_clear_free(data, static_cast<size_t>(length));
        if (auto taken = take_block(file, block); !taken) return std::unexpected(taken.error());
    }
    return wrong("too many PEM blocks");
}

// The length that the outermost element of DER claims, with its header; 0: not readable.
size_t claimed_length(std::string_view der) {
    if (der.size() < 2 || der[0] != 0x30) return 0;
    const auto first = static_cast<unsigned char>(der[1]);
    if (first < 0x80) return first + 2U;
    const size_t more = first & 0x7FU;
    if (more == 0 || more > 4 || der.size() < 2 + more) return 0;
    size_t length = 0;
    for (size_t i = 0; i < more; ++i) {
        length = length << 8U | static_cast<unsigned char>(der[2 + i]);
    }
    return length + 2 + more;
}

bool is_protected_key(std::string_view der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const Owned<X509_SIG, X509_SIG_free> read(
        d2i_X509_SIG(nullptr, &at, static_cast<long>(der.size())));
    ERR_clear_error();
    if (!read) return false;
    const X509_ALGOR* algorithm = nullptr;
    X509_SIG_get0(read.get(), &algorithm, nullptr);
    return OBJ_obj2nid(algorithm->algorithm) == NID_pbes2;
}

Result<KeyFile> read_der(std::string_view bytes, std::string_view password) {
    if (const size_t claimed = claimed_length(bytes); claimed > bytes.size()) {
        return wrong(fmt::format("it is cut off: {} of {} bytes are there", bytes.size(), claimed));
    }
    if (internal::looks_like_pkcs12(bytes)) return internal::read_pkcs12(bytes, password);
    KeyFile file{.certificates = {}, .key = {}, .format = "DER", .notes = {}};
    if (auto read = x509::read_pkcs7(bytes)) {
        file.format = "PKCS#7";
        auto added = add_pkcs7(file, std::move(*read));
        if (!added) return std::unexpected(added.error());
        return file;
    }
    if (auto certificate = x509::Certificate::from_der(bytes)) {
        file.certificates.push_back(std::move(*certificate));
        return file;
    }
    if (is_protected_key(bytes)) return wrong("the private key is protected by a pass-phrase");
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    x509::KeyOwner key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(bytes.size())));
    ERR_clear_error();
    if (!key) {
        return wrong("it is neither PEM nor DER of a certificate, PKCS#7, PKCS#12 or private key");
    }
    if (auto added = add_key(file, internal::accepted_key(std::move(key))); !added) {
        return std::unexpected(added.error());
    }
    return file;
}

}  // namespace

namespace internal {

Result<void> accepted_kind(const EVP_PKEY* key) {
    if (EVP_PKEY_is_a(key, "RSA") == 1) {
        const int bits = EVP_PKEY_get_bits(key);
        if (bits >= 2048 && bits <= 4096) return {};
        return wrong(fmt::format("an RSA key of {} bits; 2048 to 4096 are taken", bits));
    }
    char group[64] = "";
    size_t length = 0;
    if (EVP_PKEY_is_a(key, "EC") == 1) {
        EVP_PKEY_get_group_name(key, group, sizeof group, &length);
    }
    ERR_clear_error();
    const std::string_view name(group, length);
    if (name == "prime256v1" || name == "secp384r1") return {};
    return wrong("keys are RSA (2048 to 4096 bits) or ECDSA on P-256 or P-384; this is " +
                 (name.empty() ? "another kind" : std::string(name)));
}

namespace {

// Each of its numbers is at most as long as the modulus, as in every honest key: the check that
// follows would calculate for hours with longer ones.
bool is_of_honest_size(const EVP_PKEY* key) {
    const int most = EVP_PKEY_get_bits(key);
    for (const char* name : {"d", "rsa-factor1", "rsa-factor2", "rsa-factor3", "rsa-exponent1",
                             "rsa-exponent2", "rsa-coefficient1", "e"}) {
        BIGNUM* number = nullptr;
        EVP_PKEY_get_bn_param(key, name, &number);
        const int bits = number == nullptr ? 0 : BN_num_bits(number);
        BN_clear_free(number);
        if (bits > most) return false;
    }
    ERR_clear_error();  // of those that it lacks
    return true;
}

}  // namespace

Result<KeyHandle> accepted_key(x509::KeyOwner key) {
    if (auto accepted = accepted_kind(key.get()); !accepted) {
        return std::unexpected(accepted.error());
    }
    if (EVP_PKEY_is_a(key.get(), "RSA") == 1 && !is_of_honest_size(key.get())) {
        return wrong("a number of the private key is longer than the modulus");
    }
    const x509::Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
        EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
    if (!context || EVP_PKEY_pairwise_check(context.get()) != 1) {
        ERR_clear_error();
        return wrong("the private and the public half of the key do not belong together");
    }
    return KeyHandle(std::shared_ptr<evp_pkey_st>(key.release(), EVP_PKEY_free));
}

}  // namespace internal

Result<KeyFile> read_key_file(std::string_view bytes, std::string_view password) {
    if (bytes.empty()) return wrong("it is empty");
    if (bytes.size() > kLargestKeyFile) {
        return wrong(fmt::format("larger than {} bytes", kLargestKeyFile));
    }
    auto file = bytes.contains("-----BEGIN ") ? read_pem(bytes) : read_der(bytes, password);
    if (file && file->certificates.empty() && !file->key) {
        return wrong("there is neither a certificate nor a private key in it");
    }
    return file;
}

std::vector<x509::Certificate> ordered_chain(const x509::Certificate& leaf,
                                             const std::vector<x509::Certificate>& pool) {
    std::vector<x509::Certificate> chain = {leaf};
    while (chain.size() < kLongestChain && !chain.back()->self_issued) {
        const auto issuer = std::ranges::find_if(pool, [&](const x509::Certificate& candidate) {
            return std::ranges::find(chain, candidate) == chain.end() &&
                   X509_check_issued(candidate.native(), chain.back().native()) == X509_V_OK;
        });
        if (issuer == pool.end()) break;
        chain.push_back(*issuer);
    }
    return chain;
}

}  // namespace valija::keystore
