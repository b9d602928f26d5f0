// A list that an operator handed in: what it is, and by whom it is signed. Any thread.
//
// Promise: a list that breaks a rule of form is no proof that a certificate is good; what it
// revokes is revoked all the same (no rule of RFC 5280 forbids that but unknown critical
// extensions, and a list with these cannot be read here at all).
#pragma once

#include <map>
#include <mutex>
#include <optional>

#include "trust/revocation/crl.hpp"

namespace valija::revocation::internal {

class FileList {
  public:
    explicit FileList(const std::string& bytes) {
        auto strict = CrlDocument::read(bytes, Strictness::Strict);
        if (strict) {
            document_ = std::move(*strict);
            return;
        }
        problem_ = strict.error();
        if (auto lenient = CrlDocument::read(bytes, Strictness::Lenient)) {
            document_ = std::move(*lenient);
        }
    }

    // Nothing: it cannot be read.
    const std::optional<CrlDocument>& document() const { return document_; }

    // Why it proves nothing good.
    const std::optional<Text>& problem() const { return problem_; }

    // Checked once for each issuer. Only for a document that could be read.
    std::expected<void, Text> check_signer(const x509::Certificate& issuer) const {
        const std::scoped_lock lock(mutex_);
        const auto known = checked_.find(issuer->sha256);
        if (known != checked_.end()) {
            return known->second;
        }
        return checked_.emplace(issuer->sha256, document_->check_signer(issuer)).first->second;
    }

  private:
    std::optional<CrlDocument> document_;
    std::optional<Text> problem_;
    mutable std::mutex mutex_;
    mutable std::map<std::string, std::expected<void, Text>> checked_;  // by issuer's SHA-256
};

}  // namespace valija::revocation::internal
