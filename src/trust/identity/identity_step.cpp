// The step `identity`: made from the profile's questions, or from its proof by key.
#include <fmt/format.h>

#include "platform/base/text.hpp"
#include "trust/identity/address_match.hpp"
#include "trust/identity/internal/case.hpp"

namespace valija::identity::internal {
namespace {

constexpr size_t kLongestName = 260;
constexpr size_t kLongestList = 600;
constexpr size_t kMostNamesTried = 100;
constexpr size_t kMostQuestionsTried = 20;

// All names of the certificate that could count, each once.
std::string names_text(const Questions& asked) {
    std::string text;
    for (const auto* list : {&asked.san, &asked.common}) {
        for (const PresentedName& name : *list) {
            text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", escaped_name(name.name),
                                name.origin);
            if (text.size() > kLongestList) {
                return text + ", …";
            }
        }
    }
    return text;
}

// The comparison that came nearest, for people.
std::optional<Match> nearest_of(const Questions& asked) {
    std::optional<Match> best;
    int best_nearness = -1;
    for (size_t i = 0; i < std::min(asked.questions.size(), kMostQuestionsTried); ++i) {
        const Question& question = asked.questions[i];
        for (size_t k = 0; k < std::min(question.presented->size(), kMostNamesTried); ++k) {
            const PresentedName& name = (*question.presented)[k];
            const int near = nearness(question.reference.name, name.name);
            if (near > best_nearness) {
                best_nearness = near;
                best = Match{.reference = question.reference, .presented = name};
            }
        }
    }
    return best;
}

Text origin_words(ReferenceOrigin origin) {
    switch (origin) {
        case ReferenceOrigin::Names:
            return say("one of the partner's `names`");
        case ReferenceOrigin::Route:
            return say("the host name of its route");
        case ReferenceOrigin::Mx:
            return say("the MX host connected to");
        case ReferenceOrigin::Ptr:
            return say("the PTR name of its address");
        case ReferenceOrigin::TlsaBase:
            return say("the host of the TLSA record");
        case ReferenceOrigin::Domain:
            break;
    }
    return say("the partner's domain");
}

Step matched(const Match& match) {
    const std::string name = escaped_name(match.presented.name);
    const Text rule = rule_text(match.rule);
    Step step{.name = StepName::Identity, .state = StepState::Pass};
    if (match.reference.origin == ReferenceOrigin::Domain) {
        step.evidence = say("{} matches {} ({})", name, match.reference.name, rule);
        return step;
    }
    step.evidence = say("{} matches {} ({}), {}", name, escaped_name(match.reference.name), rule,
                        origin_words(match.reference.origin));
    if (match.reference.weak) {
        step.state = StepState::Warn;
        step.actor = Actor::You;
        step.evidence +=
            say("; weak: from unsigned DNS, so whoever can forge DNS answers can "
                "choose this name");
        step.fix =
            say("`valija partner pin` writes the partner's host names into `names`, so that "
                "DNS no longer decides");
    }
    return step;
}

Step mismatched(const Case& c, const Questions& asked) {
    const std::string names = names_text(asked);
    Step step{.name = StepName::Identity,
              .state = StepState::Fail,
              .evidence = names.empty() ? say("the certificate carries no name that counts")
                                        : say("no name stands for {}: {}", c.rule.domain, names),
              .fix = c.profile.fix(c.rule),
              .actor = Actor::Partner,
              .reason = Reason::SubjectMismatch};
    if (const auto near = nearest_of(asked)) {
        step.evidence += say("; {}: {}", escaped_name(near->presented.name),
                             nearest_miss(near->reference.name, near->presented.name));
    }
    step.evidence += asked.note;
    for (const std::string& common : c.leaf()->common_names) {
        if (!is_comparable(common)) {
            step.evidence +=
                say("; {}: {}", escaped_name(common), nearest_miss(c.rule.domain, common));
            break;
        }
    }
    return step;
}

}  // namespace

std::string escaped_name(std::string_view name) { return escape_peer_text(name, kLongestName); }

Step identity_step(const Case& c) {
    const bool by_key = c.profile.prove != nullptr && c.demands.path == PathDemand::None;
    if (by_key) {
        return c.profile.prove(c);
    }
    if (c.rule.path_only) {
        return {.name = StepName::Identity,
                .evidence = say("no name was asked for: only the path is judged")};
    }
    if (!c.rule.ip_addresses.empty() || !c.rule.emails.empty()) {
        Step step = address_step(c.rule, c.leaf());
        if (step.state == StepState::Fail || c.rule.domain.empty()) {
            return step;
        }
    }
    Questions asked;
    c.profile.ask(c.subject(), asked);
    const auto match = first_match(asked);
    return match ? matched(*match) : mismatched(c, asked);
}

}  // namespace valija::identity::internal
