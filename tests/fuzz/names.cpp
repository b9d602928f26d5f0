// Names: the first line is the reference, each further one is presented. A rule never matches what
// a naive model, label by label, refuses; and nothing crashes on what is no name.
#include "trust/identity/names.hpp"

#include <algorithm>

#include "fuzz/check.hpp"
#include "trust/identity/exchange_match.hpp"
#include "trust/identity/lookalike.hpp"

namespace {

using namespace valija;
using identity::NameRule;
using Labels = std::vector<std::string>;

constexpr size_t kMostNames = 50;

// Lower-case labels; empty if any is no label of a host name ("*" may be the first).
Labels labels_of(std::string_view name) {
    Labels labels;
    size_t length = 0;
    for (const std::string_view part : split(name, '.')) {
        const bool is_good =
            !part.empty() && part.size() <= 63 &&
            (std::ranges::all_of(part,
                                 [](char c) {
                                     return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                            (c >= '0' && c <= '9') || c == '-' || c == '_';
                                 }) ||
             (part == "*" && labels.empty()));
        if (!is_good) return {};
        labels.push_back(lower(part));
        length += part.size() + 1;
    }
    return length <= 256 + 2 ? labels : Labels();
}

bool is_below(const Labels& name, const Labels& parent) {
    return name.size() == parent.size() + 1 &&
           std::equal(parent.begin(), parent.end(), name.begin() + 1);
}

bool model_exact(const Labels& reference, const Labels& name) {
    return !name.empty() && name.front() != "*" && name == reference;
}

bool model_wildcard(const Labels& reference, const Labels& name) {
    if (name.empty() || name.front() != "*") return model_exact(reference, name);
    return reference.size() == name.size() && reference.size() >= 3 && reference.front() != "*" &&
           std::equal(name.begin() + 1, name.end(), reference.begin() + 1);
}

bool model_exchange(const Labels& reference, const Labels& name) {
    if (name.empty()) return false;
    if (name.front() != "*") return name == reference || is_below(name, reference);
    return Labels(name.begin() + 1, name.end()) == reference || model_wildcard(reference, name);
}

void check(std::string_view reference, std::string_view name) {
    const Labels wanted = labels_of(reference);
    const Labels given = labels_of(name);
    const auto agrees = [&](NameRule rule, bool model) {
        CHECK_THAT(rule == NameRule::None || (!wanted.empty() && model));
    };
    agrees(identity::exact_rule(reference, name), model_exact(wanted, given));
    agrees(identity::wildcard_rule(reference, name), model_wildcard(wanted, given));
    agrees(identity::exchange_rule(reference, name), model_exchange(wanted, given));
    CHECK_THAT(!identity::nearest_miss(reference, name).empty());
    CHECK_THAT(identity::nearness(reference, name) <= 3);
    CHECK_THAT(!identity::looks_like(name, name));
    CHECK_THAT(identity::decode_punycode(name).size() <= 63);
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto lines = fuzz::lines_of(fuzz::text_of(data, size));
    for (size_t i = 1; i < std::min(lines.size(), kMostNames); ++i) {
        check(lines.front(), lines[i]);
    }
    return 0;
}
