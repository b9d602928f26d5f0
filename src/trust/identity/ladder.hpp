// The ladder: the ordered steps of a judgement. One type everywhere: policy, delivery, queue
// record, log, command line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/phrase.hpp"
#include "platform/base/result.hpp"

namespace valija::identity {

enum class StepName {
    Policy,
    Dns,
    Tcp,
    StartTls,
    Handshake,
    Chain,
    Dates,
    Revocation,
    Usage,
    Identity,
    OwnCertificate,
    Verdict
};
enum class StepState { Pass, Warn, Unknown, Fail, NotApplicable };
enum class Actor { Nobody, You, Partner, Ca };

// The stable vocabulary of the 454/554 reply (design 3c). None = nothing to say.
enum class Reason {
    None,
    UntrustedRoot,
    IncompleteChain,
    SubjectMismatch,
    DateInvalid,
    Revoked,
    RevocationOffline,
    NoClientCertificate,
    UsageInvalid,
    WeakKey,
    ConstraintViolation,
    DaneRequired,   // no TLSA records that prove anything; these two are words of RFC 8460 4.3.2
    DnssecInvalid,  // bogus, or not to be had
    NoTls
};

std::string_view step_text(StepName name);     // "policy", "starttls", "own-certificate"
std::string_view state_text(StepState state);  // "pass", "warn", "unknown", "fail", "n/a"
std::string_view actor_text(Actor actor);      // "", "you", "partner", "CA"
std::string_view reason_text(Reason reason);   // "UntrustedRoot"

std::optional<Reason> reason_of(std::string_view text);

// The same words for people, in their language.
Text step_words(StepName name);
Text state_words(StepState state);
Text actor_words(Actor actor);

struct Step {
    StepName name = StepName::Policy;
    StepState state = StepState::NotApplicable;
    Text evidence;  // what was seen, peer text already escaped
    Text fix;       // what to do, empty if nothing
    Actor actor = Actor::Nobody;
    Reason reason = Reason::None;  // for Fail and Unknown
};

struct Ladder {
    std::vector<Step> steps;

    void add(Step step) { steps.push_back(std::move(step)); }

    // Adds the Verdict: passed only if something was judged, no step failed and none is unknown.
    void conclude();

    const Step* find(StepName name) const;
    const Step* first_failure() const;  // the first Fail, else the first Unknown
    bool is_proven() const;             // no Fail, no Unknown, and a Verdict step that passed

    // One compact line of text a step, and back: the form in the queue record.
    std::string record() const;
    static Result<Ladder> from_record(std::string_view text);  // hostile input: bounded, checked
};

// As people read it: failures first, then warnings, the rest folded into one line unless `all`.
enum class Show { Findings, All };
std::string ladder_text(const Ladder& ladder, Show show, Language language = Language::English);

// One word a step, for a log line: "policy=pass,starttls=pass,handshake=pass,chain=fail,…".
std::string ladder_summary(const Ladder& ladder);

}  // namespace valija::identity
