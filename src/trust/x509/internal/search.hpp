// The search for a path: depth first, with alternatives, within bounds (RFC 4158, RFC 5280 6.1).
//
// Promise: pure but for the signature checks, which OpenSSL does; each pair of certificate and
// issuer's key is checked once, and each certificate examined once for each kind of place. First
// only issuers with nothing wrong are tried; if no path holds, all of them, to tell the least bad
// one.
#pragma once

#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "trust/x509/anchors.hpp"
#include "trust/x509/internal/profile.hpp"

namespace valija::x509::internal {

// By canonical subject.
using BySubject = std::unordered_multimap<std::string, const Certificate*>;

BySubject by_subject(const std::vector<Certificate>& certificates);

class Search {
  public:
    Search(const BySubject& anchors, const std::vector<Certificate>& presented,
           const PathQuestion& question);

    Path run();

  private:
    struct Step {
        const Certificate* certificate;
        bool is_anchor;
    };

    enum class Mode { Holding, LeastBad };

    void prune();
    bool explore();
    bool finish();
    void report(PathProblemKind end);
    void consider(Path path, int badness);
    std::vector<Step> candidates();
    bool is_on_path(const Certificate& certificate) const;
    bool is_allowed(const Step& step);
    const std::vector<Finding>& findings(const Certificate& certificate, Place place);
    bool has_signed(const Certificate& issuer, const Certificate& certificate);
    std::vector<PathProblem> problems();
    std::vector<PathProblem> certificate_problems();
    std::vector<PathProblem> path_problems();
    void add_problem(std::vector<PathProblem>& to, size_t depth, PathProblemKind kind,
                     const Text& text) const;
    void add_lengths(std::vector<PathProblem>& to) const;
    void add_names(std::vector<PathProblem>& to);
    std::vector<Certificate> certificates() const;

    const BySubject& anchors_;
    const std::vector<Certificate>& presented_;
    const PathQuestion& question_;
    BySubject issuers_;
    std::set<const Certificate*> leading_;  // presented ones from which an anchor can be reached
    std::map<std::pair<const Certificate*, std::string>, bool> signatures_;
    // By certificate, whether it is the leaf, and whether it is an anchor: nothing else counts.
    std::map<std::tuple<const Certificate*, bool, bool>, std::vector<Finding>> findings_;
    std::vector<Step> path_;
    PathBounds left_;
    Mode mode_ = Mode::Holding;
    bool was_cut_ = false;  // a path was not followed because it was too long
    bool is_spent_ = false;
    Path best_;
    int badness_ = 0;
};

}  // namespace valija::x509::internal
