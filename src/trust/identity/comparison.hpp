// The table of comparisons: reference names beside presented names, in the order of the profile.
//
// Promise: pure; references are made from the rule and from how the peer was reached, never from
// what it presents (CI-06); a profile lists its questions in order and the first match ends them
// (CI-15, CI-33). The judge's identity step is made from the same questions.
// Not here: profiles that compare keys (`pinned`, `direct`, `dane` usage 3): they have no table.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trust/identity/names.hpp"
#include "trust/identity/reached.hpp"
#include "trust/identity/rule.hpp"

namespace valija::identity {

enum class ReferenceOrigin { Domain, Names, Route, Mx, Ptr, TlsaBase };

std::string_view origin_text(ReferenceOrigin origin);  // "domain", "names", "route", …

struct Reference {
    std::string name;
    ReferenceOrigin origin = ReferenceOrigin::Domain;
    bool weak = false;  // from unsigned DNS: whoever answers for DNS can choose it
};

struct Comparison {
    Reference reference;
    PresentedName presented;
    NameRule rule = NameRule::None;  // None: no match
    Text result;                     // the rule in words, or the nearest miss
};

// One question of a profile: does any of these presented names stand for the reference?
struct Question {
    Reference reference;
    const std::vector<PresentedName>* presented;
    NameRule (*rule)(std::string_view reference, std::string_view name);
};

// All that a profile asks, in its order.
struct Questions {
    std::vector<PresentedName> san;
    std::vector<PresentedName> common;
    std::vector<Question> questions;  // point into `san` and `common`
    Text note;                        // what people should know: "… so its CN does not count"

    Questions() = default;
    Questions(const Questions&) = delete;
    Questions& operator=(const Questions&) = delete;
    Questions(Questions&&) = delete;
    Questions& operator=(Questions&&) = delete;
    ~Questions() = default;

    void ask(Reference reference, const std::vector<PresentedName>& presented,
             NameRule (*rule)(std::string_view, std::string_view));
};

struct Match {
    Reference reference;
    PresentedName presented;
    NameRule rule = NameRule::None;
};

std::optional<Match> first_match(const Questions& asked);

// What was compared, up to the first match; at most 1000 rows.
std::vector<Comparison> comparisons(const Questions& asked);

// The whole table for one certificate, for `valija check`; empty where keys decide.
std::vector<Comparison> compare_names(const Rule& rule, const x509::Certificate& leaf,
                                      const Reached& reached, Direction direction);

}  // namespace valija::identity
