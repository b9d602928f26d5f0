#include "trust/revocation/book.hpp"

#include <fmt/format.h>
#include <openssl/pem.h>

#include <algorithm>

#include "platform/base/text.hpp"
#include "trust/x509/native.hpp"

namespace valija::revocation {
namespace {

using x509::CrlOwner;
using x509::Owned;

constexpr size_t kLargestList = 64UL << 20U;
constexpr Duration kWithoutNextUpdate = std::chrono::hours(24);

std::unexpected<Fault> refused(std::string why) {
    return fault(FaultKind::Input, "reading a revocation list", std::move(why));
}

CrlOwner parse(std::string_view bytes) {
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    const unsigned char* cursor = at;
    CrlOwner list(d2i_X509_CRL(nullptr, &cursor, static_cast<long>(bytes.size())));
    if (list) {
        return list;
    }
    const x509::BioOwner bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
    list.reset(PEM_read_bio_X509_CRL(bio.get(), nullptr, x509::no_passphrase, nullptr));
    ERR_clear_error();
    return list;
}

// What a list may limit itself to, of those kinds that we can use.
struct Scope {
    bool only_user = false;
    bool only_ca = false;
    std::vector<std::string> places;
};

// The addresses that a part of a divided list names as its own.
Result<std::vector<std::string>> places_of(const DIST_POINT_NAME* point) {
    std::vector<std::string> places;
    for (int i = 0; point->type == 0 && i < sk_GENERAL_NAME_num(point->name.fullname); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(point->name.fullname, i);
        if (name->type == GEN_URI) {
            places.push_back(x509::native_text(name->d.uniformResourceIdentifier));
        }
    }
    if (places.empty()) {
        return refused("its scope names no address");
    }
    return places;
}

Result<Scope> scope_of(const X509_CRL* list) {
    int critical = 0;
    const Owned<ISSUING_DIST_POINT, ISSUING_DIST_POINT_free> point(static_cast<ISSUING_DIST_POINT*>(
        X509_CRL_get_ext_d2i(list, NID_issuing_distribution_point, &critical, nullptr)));
    if (!point) {
        return critical == -1 ? Result<Scope>(Scope{}) : refused("its scope is malformed");
    }
    if (point->indirectCRL > 0 || point->onlysomereasons != nullptr || point->onlyattr > 0) {
        return refused("it is indirect, or limited to some reasons or to attribute certificates");
    }
    Scope scope{.only_user = point->onlyuser > 0, .only_ca = point->onlyCA > 0, .places = {}};
    if (point->distpoint != nullptr) {
        auto places = places_of(point->distpoint);
        if (!places) {
            return std::unexpected(places.error());
        }
        scope.places = std::move(*places);
    }
    return scope;
}

// RFC 5280 5.2: a critical extension that is not understood makes the list useless.
Result<void> check_extensions(const X509_CRL* list) {
    for (int i = 0; i < X509_CRL_get_ext_count(list); ++i) {
        X509_EXTENSION* extension = X509_CRL_get_ext(list, i);
        const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
        if (nid == NID_delta_crl) {
            return refused("it is a delta list");
        }
        const bool known = nid == NID_issuing_distribution_point || nid == NID_crl_number ||
                           nid == NID_authority_key_identifier;
        if (X509_EXTENSION_get_critical(extension) == 1 && !known) {
            return refused("it has an unknown critical extension");
        }
    }
    return {};
}

Result<Entry> entry_of(const X509_REVOKED* revoked) {
    const auto at = x509::native_time(X509_REVOKED_get0_revocationDate(revoked));
    if (!at) {
        return refused("an entry's date is malformed");
    }
    for (int i = 0; i < X509_REVOKED_get_ext_count(revoked); ++i) {
        X509_EXTENSION* extension = X509_REVOKED_get_ext(revoked, i);
        const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
        if (X509_EXTENSION_get_critical(extension) == 1 && nid != NID_crl_reason) {
            return refused("an entry has an unknown critical extension");
        }
    }
    const Owned<ASN1_ENUMERATED, ASN1_ENUMERATED_free> reason(static_cast<ASN1_ENUMERATED*>(
        X509_REVOKED_get_ext_d2i(revoked, NID_crl_reason, nullptr, nullptr)));
    return Entry{.serial = x509::native_integer(X509_REVOKED_get0_serialNumber(revoked)),
                 .revoked_at = to_millis(*at),
                 .reason = reason ? static_cast<int>(ASN1_ENUMERATED_get(reason.get())) : -1};
}

Result<std::vector<Entry>> entries_of(X509_CRL* list) {
    const STACK_OF(X509_REVOKED)* all = X509_CRL_get_REVOKED(list);
    std::vector<Entry> entries;
    const int count = all == nullptr ? 0 : sk_X509_REVOKED_num(all);
    entries.reserve(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) {
        auto entry = entry_of(sk_X509_REVOKED_value(all, i));
        if (!entry) {
            return std::unexpected(entry.error());
        }
        entries.push_back(std::move(*entry));
    }
    std::ranges::sort(entries, {}, &Entry::serial);
    return entries;
}

Result<void> check_signature(X509_CRL* list, const x509::Certificate& issuer) {
    if (X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(issuer.native())) != 0) {
        return refused("it was issued by another authority than " + issuer->subject);
    }
    if (issuer->has_key_usage && (X509_get_key_usage(issuer.native()) & KU_CRL_SIGN) == 0) {
        return refused("its issuer may not sign revocation lists");
    }
    if (X509_CRL_verify(list, X509_get0_pubkey(issuer.native())) != 1) {
        ERR_clear_error();
        return refused("its signature does not verify");
    }
    return {};
}

std::string raw_serial(const x509::Certificate& certificate) {
    return x509::native_integer(X509_get0_serialNumber(certificate.native()));
}

}  // namespace

