#include "trust/revocation/internal/search.hpp"

#include <algorithm>

#include "platform/base/text.hpp"
#include "trust/x509/direct_issue.hpp"

namespace valija::revocation::internal {
namespace {

using x509::Certificate;

// CRLReason 8: a delta says that a certificate is on hold no longer.
constexpr int kRemoveFromCrl = 8;

// Numbers are big endian without leading zeros.
bool is_less(const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
}

Text dates_of(const Text& place, Time from, Time until) {
    return say("list {} of {}, good until {}", place, iso_time(from), iso_time(until));
}

}  // namespace

Search::Search(const Sources& sources, const Question& question)
    : sources_(sources),
      question_(question),
      serial_(serial_key_of(question.certificate)),
      points_(distribution_points(question.certificate)),
      issuer_key_(question.issuer->spki_sha256) {
    const std::string subject = escape_peer_text(question.certificate->subject);
    lack(Lack::NotNamed,
         sources.files.empty() ? say("{} names no revocation list (CRL)", subject)
                               : say("of {} there is no list by {}", subject,
                                     escape_peer_text(question.issuer->subject)),
         {});
    for (const DistributionPoint& point : points_.points) {
        for (const std::string& url : point.urls) {
            if (!names_urls_) {
                lack_list(url);
            }
            names_urls_ = true;
        }
        if (point.of_another_issuer) {
            lack(Lack::Unusable,
                 say("its lists are signed by another authority (indirect), which is not taken "
                     "here"),
                 point.urls.empty() ? std::string() : point.urls.front());
        }
    }
    if (points_.is_malformed) {
        lack(Lack::Unusable, say("its distribution points are malformed"), {});
    }
}

void Search::lack(Lack kind, Text why, const std::string& url) {
    unknown_.evidence = std::move(why);
    unknown_.url = url;
    unknown_.lack = kind;
}

// A list that is not there: with the reason of its last fetch, where there was one.
void Search::lack_list(const std::string& url) {
    const auto miss = sources_.misses.find(url);
    if (miss == sources_.misses.end()) {
        lack(Lack::NotFetched, say("no usable list from {} yet", escape_peer_text(url)), url);
    } else {
        lack(miss->second.lack,
             say("no usable list from {}: {}", escape_peer_text(url),
                 escape_peer_text(miss->second.why, 300)),
             url);
    }
}

// A list that is there and does not count now: if its place cannot be reached, that is the cause.
void Search::lack_end(Lack kind, Text why, const std::string& url) {
    const auto miss = sources_.misses.find(url);
    if (miss == sources_.misses.end()) {
        lack(kind, std::move(why), url);
    } else {
        const bool is_away = miss->second.lack == Lack::Unreachable;
        lack(is_away ? Lack::Unreachable : kind,
             say("{}; the last fetch failed: {}", why, escape_peer_text(miss->second.why, 300)),
             url);
    }
}

void Search::revoke(const Entry& entry, const Text& span, const std::string& url) {
    if (!revoked_) {
        revoked_ =
            Status{.state = State::Revoked,
                   .evidence = say("serial {} revoked at {}; {}", question_.certificate->serial,
                                   iso_time(entry.revoked_at), span),
                   .url = url};
    }
}

Status Search::run() {
    gather();
    ask_lists();
    ask_answers();
    ask_stapled();
    if (revoked_) {
        return *revoked_;
    }
    const bool is_good_by_lists = covered_ == kAllReasons && !points_.is_malformed;
    if (is_good_by_lists || is_good_by_answer_) {
        return good_;
    }
    if (covered_ != 0 && !points_.is_malformed) {
        unknown_.evidence = say("only some reasons for revocation are covered: {}", good_.evidence);
    }
    return unknown_;
}

void Search::ask_answer(const OcspAnswer& answer, const std::string& url, const Text& span) {
    if (answer.state == State::Revoked) {
        revoke(answer.revoked, span, url);
        return;
    }
    const bool is_current =
        question_.at >= answer.this_update && question_.at <= answer.next_update + question_.grace;
    if (!is_current) {
        lack_end(Lack::OutOfDate, say("out of date: {}", span), url);
    } else if (answer.state == State::Unknown) {
        lack(Lack::Unusable, say("the OCSP responder does not know this certificate"), url);
    } else {
        is_good_by_answer_ = true;
        if (covered_ != kAllReasons) {
            good_.evidence = span;
            good_.url = url;
        }
    }
}

void Search::ask_stapled() {
    if (question_.stapled.empty()) {
        return;
    }
    const auto answer =
        read_ocsp(question_.stapled, question_.certificate, question_.issuer, question_.at);
    if (!answer) {
        // What a peer staples cannot make a good state worse, unless it says "revoked".
        if (unknown_.url.empty()) {
            lack(Lack::Unusable, answer.error(), {});
        }
        return;
    }
    ask_answer(*answer, {},
               say("stapled OCSP answer of {}, good until {}", iso_time(answer->this_update),
                   iso_time(answer->next_update)));
}

void Search::ask_answers() {
    if (sources_.answers.empty()) {
        return;
    }
    const auto [first, last] =
        sources_.answers.equal_range(answer_key(question_.certificate, question_.issuer));
    for (auto row = first; row != last; ++row) {
        const OcspAnswer& answer = *row->second;
        const auto& urls = question_.certificate->ocsp_urls;
        ask_answer(answer, urls.empty() ? std::string() : urls.front(),
                   say("OCSP answer of {}, good until {}", iso_time(answer.this_update),
                       iso_time(answer.next_update)));
    }
}

void Search::gather() {
    gather_by_url();
    gather_files();
}

// A certificate that names no address may be on any list of its issuer (RFC 5280 6.3.3, end).
void Search::gather_by_url() {
    const auto add = [this](const std::string& url, const CrlIndex& list) {
        if (!is_by_issuer(list)) {
            return;
        }
        (list.is_delta() ? deltas_ : lists_).push_back({.list = &list, .url = url});
    };
    if (!names_urls_) {
        for (const auto& [url, list] : sources_.by_url) {
            add(url, *list);
        }
        return;
    }
    const auto add_url = [&](const std::string& url) {
        const auto found = sources_.by_url.find(url);
        if (found != sources_.by_url.end()) {
            add(url, *found->second);
        }
    };
    for (const DistributionPoint& point : points_.points) {
        std::ranges::for_each(point.urls, add_url);
    }
    std::ranges::for_each(freshest_urls(question_.certificate), add_url);
    for (size_t i = 0, count = lists_.size(); i < count; ++i) {
        std::ranges::for_each(lists_[i].list->facts().freshest_urls, add_url);
    }
}

void Search::gather_files() {
    for (const auto& file : sources_.files) {
        if (file->problem()) {
            lack(Lack::Unusable, say("a list cannot be used: {}", *file->problem()), {});
        }
        if (!file->document()) {
            continue;
        }
        const CrlIndex& list = file->document()->unverified();
        if (list.facts().issuer != question_.issuer.canonical_subject()) {
            continue;
        }
        if (const auto checked = check_file(*file); !checked) {
            lack(Lack::Unusable, say("a list cannot be used: {}", checked.error()), {});
        } else {
            (list.is_delta() ? deltas_ : lists_)
                .push_back({.list = &list, .url = {}, .only_revokes = file->problem().has_value()});
        }
    }
}

bool Search::is_by_issuer(const CrlIndex& list) {
    if (list.issuer_sha256() == question_.issuer->sha256) {
        return true;
    }
    if (list.facts().issuer != question_.issuer.canonical_subject()) {
        return false;
    }
    return list.issuer_key() == issuer_key_ ||
           std::ranges::any_of(question_.above, [&](const Certificate& authority) {
               return list.issuer_sha256() == authority->sha256;
           });
}

// The issuer's own key first; then another key of its name, of the path or vouched for by it.
std::expected<void, Text> Search::check_file(const FileList& file) const {
    const auto by_issuer = file.check_signer(question_.issuer);
    if (by_issuer) {
        return by_issuer;
    }
    for (const Certificate& authority : question_.above) {
        if (file.check_signer(authority)) {
            return {};
        }
    }
    for (const Certificate& signer : sources_.signers) {
        if (signer.canonical_subject() == question_.issuer.canonical_subject() &&
            file.check_signer(signer) && is_vouched_for(signer)) {
            return {};
        }
    }
    return by_issuer;
}

// RFC 5280 6.3.3 (f): its path must reach the same anchor, so an authority of the path issued it;
// and it must be good itself.
bool Search::is_vouched_for(const Certificate& signer) const {
    const auto above = question_.above.empty() ? std::span(&question_.issuer, 1) : question_.above;
    for (size_t i = 0; i < above.size(); ++i) {
        if (!x509::is_issued_directly(signer, above[i], question_.at)) {
            continue;
        }
        static const std::vector<Certificate> no_signers;
        const Sources without{.by_url = sources_.by_url,
                              .answers = sources_.answers,
                              .misses = sources_.misses,
                              .files = sources_.files,
                              .signers = no_signers};
        const Question about{.certificate = signer,
                             .issuer = above[i],
                             .at = question_.at,
                             .grace = question_.grace,
                             .stapled = {},
                             .above = above.subspan(i)};
        return Search(without, about).run().state == State::Good;
    }
    return false;
}

// A list fetched from an address counts only for certificates that name this address.
bool Search::names_place(const Candidate& candidate, const DistributionPoint& point) const {
    return candidate.url.empty() || !names_urls_ ||
           std::ranges::find(point.urls, candidate.url) != point.urls.end();
}

void Search::ask_lists() {
    for (const DistributionPoint& point : points_.points) {
        for (const Candidate& candidate : lists_) {
            if (!point.of_another_issuer && names_place(candidate, point)) {
                ask_list(candidate, point);
            }
        }
    }
}

Text Search::span_of(const Candidate& candidate) const {
    return dates_of(candidate.url.empty() ? say("given as a file")
                                          : Text::verbatim(escape_peer_text(candidate.url)),
                    candidate.list->this_update(), candidate.list->next_update());
}

void Search::ask_list(const Candidate& candidate, const DistributionPoint& point) {
    const CrlIndex& list = *candidate.list;
    const Text span = span_of(candidate);
    if (!covers(list.facts().scope, point, question_.certificate)) {
        if (covered_ == 0) {
            lack(Lack::Unusable, say("not for this certificate by its scope: {}", span),
                 candidate.url);
        }
        return;
    }
    if (const auto found = find_in(candidate)) {
        revoke(found->entry, span_of(*found->list), found->list->url);
        return;
    }
    if (candidate.only_revokes) {
        return;
    }
    if (question_.at < list.this_update()) {
        lack_end(Lack::OutOfDate, say("dated in the future: {}", span), candidate.url);
        return;
    }
    if (question_.at > list.next_update() + question_.grace) {
        lack_end(Lack::OutOfDate, say("out of date: {}", span), candidate.url);
        return;
    }
    const auto reasons = static_cast<uint16_t>(list.facts().scope.reasons & point.reasons);
    if (reasons != 0 && covered_ != kAllReasons) {
        good_.evidence = span;
        good_.url = candidate.url;
    }
    covered_ = static_cast<uint16_t>(covered_ | reasons);
}

// RFC 5280 5.2.4 (c): a delta goes with a base of the same scope that is new enough for it.
bool Search::applies(const CrlIndex& delta, const CrlIndex& base) const {
    const CrlFacts& d = delta.facts();
    const CrlFacts& b = base.facts();
    return d.scope == b.scope && d.issuer_key_id == b.issuer_key_id && b.has_number &&
           !is_less(b.number, d.base_number) && is_less(b.number, d.number);
}

// By the base, completed by its newest delta. What a delta takes back counts only while it is
// current; what it revokes stays revoked.
std::optional<Search::Found> Search::find_in(const Candidate& base) const {
    std::optional<Found> found;
    if (const auto entry = base.list->find(serial_)) {
        found = {.entry = *entry, .list = &base};
    }
    std::string newest;
    for (const Candidate& candidate : deltas_) {
        const CrlIndex& delta = *candidate.list;
        if (!applies(delta, *base.list) || is_less(delta.facts().number, newest)) {
            continue;
        }
        const auto changed = delta.find(serial_);
        const bool is_current =
            question_.at >= delta.this_update() && question_.at <= delta.next_update();
        const bool is_removal = changed && changed->reason == kRemoveFromCrl;
        const bool is_twin = found && found->list != &base && delta.facts().number == newest;
        if (!changed || (is_removal && (!is_current || is_twin || candidate.only_revokes))) {
            continue;
        }
        newest = delta.facts().number;
        found.reset();
        if (changed->reason != kRemoveFromCrl) {
            found = {.entry = *changed, .list = &candidate};
        }
    }
    return found;
}

}  // namespace valija::revocation::internal
