// What the steps of one judgement look at, and the steps themselves.
//
// Promise: a Case is made once by judge(), with the path already built; each step is a function of
// it. Borrowed references live as long as the judgement.
#pragma once

#include "trust/identity/internal/profiles.hpp"
#include "trust/identity/judge.hpp"

namespace valija::identity::internal {

struct Case {
    const Rule& rule;
    const x509::Evidence& evidence;
    const Reached& reached;
    Direction direction;
    const revocation::Book& book;
    Time now;
    const OwnStatus& own;
    const ProfileRow& profile;
    dane::Verdict tlsa = {};  // of profile `dane`
    Demands demands = {};     // the profile's, or what the TLSA record leaves of them
    x509::Path path = {};
    bool tolerated = false;  // inbound: only as a server's certificate does it hold

    bool inbound() const { return direction == Direction::Inbound; }

    const x509::Certificate& leaf() const { return evidence.peer_chain.front(); }

    Subject subject() const {
        return {.rule = rule, .leaf = leaf(), .reached = reached, .direction = direction};
    }
};

// Finds the path that the profile asks for; sets `path` and `tolerated`.
void build_path(Case& c);

// What the book knows of the certificate at this place of a path; the last has none above it.
revocation::Status status_of(const Case& c, const std::vector<x509::Certificate>& path, size_t at);

bool is_of_dates(const x509::PathProblem& problem);
bool is_of_usage(const x509::PathProblem& problem);
bool is_of_revocation(const x509::PathProblem& problem);

Step chain_step(const Case& c);
Step dates_step(const Case& c);
Step revocation_step(const Case& c);
Step usage_step(const Case& c);
Step identity_step(const Case& c);
Step own_step(const Case& c);

}  // namespace valija::identity::internal