Result<CrlIndex> CrlIndex::load(std::string_view bytes, const x509::Certificate& issuer) {
    if (bytes.size() > kLargestList) {
        return refused("it is larger than 64 MiB");
    }
    const CrlOwner list = parse(bytes);
    if (!list) {
        return refused("it is neither DER nor PEM");
    }
    if (const auto checked = check_extensions(list.get()); !checked) {
        return std::unexpected(checked.error());
    }
    if (const auto checked = check_signature(list.get(), issuer); !checked) {
        return std::unexpected(checked.error());
    }
    const auto scope = scope_of(list.get());
    const auto this_update = x509::native_time(X509_CRL_get0_lastUpdate(list.get()));
    auto entries = entries_of(list.get());
    if (!scope || !this_update || !entries) {
        return std::unexpected(!scope         ? scope.error()
                               : !this_update ? this_update.error()
                                              : entries.error());
    }
    CrlIndex index;
    index.entries_ = std::move(*entries);
    index.this_update_ = *this_update;
    const auto next = x509::native_time(X509_CRL_get0_nextUpdate(list.get()));
    index.next_update_ = next ? *next : *this_update + kWithoutNextUpdate;
    index.issuer_sha256_ = issuer->sha256;
    index.only_user_ = scope->only_user;
    index.only_ca_ = scope->only_ca;
    index.places_ = scope->places;
    return index;
}

const Entry* CrlIndex::find(std::string_view serial) const {
    const auto found = std::ranges::lower_bound(entries_, serial, {}, &Entry::serial);
    return found != entries_.end() && found->serial == serial ? &*found : nullptr;
}

bool CrlIndex::covers(const x509::Certificate& certificate) const {
    const bool is_named = places_.empty() || std::ranges::find_first_of(
                                                 places_, certificate->crl_urls) != places_.end();
    return is_named && !(only_user_ && certificate->is_ca) && !(only_ca_ && !certificate->is_ca);
}

Book::Book(std::map<std::string, std::shared_ptr<const CrlIndex>> by_url)
    : by_url_(std::move(by_url)) {}

// Any one of the distribution points is enough; "revoked" in one of them is final.
Status Book::look_up(const x509::Certificate& certificate, const x509::Certificate& issuer, Time at,
                     Duration grace) const {
    Status status{.state = State::Unknown,
                  .evidence = say("{} names no revocation list (CRL)",
                                  escape_peer_text(certificate->subject)),
                  .url = {}};
    for (const std::string& url : certificate->crl_urls) {
        const auto found = by_url_.find(url);
        if (found == by_url_.end() || found->second->issuer_sha256() != issuer->sha256 ||
            !found->second->covers(certificate)) {
            if (status.state == State::Unknown) {
                status.url = url;
                status.evidence = say("no usable list from {} yet", escape_peer_text(url));
            }
            continue;
        }
        const CrlIndex& list = *found->second;
        const Text span = say("list {} of {}, good until {}", escape_peer_text(url),
                              iso_time(list.this_update()), iso_time(list.next_update()));
        if (const Entry* entry = list.find(raw_serial(certificate))) {
            return {.state = State::Revoked,
                    .evidence = say("serial {} revoked at {}; {}", certificate->serial,
                                    iso_time(from_millis(entry->revoked_at)), span),
                    .url = url};
        }
        if (at < list.this_update() || at > list.next_update() + grace) {
            if (status.state == State::Unknown) {
                status.url = url;
                status.evidence = say("out of date: {}", span);
            }
            continue;
        }
        status = {.state = State::Good, .evidence = span, .url = url};
    }
    return status;
}

}  // namespace valija::revocation
