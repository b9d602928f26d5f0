// The match profiles, each in a file of its own (*_match.cpp), with one interface; and what each
// demands of the other steps (the table in profiles.cpp).
//
// Promise: a profile asks questions about names in its order (`ask`), or proves the peer by its
// key (`prove`); DANE does the one or the other, as the record that matches says.
#pragma once

#include <string>
#include <string_view>

#include "trust/dane/verdict.hpp"
#include "trust/identity/comparison.hpp"
#include "trust/identity/ladder.hpp"

namespace valija::identity::internal {

struct Case;

// Whom a profile looks at.
struct Subject {
    const Rule& rule;
    const x509::Certificate& leaf;
    const Reached& reached;
    Direction direction;
};

enum class PathDemand {
    Anchors,  // a path to the partner's anchors
    Tlsa,     // a path to the certificate that a TLSA record of usage 2 names
    None,     // the key is known: no CA is asked
};
enum class DatesDemand { Path, Leaf, None };
enum class RevocationDemand {
    ByRule,  // as `revocation` of the partner says
    Known,   // a revocation that is known already counts; a list that is missing does not
    None,
};
enum class UsageDemand { Must, Told, None };  // Told: what is amiss is a warning

struct Demands {
    PathDemand path;
    DatesDemand dates;
    RevocationDemand revocation;
    UsageDemand usage;
};

struct ProfileRow {
    Profile profile;
    std::string_view word;
    x509::Rules rules;
    Demands demands;
    void (*ask)(const Subject&, Questions&);  // null: the key decides
    Step (*prove)(const Case&);               // null: names decide
    Text (*fix)(const Rule&);                 // what to do where no name matched
};

const ProfileRow& profile_row(Profile profile);

Demands dane_demands(const dane::Verdict& verdict);

void ask_exchange(const Subject& subject, Questions& asked);
Text fix_exchange(const Rule& rule);
void ask_cisco_verify(const Subject& subject, Questions& asked);
Text fix_cisco_verify(const Rule& rule);
void ask_cisco_hosted(const Subject& subject, Questions& asked);
Text fix_cisco_hosted(const Rule& rule);
void ask_strict(const Subject& subject, Questions& asked);
Text fix_strict(const Rule& rule);
Step prove_pinned(const Case& c);
Step prove_direct(const Case& c);
void ask_dane(const Subject& subject, Questions& asked);
Step prove_dane(const Case& c);
Text fix_dane(const Rule& rule);

// A name for evidence: escaped and bounded.
std::string escaped_name(std::string_view name);

}  // namespace valija::identity::internal
