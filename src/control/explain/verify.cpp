#include "control/explain/verify.hpp"

#include <algorithm>

#include "platform/base/text.hpp"
#include "trust/identity/address_match.hpp"

namespace valija::explain {
namespace {

using identity::Actor;
using identity::Ladder;
using identity::Reason;
using identity::Step;
using identity::StepName;
using identity::StepState;
using x509::Certificate;

constexpr size_t kMostUrls = 20;  // that are fetched for one path

// All that a judgement needs, made from the question.
struct Inputs {
    identity::Rule rule;
    x509::Evidence evidence;
    identity::Reached reached;
};

std::string shown(const std::string& name) { return escape_peer_text(name, 260); }

Step malformed(Text evidence) {
    return {.name = StepName::Chain,
            .state = StepState::Fail,
            .evidence = std::move(evidence),
            .fix = say("the file must hold the certificate as DER, PEM or PKCS#7, undamaged"),
            .actor = Actor::You,
            .reason = Reason::ConstraintViolation};
}

// Damaged blocks are left out and told.
std::vector<Certificate> read_all(const std::vector<NamedBytes>& files,
                                  std::vector<Text>& warnings) {
    std::vector<Certificate> all;
    for (const NamedBytes& file : files) {
        const auto read = x509::read_certificates(file.bytes);
        if (!read) {
            warnings.push_back(say("{} is left out: {}", shown(file.name), read.error().cause));
            continue;
        }
        if (read->unreadable > 0) {
            warnings.push_back(say("{}: {} certificates cannot be read and are left out",
                                   shown(file.name), read->unreadable));
        }
        all.insert(all.end(), read->certificates.begin(), read->certificates.end());
    }
    return all;
}

// The leaf and what stands behind it; or the step that says why there is none.
std::expected<std::vector<Certificate>, Step> read_leaf(const NamedBytes& file) {
    const auto read = x509::read_certificates(file.bytes);
    if (!read) {
        return std::unexpected(
            malformed(say("{} cannot be read: {}", shown(file.name), read.error().cause)));
    }
    if (read->unreadable > 0) {
        return std::unexpected(
            malformed(say("{}: a certificate in it is malformed", shown(file.name))));
    }
    if (read->certificates.front().der().size() > x509::kOfflineBounds.bytes) {
        return std::unexpected(malformed(say("{}: the certificate is larger than {} bytes",
                                             shown(file.name), x509::kOfflineBounds.bytes)));
    }
    return read->certificates;
}

x509::Anchors anchors_of(const VerifyQuestion& question, std::vector<Text>& warnings) {
    const auto anchors = question.system_roots
                             ? x509::Anchors::system()
                             : x509::Anchors::from_certificates(read_all(question.trust, warnings));
    if (!anchors) {
        warnings.push_back(say("no anchors: {}", anchors.error().text()));
        return {};
    }
    return *anchors;
}

void add_untrusted(const VerifyQuestion& question, x509::Evidence& evidence,
                   std::vector<Text>& warnings) {
    const std::vector<Certificate> more = read_all(question.untrusted, warnings);
    evidence.peer_chain.insert(evidence.peer_chain.end(), more.begin(), more.end());
    size_t fits = 0;
    size_t bytes = 0;
    for (const Certificate& certificate : evidence.peer_chain) {
        bytes += certificate.der().size();
        if (fits == x509::kOfflineBounds.presented || bytes > x509::kOfflineBounds.bytes) {
            warnings.push_back(say("only the first {} of {} certificates are looked at", fits,
                                   evidence.peer_chain.size()));
            evidence.peer_chain.erase(evidence.peer_chain.begin() + static_cast<ptrdiff_t>(fits),
                                      evidence.peer_chain.end());
            return;
        }
        ++fits;
    }
}

Inputs inputs_of(const VerifyQuestion& question, std::vector<Certificate> chain,
                 std::vector<Text>& warnings) {
    Inputs inputs;
    inputs.evidence.peer_chain = std::move(chain);
    add_untrusted(question, inputs.evidence, warnings);
    identity::Rule& rule = inputs.rule;
    rule.anchors = anchors_of(question, warnings);
    rule.profile = question.profile;
    if (rule.profile == identity::Profile::Direct) {
        rule.direct = rule.anchors.certificates();
    }
    rule.pins = question.pins;
    rule.ip_addresses = question.ip_addresses;
    rule.emails = question.emails;
    rule.path_only =
        question.names.empty() && question.ip_addresses.empty() && question.emails.empty();
    rule.domain = question.names.empty() ? "" : question.names.front();
    rule.revocation = question.lists.empty() && !question.fetch ? identity::RevocationMode::Off
                                                                : identity::RevocationMode::Require;
    rule.most_intermediates = question.most_intermediates;
    rule.bounds = x509::kOfflineBounds;
    inputs.reached.tlsa = {
        .state = dane::TlsaState::Secure, .base_domain = rule.domain, .records = question.tlsa};
    return inputs;
}

std::vector<std::string> list_bytes(const VerifyQuestion& question) {
    std::vector<std::string> all;
    for (const NamedBytes& list : question.lists) {
        all.push_back(list.bytes);
    }
    return all;
}

// Takes what came from one address into the lists or the answers; else says why not.
std::expected<void, Text> take(const identity::WantedList& wanted, const Result<std::string>& bytes,
                               Time at, revocation::Lists& lists, revocation::Answers& answers) {
    if (!bytes) {
        return std::unexpected(Text::verbatim(escape_peer_text(bytes.error().text(), 300)));
    }
    if (wanted.about) {
        const auto answer = revocation::read_ocsp(*bytes, *wanted.about, wanted.issuer, at);
        if (!answer) {
            return std::unexpected(answer.error());
        }
        answers.emplace(revocation::answer_key(*wanted.about, wanted.issuer),
                        std::make_shared<const revocation::OcspAnswer>(*answer));
        return {};
    }
    auto list = revocation::CrlIndex::load(*bytes, wanted.issuer);
    if (!list) {
        return std::unexpected(Text::verbatim(escape_peer_text(list.error().text(), 300)));
    }
    lists[wanted.url] = std::make_shared<const revocation::CrlIndex>(std::move(*list));
    return {};
}

// Fetches what the path's certificates name; what cannot be had is told, and missing.
revocation::Book fetched_book(const VerifyQuestion& question, const Inputs& inputs,
                              std::vector<Text>& warnings) {
    std::vector<identity::WantedList> wanted =
        identity::wanted_lists(inputs.rule, inputs.evidence, inputs.reached, question.direction,
                               revocation::Book(), question.at);
    if (wanted.size() > kMostUrls) {
        warnings.push_back(
            say("only the first {} of {} addresses are fetched", kMostUrls, wanted.size()));
        wanted.erase(wanted.begin() + kMostUrls, wanted.end());
    }
    std::vector<FetchOrder> orders;
    for (const identity::WantedList& want : wanted) {
        orders.push_back({.url = want.url,
                          .body = want.about ? revocation::ocsp_request(*want.about, want.issuer)
                                             : std::string()});
    }
    const auto fetched = question.fetch(orders);
    revocation::Lists lists;
    revocation::Answers answers;
    for (size_t i = 0; i < std::min(fetched.size(), wanted.size()); ++i) {
        const auto taken = take(wanted[i], fetched[i], question.at, lists, answers);
        if (!taken) {
            warnings.push_back(
                say("{} gives nothing usable: {}", shown(wanted[i].url), taken.error()));
        }
    }
    return revocation::Book(std::move(lists), std::move(answers));
}

bool is_anchor(const Inputs& inputs) {
    const auto& anchors = inputs.rule.anchors.certificates();
    return std::ranges::find(anchors, inputs.evidence.peer_chain.front()) != anchors.end();
}

// The steps that only a session has go; what the revocation step says is put in this command's
// words: with lists in hand a missing status is a refusal.
Ladder offline_ladder(const VerifyQuestion& question, const Ladder& judged, bool leaf_is_anchor) {
    const bool rule_asks = !question.lists.empty() || question.fetch;
    Ladder ladder;
    for (Step step : judged.steps) {
        const bool is_of_a_session =
            step.name == StepName::Handshake && step.state == StepState::Pass;
        if (is_of_a_session || step.name == StepName::OwnCertificate ||
            step.name == StepName::Verdict) {
            continue;
        }
        const bool is_of_trust =
            step.reason == Reason::IncompleteChain || step.reason == Reason::UntrustedRoot;
        if (step.name == StepName::Chain && is_of_trust && step.actor == Actor::You) {
            step.fix =
                say("give the CA's certificate with --trust if you believe it, or the one of "
                    "a CA in between with --untrusted");
        }
        if (step.name == StepName::Revocation && !rule_asks) {
            step.evidence = say("not asked for: `--crl FILE` or `--fetch` looks it up");
        }
        // A profile that trusts a key asks no list: whoever gives lists demands a status all the
        // same, of all but an anchor.
        if (step.name == StepName::Revocation && !leaf_is_anchor && rule_asks &&
            step.state == StepState::NotApplicable) {
            step.state = StepState::Unknown;
            step.reason = Reason::RevocationOffline;
        }
        if (step.name == StepName::Revocation && step.state == StepState::Unknown) {
            step.state = question.fetch ? StepState::Unknown : StepState::Fail;
            step.fix =
                say("every certificate below the anchor needs a list that is in force: give "
                    "it with --crl, or let --fetch get it");
            step.actor = Actor::You;
        }
        ladder.add(std::move(step));
    }
    ladder.conclude();
    return ladder;
}

// Every name must be proven: the ladder of the first that is not, else of the first.
Ladder judge_names(const VerifyQuestion& question, Inputs& inputs, const revocation::Book& book) {
    std::optional<Ladder> first;
    for (const std::string& name :
         question.names.empty() ? std::vector<std::string>{""} : question.names) {
        inputs.rule.domain = name;
        inputs.reached.tlsa.base_domain = name;
        Ladder ladder = offline_ladder(question,
                                       identity::judge(inputs.rule, inputs.evidence, inputs.reached,
                                                       question.direction, book, question.at),
                                       is_anchor(inputs));
        if (!ladder.is_proven()) {
            return ladder;
        }
        if (!first) {
            first = std::move(ladder);
        }
    }
    return *first;
}

std::vector<identity::Comparison> compared(const VerifyQuestion& question, Inputs inputs) {
    std::vector<identity::Comparison> rows;
    const Certificate& leaf = inputs.evidence.peer_chain.front();
    for (const std::string& name : question.names) {
        inputs.rule.domain = name;
        inputs.reached.tlsa.base_domain = {};
        const auto more =
            identity::compare_names(inputs.rule, leaf, inputs.reached, question.direction);
        rows.insert(rows.end(), more.begin(), more.end());
    }
    const auto addresses = identity::compare_addresses(inputs.rule, leaf);
    rows.insert(rows.end(), addresses.begin(), addresses.end());
    return rows;
}

Verdict verdict_of(const Ladder& ladder) {
    if (ladder.is_proven()) {
        return Verdict::Accepted;
    }
    const Step* failure = ladder.first_failure();
    return failure != nullptr && failure->state == StepState::Unknown ? Verdict::Unknown
                                                                      : Verdict::Rejected;
}

}  // namespace

std::string_view verdict_text(Verdict verdict) {
    switch (verdict) {
        case Verdict::Accepted:
            return "accepted";
        case Verdict::Rejected:
            return "rejected";
        case Verdict::Unknown:
            break;
    }
    return "unknown";
}

VerifyAnswer verify(const VerifyQuestion& question) {
    VerifyAnswer answer;
    auto chain = read_leaf(question.file);
    if (!chain) {
        answer.ladder.add(chain.error());
        answer.ladder.conclude();
        answer.verdict = Verdict::Rejected;
        return answer;
    }
    answer.leaf = chain->front();
    Inputs inputs = inputs_of(question, std::move(*chain), answer.warnings);
    const revocation::Book book =
        question.fetch && question.lists.empty()
            ? fetched_book(question, inputs, answer.warnings)
            : revocation::Book::from_files(list_bytes(question), inputs.evidence.peer_chain);
    for (const auto& [file, why] : book.file_problems()) {
        answer.warnings.push_back(
            say("{}: a list in it proves nothing good: {}", shown(question.lists[file].name), why));
    }
    answer.ladder = judge_names(question, inputs, book);
    answer.verdict = verdict_of(answer.ladder);
    answer.path = identity::judged_path(inputs.rule, inputs.evidence, inputs.reached,
                                        question.direction, book, question.at);
    answer.names = compared(question, inputs);
    return answer;
}

}  // namespace valija::explain
