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
    for (std::string& bytes : lists) {
        book.files_.push_back(std::make_shared<const internal::FileList>(std::move(bytes)));
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
    const auto found = answers_.find(answer_key(certificate, issuer));
    if (found == answers_.end()) {
        return {};
    }
    const OcspAnswer& answer = *found->second;
    const bool is_current = answer.this_update <= at && at <= answer.next_update;
    return answer.state == State::Good && is_current ? answer.der : std::string();
}

}  // namespace valija::revocation
