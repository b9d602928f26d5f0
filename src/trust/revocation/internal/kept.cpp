#include "trust/revocation/internal/kept.hpp"

#include <openssl/evp.h>

#include <algorithm>

#include "platform/base/text.hpp"

namespace valija::revocation::internal {
namespace {

constexpr size_t kLongestUrl = 2048;
constexpr std::string_view kOcspMark = "ocsp ";

Result<void> unreadable(std::string why) {
    return fault(FaultKind::Input, "reading a revocation list", std::move(why));
}

}  // namespace

std::string key_of_answer(const std::string& url, const x509::Certificate& certificate) {
    return std::string(kOcspMark) + certificate->sha256 + " " + url;
}

std::string Kept::key() const { return certificate ? key_of_answer(url, *certificate) : url; }

std::string Kept::stem() const {
    const std::string name = key();
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_Digest(name.data(), name.size(), digest, &length, EVP_sha256(), nullptr);
    return lower(hex({reinterpret_cast<const char*>(digest), length}));
}

Time Kept::this_update() const {
    return list ? list->this_update() : answer ? answer->this_update : Time();
}

Time Kept::next_update() const {
    return list ? list->next_update() : answer ? answer->next_update : Time();
}

Result<void> Kept::load(std::string_view bytes, Time at) {
    Result<void> result = unreadable("no issuer known");
    for (size_t i = 0; i < issuers.size(); ++i) {
        const x509::Certificate& candidate = issuers[i];
        std::string why;
        if (certificate) {
            auto read = read_ocsp(bytes, *certificate, candidate, at);
            if (read) {
                answer = std::make_shared<const OcspAnswer>(*read);
            } else {
                why = read.error().english();
            }
        } else {
            auto read = CrlIndex::load(bytes, candidate);
            if (read) {
                list = std::make_shared<const CrlIndex>(std::move(*read));
            } else {
                why = read.error().cause;
            }
        }
        if (why.empty()) {
            issuer = candidate->subject;
            return {};
        }
        if (i == 0) {
            result = unreadable(std::move(why));
        }
    }
    return result;
}

std::string want_text(const Kept& kept) {
    std::string text =
        (kept.certificate ? std::string(kOcspMark) : std::string()) + kept.url + "\n";
    if (kept.certificate) {
        text += kept.certificate->pem();
    }
    for (const x509::Certificate& issuer : kept.issuers) {
        text += issuer.pem();
    }
    return text;
}

Result<Kept> read_want(std::string_view text) {
    const auto malformed = [] { return fault(FaultKind::Input, "reading what is kept"); };
    const size_t line = text.find('\n');
    if (line == std::string_view::npos) {
        return malformed();
    }
    Kept kept{.url = std::string(text.substr(0, line)), .is_saved = true};
    auto certificates = x509::Certificate::from_pem(text.substr(line));
    if (!certificates) {
        return malformed();
    }
    if (kept.url.starts_with(kOcspMark)) {
        kept.url.erase(0, kOcspMark.size());
        kept.certificate = certificates->front();
        certificates->erase(certificates->begin());
    }
    if (certificates->empty() || certificates->size() > kMostIssuers || !can_be_fetched(kept.url)) {
        return malformed();
    }
    kept.issuers = std::move(*certificates);
    return kept;
}

bool can_be_fetched(std::string_view url) {
    constexpr std::string_view schemes[] = {"http://", "https://", "ldap://", "ldaps://"};
    const bool is_plain =
        std::ranges::all_of(url, [](unsigned char c) { return c > ' ' && c != 0x7F; });
    return is_plain && url.size() <= kLongestUrl &&
           std::ranges::any_of(schemes, [url](auto scheme) {
               return starts_with_ignoring_case(url, scheme) && url.size() > scheme.size() &&
                      url[scheme.size()] != '/';
           });
}

}  // namespace valija::revocation::internal
