// A list that an operator handed in: what it is, and by whom it is signed. Any thread.
#pragma once

#include <map>
#include <mutex>

#include "trust/revocation/crl.hpp"

namespace valija::revocation::internal {

class FileList {
  public:
    explicit FileList(std::string bytes)
        : document_(CrlDocument::read(std::move(bytes), Strictness::Strict)) {}

    const std::expected<CrlDocument, Text>& document() const { return document_; }

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
    std::expected<CrlDocument, Text> document_;
    mutable std::mutex mutex_;
    mutable std::map<std::string, std::expected<void, Text>> checked_;  // by issuer's SHA-256
};

}  // namespace valija::revocation::internal
