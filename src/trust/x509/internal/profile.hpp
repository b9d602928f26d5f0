// What is wrong with one certificate in its place on a path, whatever stands around it.
//
// Promise: pure. docs/rfc5280.md lists the rules and which of them are the CA/B Forum's only.
#pragma once

#include <vector>

#include "platform/base/phrase.hpp"
#include "trust/x509/anchors.hpp"
#include "trust/x509/internal/facts.hpp"

namespace valija::x509::internal {

struct Finding {
    PathProblemKind kind;
    Text text;
};

struct Place {
    size_t depth;  // 0 = leaf
    bool is_anchor;
};

std::vector<Finding> find_problems(const Certificate& certificate, Place place,
                                   const PathQuestion& question);

// The rules of Rules::WebPki beyond those of Rules::Rfc5280.
void add_web_pki_problems(const Certificate& certificate, Place place, const PathQuestion& question,
                          std::vector<Finding>& findings);

}  // namespace valija::x509::internal
