#include "trust/revocation/book.hpp"

#include "trust/revocation/internal/search.hpp"

namespace valija::revocation {

std::string answer_key(const x509::Certificate& certificate, const x509::Certificate& issuer) {
    return certificate->sha256 + issuer->spki_sha256;
}

Book::Book(Lists by_url, Answers answers, Misses misses)
    : by_url_(std::move(by_url)), answers_(std::move(answers)), misses_(std::move(misses)) {}

Book Book::from_files(std::vector<std::string> lists, std::vector<x509::Certificate> signers) {
    Book book;
    for (size_t i = 0; i < lists.size(); ++i) {
        std::vector<std::string> inside = lists_in(std::move(lists[i]));
        if (inside.empty()) {
            inside.emplace_back();  // which is no list either, and says so
        }
        for (const std::string& bytes : inside) {
            book.files_.push_back(std::make_shared<const internal::FileList>(bytes));
            if (const auto& problem = book.files_.back()->problem()) {
                book.file_problems_.emplace_back(i, *problem);
            }
        }
    }
    book.signers_ = std::move(signers);
    return book;
}

Status Book::look_up(const x509::Certificate& certificate, const x509::Certificate& issuer, Time at,
                     Duration grace, std::string_view stapled,
                     std::span<const x509::Certificate> above) const {
    const internal::Sources sources{.by_url = by_url_,
                                    .answers = answers_,
                                    .misses = misses_,
                                    .files = files_,
                                    .signers = signers_};
    const internal::Question question{.certificate = certificate,
                                      .issuer = issuer,
                                      .at = at,
                                      .grace = grace,
                                      .stapled = stapled,
                                      .above = above};
    return internal::Search(sources, question).run();
}

std::string Book::staple(const x509::Certificate& certificate, const x509::Certificate& issuer,
                         Time at) const {
    constexpr size_t kLargestStaple = 8UL << 10U;
    const OcspAnswer* newest = nullptr;
    const auto [first, last] = answers_.equal_range(answer_key(certificate, issuer));
    for (auto row = first; row != last; ++row) {
        const OcspAnswer& answer = *row->second;
        if (answer.state == State::Revoked) {
            return {};
        }
        const bool is_current =
            answer.this_update <= at && at <= answer.next_update && at <= answer.signer_ends;
        if (answer.state == State::Good && is_current && answer.der.size() <= kLargestStaple &&
            (newest == nullptr || newest->this_update < answer.this_update)) {
            newest = &answer;
        }
    }
    return newest == nullptr ? std::string() : newest->der;
}

}  // namespace valija::revocation
