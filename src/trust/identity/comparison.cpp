#include "trust/identity/comparison.hpp"

#include <array>

#include "platform/base/result.hpp"

namespace valija::identity {
namespace {

constexpr size_t kMostRows = 1000;

}  // namespace

std::string_view origin_text(ReferenceOrigin origin) {
    static constexpr auto words =
        std::to_array<std::string_view>({"domain", "names", "route", "mx", "ptr", "tlsa-base"});
    return words.at(static_cast<size_t>(origin));
}

void Questions::ask(Reference reference, const std::vector<PresentedName>& presented,
                    NameRule (*rule)(std::string_view, std::string_view)) {
    if (!reference.name.empty()) {
        questions.push_back(
            {.reference = std::move(reference), .presented = &presented, .rule = rule});
    }
}

std::optional<Match> first_match(const Questions& asked) {
    for (const Question& question : asked.questions) {
        for (const PresentedName& name : *question.presented) {
            const NameRule rule = question.rule(question.reference.name, name.name);
            if (rule != NameRule::None) {
                return Match{.reference = question.reference, .presented = name, .rule = rule};
            }
        }
    }
    return std::nullopt;
}

std::vector<Comparison> comparisons(const Questions& asked) {
    std::vector<Comparison> rows;
    for (const Question& question : asked.questions) {
        for (const PresentedName& name : *question.presented) {
            if (rows.size() == kMostRows) {
                return rows;
            }
            const NameRule rule = question.rule(question.reference.name, name.name);
            rows.push_back({.reference = question.reference,
                            .presented = name,
                            .rule = rule,
                            .result = rule == NameRule::None
                                          ? nearest_miss(question.reference.name, name.name)
                                          : rule_text(rule)});
            if (rule != NameRule::None) {
                return rows;
            }
        }
    }
    return rows;
}

}  // namespace valija::identity
