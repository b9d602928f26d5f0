#include "trust/identity/ladder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "platform/base/text.hpp"

namespace valija::identity {
namespace {

template <class Enum>
struct Word {
    Enum value;
    std::string_view text;
};

constexpr auto kSteps = std::to_array<Word<StepName>>({
    {StepName::Policy, "policy"},
    {StepName::Dns, "dns"},
    {StepName::Tcp, "tcp"},
    {StepName::StartTls, "starttls"},
    {StepName::Handshake, "handshake"},
    {StepName::Chain, "chain"},
    {StepName::Dates, "dates"},
    {StepName::Revocation, "revocation"},
    {StepName::Usage, "usage"},
    {StepName::Identity, "identity"},
    {StepName::OwnCertificate, "own-certificate"},
    {StepName::Verdict, "verdict"},
});

constexpr auto kStates = std::to_array<Word<StepState>>({
    {StepState::Pass, "pass"},
    {StepState::Warn, "warn"},
    {StepState::Unknown, "unknown"},
    {StepState::Fail, "fail"},
    {StepState::NotApplicable, "n/a"},
});

constexpr auto kActors = std::to_array<Word<Actor>>({
    {Actor::Nobody, ""},
    {Actor::You, "you"},
    {Actor::Partner, "partner"},
    {Actor::Ca, "CA"},
});

constexpr auto kReasons = std::to_array<Word<Reason>>({
    {Reason::None, ""},
    {Reason::UntrustedRoot, "UntrustedRoot"},
    {Reason::IncompleteChain, "IncompleteChain"},
    {Reason::SubjectMismatch, "SubjectMismatch"},
    {Reason::DateInvalid, "DateInvalid"},
    {Reason::Revoked, "Revoked"},
    {Reason::RevocationOffline, "RevocationOffline"},
    {Reason::NoClientCertificate, "NoClientCertificate"},
    {Reason::UsageInvalid, "UsageInvalid"},
    {Reason::WeakKey, "WeakKey"},
    {Reason::ConstraintViolation, "ConstraintViolation"},
    {Reason::DaneRequired, "DaneRequired"},
    {Reason::DnssecInvalid, "DnssecInvalid"},
    {Reason::NoTls, "NoTls"},
});

template <class Enum, size_t N>
std::string_view text_of(const std::array<Word<Enum>, N>& words, Enum value) {
    const auto found = std::ranges::find(words, value, &Word<Enum>::value);
    VALIJA_ENSURE(found != words.end(), "every word of a ladder has its text");
    return found->text;
}

template <class Enum, size_t N>
std::optional<Enum> value_of(const std::array<Word<Enum>, N>& words, std::string_view text) {
    const auto found = std::ranges::find(words, text, &Word<Enum>::text);
    return found == words.end() ? std::nullopt : std::optional(found->value);
}

constexpr size_t kMostSteps = 20;
constexpr size_t kLongestRecord = 64UL << 10U;
constexpr char kSeparator = '\t';
constexpr size_t kStateColumn = 8;  // the widths of the columns, as people read them
constexpr size_t kStepColumn = 16;

std::optional<Step> step_from(std::string_view line) {
    const auto fields = split(line, kSeparator);
    if (fields.size() != 6) {
        return std::nullopt;
    }
    const auto name = value_of(kSteps, fields[0]);
    const auto state = value_of(kStates, fields[1]);
    const auto actor = value_of(kActors, fields[2]);
    const auto reason = value_of(kReasons, fields[3]);
    if (!name || !state || !actor || !reason) {
        return std::nullopt;
    }
    return Step{.name = *name,
                .state = *state,
                .evidence = Text::from_record(fields[4]),
                .fix = Text::from_record(fields[5]),
                .actor = *actor,
                .reason = *reason};
}

// Blanks up to a column, counted in characters: words of other languages have bytes beyond ASCII.
std::string padded(std::string text, size_t column) {
    const auto is_first_byte = [](char c) { return (c & 0xC0) != 0x80; };
    const auto width = static_cast<size_t>(std::ranges::count_if(text, is_first_byte));
    text.append(width < column ? column - width : 1, ' ');
    return text;
}

std::string step_line(const Step& step, Language language) {
    std::string line = "  " + padded(state_words(step.state).in(language), kStateColumn) +
                       padded(step_words(step.name).in(language), kStepColumn) +
                       step.evidence.in(language);
    if (step.reason != Reason::None) {
        line += fmt::format(" [{}]", reason_text(step.reason));
    }
    line += "\n";
    if (!step.fix.empty()) {
        const std::string who = actor_words(step.actor).in(language);
        const std::string fix = say("fix").in(language);
        line += fmt::format("{:{}}{}{}: {}\n", "", 2 + kStateColumn + kStepColumn, fix,
                            who.empty() ? "" : fmt::format(" ({})", who), step.fix.in(language));
    }
    return line;
}

bool is_finding(const Step& step) {
    return step.state == StepState::Fail || step.state == StepState::Unknown ||
           step.state == StepState::Warn;
}

}  // namespace

std::string_view step_text(StepName name) { return text_of(kSteps, name); }

std::string_view state_text(StepState state) { return text_of(kStates, state); }

Text step_words(StepName name) {
    switch (name) {
        case StepName::Policy:
            return say("policy");
        case StepName::Handshake:
            return say("handshake");
        case StepName::Chain:
            return say("chain");
        case StepName::Dates:
            return say("dates");
        case StepName::Revocation:
            return say("revocation");
        case StepName::Usage:
            return say("usage");
        case StepName::Identity:
            return say("identity");
        case StepName::OwnCertificate:
            return say("own-certificate");
        case StepName::Verdict:
            return say("verdict");
        case StepName::Dns:
        case StepName::Tcp:
        case StepName::StartTls:
            break;
    }
    return Text::verbatim(std::string(step_text(name)));
}

Text state_words(StepState state) {
    switch (state) {
        case StepState::Pass:
            return say("pass");
        case StepState::Warn:
            return say("warn");
        case StepState::Unknown:
            return say("unknown");
        case StepState::Fail:
            return say("fail");
        case StepState::NotApplicable:
            break;
    }
    return say("n/a");
}

Text actor_words(Actor actor) {
    switch (actor) {
        case Actor::You:
            return say("you");
        case Actor::Partner:
            return say("partner");
        case Actor::Ca:
        case Actor::Nobody:
            break;
    }
    return Text::verbatim(std::string(actor_text(actor)));
}

std::string_view actor_text(Actor actor) { return text_of(kActors, actor); }

std::optional<Reason> reason_of(std::string_view text) { return value_of(kReasons, text); }

std::string_view reason_text(Reason reason) { return text_of(kReasons, reason); }

const Step* Ladder::find(StepName name) const {
    const auto found = std::ranges::find(steps, name, &Step::name);
    return found == steps.end() ? nullptr : &*found;
}

const Step* Ladder::first_failure() const {
    for (const StepState state : {StepState::Fail, StepState::Unknown}) {
        const auto found = std::ranges::find(steps, state, &Step::state);
        if (found != steps.end()) {
            return &*found;
        }
    }
    return nullptr;
}

bool Ladder::is_proven() const {
    const Step* verdict = find(StepName::Verdict);
    return first_failure() == nullptr && verdict != nullptr && verdict->state == StepState::Pass;
}

void Ladder::conclude() {
    const Step* failure = first_failure();
    if (steps.empty()) {
        add({.name = StepName::Verdict,
             .state = StepState::Fail,
             .evidence = say("the path is not proven: nothing was judged")});
        return;
    }
    if (failure == nullptr) {
        add({.name = StepName::Verdict,
             .state = StepState::Pass,
             .evidence = say("the path is proven")});
        return;
    }
    add({.name = StepName::Verdict,
         .state = failure->state,
         .evidence = say("the path is not proven: step {}", step_words(failure->name)),
         .reason = failure->reason});
}

std::string Ladder::record() const {
    std::string text;
    for (const Step& step : steps) {
        text += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\n", step_text(step.name),
                            state_text(step.state), actor_text(step.actor),
                            reason_text(step.reason), step.evidence.record(), step.fix.record());
    }
    return text;
}

