// One look-up in the book (RFC 5280 6.3.3): which lists count for a certificate, and what they say.
#pragma once

#include "trust/revocation/book.hpp"
#include "trust/revocation/internal/file_list.hpp"

namespace valija::revocation::internal {

struct Question {
    const x509::Certificate& certificate;
    const x509::Certificate& issuer;
    Time at;
    Duration grace;
    std::string_view stapled;
    std::span<const x509::Certificate> above;
};

struct Sources {
    const Lists& by_url;
    const Answers& answers;
    const Misses& misses;
    const std::vector<std::shared_ptr<const FileList>>& files;
    const std::vector<x509::Certificate>& signers;
};

class Search {
  public:
    Search(const Sources& sources, const Question& question);
    Status run();

  private:
    struct Candidate {
        const CrlIndex* list;
        std::string url;            // empty: a file
        bool only_revokes = false;  // breaks a rule of form: no proof of anything good
    };

    void ask_stapled();
    void ask_answers();
    void ask_answer(const OcspAnswer& answer, const std::string& url, const Text& span);
    void gather();
    void gather_by_url();
    void gather_files();
    bool is_by_issuer(const CrlIndex& list);
    std::expected<void, Text> check_file(const FileList& file) const;
    bool is_vouched_for(const x509::Certificate& signer) const;
    void ask_lists();
    void ask_list(const Candidate& candidate, const DistributionPoint& point);

    // What a list says of the certificate, and the list: the base, or a delta of it.
    struct Found {
        Entry entry;
        const Candidate* list;
    };

    std::optional<Found> find_in(const Candidate& base) const;
    bool applies(const CrlIndex& delta, const CrlIndex& base) const;
    bool names_place(const Candidate& candidate, const DistributionPoint& point) const;
    void lack(Lack kind, Text why, const std::string& url);
    void lack_list(const std::string& url);
    void lack_end(Lack kind, Text why, const std::string& url);
    void revoke(const Entry& entry, const Text& span, const std::string& url);
    Text span_of(const Candidate& candidate) const;

    const Sources& sources_;
    const Question& question_;
    std::string serial_;
    DistributionPoints points_;
    bool names_urls_ = false;
    std::string issuer_key_;
    std::vector<Candidate> lists_;
    std::vector<Candidate> deltas_;
    uint16_t covered_ = 0;  // reasons
    bool is_good_by_answer_ = false;
    Status good_{.state = State::Good, .evidence = {}, .url = {}};
    Status unknown_;
    std::optional<Status> revoked_;
};

}  // namespace valija::revocation::internal
