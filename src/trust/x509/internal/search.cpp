#include "trust/x509/internal/search.hpp"

#include <algorithm>

#include "platform/base/text.hpp"
#include "trust/x509/internal/name_constraints.hpp"
#include "trust/x509/internal/policies.hpp"
#include "trust/x509/native.hpp"

namespace valija::x509::internal {
namespace {

constexpr size_t kMostStepsToTell = 500;
constexpr size_t kMostPathsToTell = 50;

// How bad a path is that does not hold; the least bad one is told.
enum Badness { kHolds, kRefused, kDates, kUsage, kConstraint, kUnknownRoot, kForged, kIncomplete };

int badness_of(PathProblemKind kind) {
    switch (kind) {
        case PathProblemKind::Refused:
            return kRefused;
        case PathProblemKind::NotYetValid:
        case PathProblemKind::Expired:
            return kDates;
        case PathProblemKind::Usage:
            return kUsage;
        case PathProblemKind::WeakKey:
        case PathProblemKind::Constraint:
            return kConstraint;
        case PathProblemKind::UntrustedRoot:
            return kUnknownRoot;
        case PathProblemKind::Signature:
            return kForged;
        case PathProblemKind::IncompleteChain:
            return kIncomplete;
    }
    return kIncomplete;
}

int badness_of(const std::vector<PathProblem>& problems) {
    int worst = kHolds;
    for (const PathProblem& problem : problems) {
        worst = std::max(worst, badness_of(problem.kind));
    }
    return worst;
}

// 0: the identifiers say so, 1: they say nothing, 2: they speak against it (RFC 4158 3.5.12).
int mismatch(const Facts& certificate, const Facts& issuer) {
    if (!certificate.ids.authority || !issuer.ids.has_subject) {
        return 1;
    }
    return *certificate.ids.authority == issuer.ids.subject ? 0 : 2;
}

}  // namespace

BySubject by_subject(const std::vector<Certificate>& certificates) {
    BySubject made;
    for (const Certificate& certificate : certificates) {
        made.emplace(certificate.facts().subject, &certificate);
    }
    return made;
}

Search::Search(const BySubject& anchors, const std::vector<Certificate>& presented,
               const PathQuestion& question)
    : anchors_(anchors), presented_(presented), question_(question), left_(question.bounds) {
    std::set<std::string> seen;
    for (const Certificate& certificate : presented) {
        if (seen.insert(certificate->sha256).second) {
            issuers_.emplace(certificate.facts().subject, &certificate);
        }
    }
}

Path Search::run() {
    prune();
    const Certificate& leaf = presented_.front();
    const auto [first, last] = anchors_.equal_range(leaf.facts().subject);
    const bool is_anchor =
        std::any_of(first, last, [&](const auto& entry) { return *entry.second == leaf; });
    path_.push_back({&leaf, is_anchor});
    const bool leaf_holds = findings(leaf, {0, is_anchor}).empty();
    if (leaf_holds && explore()) {
        return std::move(best_);
    }
    mode_ = Mode::LeastBad;
    is_spent_ = false;
    left_.steps = std::min(question_.bounds.steps, kMostStepsToTell);
    left_.whole_paths = std::min(question_.bounds.whole_paths, kMostPathsToTell);
    badness_ = kIncomplete + 1;
    explore();
    return std::move(best_);
}

// From the anchors down, by names only: what cannot lead to one need not be tried.
void Search::prune() {
    std::unordered_multimap<std::string, const Certificate*> by_issuer;
    for (const auto& [subject, certificate] : issuers_) {
        by_issuer.emplace(certificate->facts().issuer, certificate);
    }
    std::set<std::string> reached;
    std::vector<std::string> waiting;
    for (const auto& [issuer, certificate] : by_issuer) {
        if (anchors_.contains(issuer) && reached.insert(issuer).second) {
            waiting.push_back(issuer);
        }
    }
    while (!waiting.empty()) {
        const std::string issuer = std::move(waiting.back());
        waiting.pop_back();
        const auto [first, last] = by_issuer.equal_range(issuer);
        for (auto at = first; at != last; ++at) {
            leading_.insert(at->second);
            const std::string& subject = at->second->facts().subject;
            if (reached.insert(subject).second) {
                waiting.push_back(subject);
            }
        }
    }
}

// Follows every way on from the end of the path; true where one that holds was found.
bool Search::explore() {
    if (left_.steps == 0) {
        is_spent_ = true;
        return false;
    }
    --left_.steps;
    const Step end = path_.back();
    if (end.is_anchor && finish()) {
        return true;
    }
    // An anchor that somebody else has issued may be a step to another one.
    if (end.is_anchor && (mode_ == Mode::LeastBad || end.certificate->facts().self_issued)) {
        return false;
    }
    const bool is_root = mode_ == Mode::LeastBad && has_signed(*end.certificate, *end.certificate);
    bool went_on = false;
    for (const Step& step : is_root ? std::vector<Step>() : candidates()) {
        if (!is_allowed(step)) {
            continue;
        }
        went_on = true;
        path_.push_back(step);
        if (explore()) {
            return true;
        }
        path_.pop_back();
    }
    if (!went_on && mode_ == Mode::LeastBad) {
        report(is_root ? PathProblemKind::UntrustedRoot : PathProblemKind::IncompleteChain);
    }
    return false;
}

// The path has reached an anchor.
bool Search::finish() {
    if (left_.whole_paths == 0) {
        is_spent_ = true;
        return false;
    }
    --left_.whole_paths;
    Path path{.certificates = certificates(), .problems = problems()};
    if (path.problems.empty() && question_.also && !question_.also(path.certificates)) {
        add_problem(path.problems, 0, PathProblemKind::Refused,
                    say("the chain holds, but one of its certificates was refused"));
    }
    const int badness = badness_of(path.problems);
    if (mode_ == Mode::LeastBad || badness == kHolds) {
        consider(std::move(path), badness);
    }
    return badness == kHolds;
}

void Search::report(PathProblemKind end) {
    Path path{.certificates = certificates(), .problems = {}};
    const size_t last = path_.size() - 1;
    if (is_spent_ || left_.signatures == 0) {
        add_problem(path.problems, last, PathProblemKind::Constraint,
                    say("the search was ended: too many possible chains"));
    } else if (was_cut_) {
        add_problem(
            path.problems, last, PathProblemKind::Constraint,
            say("the chain has more than {} intermediate CAs", question_.most_intermediates));
    }
    add_problem(path.problems, last, end,
                end == PathProblemKind::UntrustedRoot
                    ? say("the chain ends in a root that is not trusted here")
                    : say("the certificate of its issuer is missing"));
    std::vector<PathProblem> others = certificate_problems();
    std::ranges::move(others, std::back_inserter(path.problems));
    const int badness = badness_of(path.problems);
    consider(std::move(path), badness);
}

void Search::consider(Path path, int badness) {
    const bool is_better =
        badness < badness_ || (badness == badness_ && path.problems.size() < best_.problems.size());
    if (mode_ == Mode::Holding || is_better) {
        best_ = std::move(path);
        badness_ = badness;
    }
}

std::vector<Search::Step> Search::candidates() {
    const Certificate& certificate = *path_.back().certificate;
    std::vector<Step> found;
    const auto [first, last] = anchors_.equal_range(certificate.facts().issuer);
    for (auto at = first; at != last; ++at) {
        if (!is_on_path(*at->second)) {
            found.push_back({at->second, true});
        }
    }
    const size_t anchors = found.size();
    const bool is_full = path_.size() > question_.most_intermediates;
    const auto [begin, end] = issuers_.equal_range(certificate.facts().issuer);
    for (auto at = begin; at != end; ++at) {
        const bool is_known =
            std::any_of(found.begin(), found.begin() + static_cast<long>(anchors),
                        [&](const Step& s) { return *s.certificate == *at->second; });
        const bool leads = mode_ == Mode::LeastBad || leading_.contains(at->second);
        if (is_known || !leads || is_on_path(*at->second)) {
            continue;
        }
        if (is_full) {
            was_cut_ = true;
            continue;
        }
        found.push_back({at->second, false});
    }
    const auto rank = [&](const Step& step) {
        const CertificateFields& fields = *step.certificate->operator->();
        const bool dated = fields.not_before <= question_.at && question_.at <= fields.not_after;
        return std::tuple(mismatch(certificate.facts(), step.certificate->facts()), !dated,
                          !step.is_anchor, -to_millis(fields.not_after),
                          std::string_view(fields.sha256));
    };
    std::ranges::sort(found, {}, rank);
    return found;
}

// The same name with the same key again leads nowhere new (RFC 4158 2.4.2).
bool Search::is_on_path(const Certificate& certificate) const {
    return std::ranges::any_of(path_, [&](const Step& step) {
        return step.certificate->operator->()->spki_sha256 == certificate->spki_sha256 &&
               step.certificate->facts().subject == certificate.facts().subject;
    });
}

bool Search::is_allowed(const Step& step) {
    const Certificate& certificate = *path_.back().certificate;
    if (mode_ == Mode::Holding) {
        return findings(*step.certificate, {path_.size(), step.is_anchor}).empty() &&
               has_signed(*step.certificate, certificate);
    }
    // A signature that is wrong is told only where the identifiers do not explain it.
    return has_signed(*step.certificate, certificate) ||
           mismatch(certificate.facts(), step.certificate->facts()) != 2;
}

const std::vector<Finding>& Search::findings(const Certificate& certificate, Place place) {
    const auto [at, is_new] =
        findings_.try_emplace({&certificate, place.depth == 0, place.is_anchor});
    if (is_new) {
        at->second = find_problems(certificate, place, question_);
    }
    return at->second;
}

bool Search::has_signed(const Certificate& issuer, const Certificate& certificate) {
    const Key& key = issuer.facts().key;
    const bool names_agree = certificate.facts().issuer == issuer.facts().subject;
    if (!names_agree || !key.readable || key.expensive || !key.sound) {
        return false;
    }
    const auto [at, is_new] = signatures_.try_emplace({&certificate, issuer->spki_sha256}, false);
    if (is_new && left_.signatures == 0) {
        signatures_.erase(at);
        is_spent_ = true;
        return false;
    }
    if (is_new) {
        --left_.signatures;
        at->second = X509_verify(certificate.native(), X509_get0_pubkey(issuer.native())) == 1;
        ERR_clear_error();
    }
    return at->second;
}

// Of a path that does not belong together the rest is not worth the work.
std::vector<PathProblem> Search::problems() {
    std::vector<PathProblem> all = certificate_problems();
    if (std::ranges::find(all, PathProblemKind::Signature, &PathProblem::kind) != all.end()) {
        return all;
    }
    std::vector<PathProblem> of_path = path_problems();
    std::ranges::move(of_path, std::back_inserter(all));
    return all;
}

std::vector<PathProblem> Search::certificate_problems() {
    std::vector<PathProblem> all;
    for (size_t i = 0; i < path_.size(); ++i) {
        if (i + 1 < path_.size() && !has_signed(*path_[i + 1].certificate, *path_[i].certificate)) {
            add_problem(all, i, PathProblemKind::Signature,
                        say("its signature is not by the issuer it names"));
        }
        const bool is_anchor = path_[i].is_anchor && i + 1 == path_.size();
        for (const Finding& finding : findings(*path_[i].certificate, {i, is_anchor})) {
            add_problem(all, i, finding.kind, finding.text);
        }
    }
    return all;
}

// What only the whole path shows.
std::vector<PathProblem> Search::path_problems() {
    std::vector<PathProblem> all;
    add_lengths(all);
    add_names(all);
    std::vector<const Facts*> facts;
    size_t policies = 0;
    for (const Step& step : path_) {
        facts.push_back(&step.certificate->facts());
        policies += facts.back()->policies.ids.size() + facts.back()->policies.mappings.size();
    }
    if (policies > left_.policies) {
        left_.policies = 0;
        add_problem(all, 0, PathProblemKind::Constraint,
                    say("the chain has more certificate policies than are looked at"));
        return all;
    }
    left_.policies -= policies;
    if (const auto problem = find_policy_problem(facts)) {
        add_problem(all, problem->depth, PathProblemKind::Constraint, problem->text);
    }
    return all;
}

void Search::add_problem(std::vector<PathProblem>& to, size_t depth, PathProblemKind kind,
                         const Text& text) const {
    const std::string& subject = path_[depth].certificate->operator->()->subject;
    to.push_back({kind, depth, subject, say("{}: {}", escape_peer_text(subject), text)});
}

// RFC 5280 4.2.1.9: self-issued ones and the last certificate do not count.
void Search::add_lengths(std::vector<PathProblem>& to) const {
    long below = 0;
    for (size_t i = 1; i < path_.size(); ++i) {
        const Facts& facts = path_[i].certificate->facts();
        if (facts.basic.path_length && below > *facts.basic.path_length) {
            add_problem(to, i, PathProblemKind::Constraint,
                        say("it allows {} intermediate CAs below it, and there are {}",
                            *facts.basic.path_length, below));
        }
        below += facts.self_issued ? 0 : 1;
    }
}

// Under WebPki a common name is no name, unless there are no others.
void Search::add_names(std::vector<PathProblem>& to) {
    const CertificateFields& leaf = *path_.front().certificate->operator->();
    const bool cn_counts = question_.rules == Rules::Rfc5280 || !leaf.has_san;
    for (size_t i = path_.size() - 1; i > 0; --i) {
        const auto& constraints = path_[i].certificate->facts().constraints;
        for (size_t below = i; constraints && below-- > 0;) {
            const Facts& facts = path_[below].certificate->facts();
            if (below > 0 && facts.self_issued) {
                continue;
            }
            const auto found = find_violation(*constraints, facts.names, cn_counts && below == 0,
                                              left_.comparisons);
            if (found) {
                add_problem(to, below, PathProblemKind::Constraint, *found);
            }
        }
    }
}

std::vector<Certificate> Search::certificates() const {
    std::vector<Certificate> all;
    for (const Step& step : path_) {
        all.push_back(*step.certificate);
    }
    return all;
}

}  // namespace valija::x509::internal