Result<Ladder> Ladder::from_record(std::string_view text) {
    const auto broken = [] {
        return fault(FaultKind::Input, "reading a ladder", "damaged record");
    };
    if (text.size() > kLongestRecord || (!text.empty() && !text.ends_with('\n'))) {
        return broken();
    }
    Ladder ladder;
    while (!text.empty()) {
        const size_t end = text.find('\n');
        auto step = step_from(text.substr(0, end));
        if (!step || ladder.steps.size() >= kMostSteps) {
            return broken();
        }
        ladder.steps.push_back(std::move(*step));
        text.remove_prefix(end + 1);
    }
    return ladder;
}

std::string ladder_text(const Ladder& ladder, Show show, Language language) {
    std::string text;
    if (show == Show::All) {
        for (const Step& step : ladder.steps) {
            text += step_line(step, language);
        }
        return text;
    }
    std::string passed;
    for (const StepState state : {StepState::Fail, StepState::Unknown, StepState::Warn}) {
        for (const Step& step : ladder.steps) {
            if (step.state == state && step.name != StepName::Verdict) {
                text += step_line(step, language);
            }
        }
    }
    for (const Step& step : ladder.steps) {
        if (!is_finding(step) && step.state == StepState::Pass) {
            passed += passed.empty() ? "" : ", ";
            passed += step_words(step.name).in(language);
        }
    }
    if (passed.empty()) {
        return text;
    }
    return text + "  " + padded(state_words(StepState::Pass).in(language), kStateColumn) + passed +
           "\n";
}

std::string ladder_summary(const Ladder& ladder) {
    std::string text;
    for (const Step& step : ladder.steps) {
        text += fmt::format("{}{}={}", text.empty() ? "" : ",", step_text(step.name),
                            state_text(step.state));
    }
    return text;
}

}  // namespace valija::identity
