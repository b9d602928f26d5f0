#include "trust/revocation/crl.hpp"

#include <openssl/pem.h>

#include "platform/base/text.hpp"
#include "trust/revocation/internal/crl_reader.hpp"
#include "trust/revocation/internal/der.hpp"
#include "trust/revocation/internal/signature.hpp"
#include "trust/x509/native.hpp"

namespace valija::revocation {
namespace {

using x509::Owned;
using Refused = std::unexpected<Text>;

constexpr size_t kLargestList = 64UL << 20U;
constexpr size_t kLargestPem = kLargestList / 3 * 4 + (4UL << 20U);

struct PemFreer {
    void operator()(void* bytes) const { OPENSSL_free(bytes); }
};

// The lists in a PEM text, up to `most`; prose and other blocks around them are skipped.
std::vector<std::string> from_pem(std::string_view pem, size_t most) {
    const x509::BioOwner bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    std::vector<std::string> lists;
    while (lists.size() < most) {
        char* name = nullptr;
        char* header = nullptr;
        unsigned char* data = nullptr;
        long length = 0;
        if (PEM_read_bio(bio.get(), &name, &header, &data, &length) != 1) {
            ERR_clear_error();
            return lists;
        }
        const std::unique_ptr<char, PemFreer> name_owner(name);
        const std::unique_ptr<char, PemFreer> header_owner(header);
        const std::unique_ptr<unsigned char, PemFreer> owner(data);
        if (std::string_view(name) == "X509 CRL" && *header == '\0') {
            lists.emplace_back(reinterpret_cast<const char*>(data), static_cast<size_t>(length));
        }
    }
    return lists;
}

// A text may begin with the character 0, which is the first octet of a list in DER.
bool is_der(std::string_view bytes) {
    return bytes.starts_with('\x30') &&
           (internal::read_parts(bytes) || !bytes.contains("-----BEGIN X509 CRL-----"));
}

}  // namespace

std::string serial_key_of(const x509::Certificate& certificate) {
    return internal::serial_key(certificate->serial_octets);
}

std::vector<std::string> lists_in(std::string bytes) {
    constexpr size_t kMostLists = 1000;
    if (is_der(bytes)) {
        return {std::move(bytes)};
    }
    return bytes.size() > kLargestPem ? std::vector<std::string>() : from_pem(bytes, kMostLists);
}

std::expected<CrlDocument, Text> CrlDocument::read(std::string bytes, Strictness strictness) {
    CrlDocument document;
    const bool in_der = is_der(bytes);
    if (bytes.size() > (in_der ? kLargestList : kLargestPem)) {
        return Refused(say("it is larger than 64 MiB"));
    }
    if (in_der) {
        document.der_ = std::move(bytes);
    } else if (auto lists = from_pem(bytes, 1); !lists.empty()) {
        document.der_ = std::move(lists.front());
    }
    if (document.der_.size() > kLargestList) {
        return Refused(say("it is larger than 64 MiB"));
    }
    CrlFacts& facts = document.index_.facts_;
    const auto parts = internal::read_crl(document.der_, strictness, facts);
    if (!parts) {
        return Refused(parts.error());
    }
    auto entries = internal::read_entries(*parts);
    if (!entries) {
        return Refused(entries.error());
    }
    if ((strictness == Strictness::Strict || facts.is_delta) && entries->has_twins()) {
        return Refused(say("a serial number stands in it twice"));
    }
    facts.issuer_text = readable_name(parts->issuer);
    document.index_.entries_ = std::move(*entries);
    return document;
}

std::expected<void, Text> CrlDocument::check_signer(const x509::Certificate& issuer) const {
    if (index_.facts_.issuer != issuer.canonical_subject()) {
        return Refused(
            say("it was issued by another authority than {}", escape_peer_text(issuer->subject)));
    }
    if (issuer->has_key_usage && (X509_get_key_usage(issuer.native()) & KU_CRL_SIGN) == 0) {
        return Refused(say("its issuer may not sign revocation lists"));
    }
    const ASN1_OCTET_STRING* id = X509_get0_subject_key_id(issuer.native());
    if (id != nullptr && !index_.facts_.issuer_key_id.empty() &&
        x509::native_text(id) != index_.facts_.issuer_key_id) {
        return Refused(say("another key of its issuer signed it"));
    }
    const auto parts = internal::read_parts(der_);
    if (!parts) {
        return Refused(parts.error());
    }
    auto problem = internal::signature_problem(parts->algorithm, parts->signed_der,
                                               parts->signature, X509_get0_pubkey(issuer.native()));
    if (problem) {
        return Refused(std::move(*problem));
    }
    return {};
}

CrlIndex CrlDocument::take(const x509::Certificate& issuer) && {
    index_.issuer_sha256_ = issuer->sha256;
    index_.issuer_key_ = issuer->spki_sha256;
    der_ = {};
    return std::move(index_);
}

Result<CrlIndex> CrlIndex::load(std::string_view bytes, const x509::Certificate& issuer) {
    const auto refused = [](const Text& why) {
        return fault(FaultKind::Input, "reading a revocation list", why.english());
    };
    auto document = CrlDocument::read(std::string(bytes), Strictness::Lenient);
    if (!document) {
        return refused(document.error());
    }
    if (const auto checked = document->check_signer(issuer); !checked) {
        return refused(checked.error());
    }
    return std::move(*document).take(issuer);
}

std::vector<CrlIndex::Listed> CrlIndex::first(size_t count) const {
    std::vector<Listed> listed;
    for (const auto& one : entries_.first(count)) {
        listed.push_back({.serial = hex(one.serial), .entry = one.entry});
    }
    return listed;
}

}  // namespace valija::revocation
