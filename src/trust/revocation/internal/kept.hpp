// One thing that the keeper keeps: a list, or an OCSP answer; and its form on disk.
//
// A `.want` file says what is kept: a line with the address ("ocsp " before it for an answer), then
// certificates in PEM: of an answer the certificate that it is about first, then the issuers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.hpp"
#include "platform/base/time.hpp"
#include "trust/revocation/book.hpp"

namespace valija::revocation::internal {

constexpr size_t kMostIssuers = 8;

struct Kept {
    std::string url;
    std::optional<x509::Certificate> certificate = {};  // of an OCSP answer: whom it is about
    std::vector<x509::Certificate> issuers = {};        // candidates
    std::shared_ptr<const CrlIndex> list = {};
    std::shared_ptr<const OcspAnswer> answer = {};
    std::string issuer = {};  // subject of the one that signed
    Time next_fetch = {};
    int failures = 0;
    bool fetching = false;
    bool is_saved = false;  // the .want file says what is here
    Time next_save = {};    // not before
    bool is_named = false;  // by the configuration
    std::string last_error = {};
    Lack lack = Lack::None;  // of last_error

    std::string key() const;   // of the keeper's map
    std::string stem() const;  // of its files

    bool is_loaded() const { return list != nullptr || answer != nullptr; }

    Time this_update() const;
    Time next_update() const;

    // Of the first candidate by whom the bytes are signed; else the first one's reason.
    Result<void> load(std::string_view bytes, Time at);
};

std::string key_of_answer(const std::string& url, const x509::Certificate& certificate);

std::string want_text(const Kept& kept);
Result<Kept> read_want(std::string_view text);

// A scheme that the fetcher knows, and a host.
bool can_be_fetched(std::string_view url);

}  // namespace valija::revocation::internal
