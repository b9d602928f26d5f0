#include "control/explain/verify_text.hpp"

#include <boost/json.hpp>

#include "control/explain/rendering.hpp"
#include "platform/base/text.hpp"

namespace json = boost::json;

namespace valija::explain {
namespace {

using identity::Show;

Text verdict_words(const VerifyAnswer& answer) {
    const identity::Step* failure = answer.ladder.first_failure();
    if (answer.verdict == Verdict::Accepted || failure == nullptr) {
        return say("accepted");
    }
    return answer.verdict == Verdict::Rejected
               ? say("rejected at the step {}", identity::step_words(failure->name))
               : say("could not tell: the step {} is open", identity::step_words(failure->name));
}

std::string_view purpose_text(const VerifyQuestion& question) {
    return question.direction == identity::Direction::Outbound ? "server" : "client";
}

bool is_name_in_doubt(const identity::Ladder& ladder) {
    const identity::Step* step = ladder.find(identity::StepName::Identity);
    return step != nullptr && step->state == identity::StepState::Fail;
}

void put_path(Page& page, const x509::Path& path) {
    page.blank();
    page.heading(say("path"));
    for (size_t i = 0; i < path.certificates.size(); ++i) {
        if (i > 0) {
            page.blank();
        }
        put_certificate(page, path.certificates[i]);
    }
}

}  // namespace

std::string verify_text(const VerifyQuestion& question, const VerifyAnswer& answer, Show show,
                        Language language) {
    Page page(language);
    page.heading(say("{}: {}", escape_peer_text(question.file.name, 260), verdict_words(answer)));
    page.add(identity::ladder_text(answer.ladder, show, language));
    for (const Text& warning : answer.warnings) {
        page.row(say("left out"), warning);
    }
    const auto profile = identity::profile_text(question.profile);
    page.row(say("judged"),
             question.direction == identity::Direction::Outbound
                 ? say("as a server, profile {}, at {}", profile, iso_time(question.at))
                 : say("as a client, profile {}, at {}", profile, iso_time(question.at)));
    if (show == Show::All || is_name_in_doubt(answer.ladder)) {
        put_comparisons(page, answer.names, language);
    }
    if (show == Show::All && !answer.path.certificates.empty()) {
        put_path(page, answer.path);
    } else if (answer.leaf) {
        put_certificate(page, *answer.leaf);
    }
    return page.take();
}

json::object verify_json(const VerifyQuestion& question, const VerifyAnswer& answer,
                         Language language) {
    json::array warnings;
    for (const Text& warning : answer.warnings) {
        warnings.push_back(json::string(warning.in(language)));
    }
    json::object object{{"verdict", verdict_text(answer.verdict)},
                        {"file", escape_peer_text(question.file.name, 260)},
                        {"profile", identity::profile_text(question.profile)},
                        {"purpose", purpose_text(question)},
                        {"at", iso_time(question.at)},
                        {"ladder", json_of(answer.ladder, language)},
                        {"comparison", json_of(answer.names, language)},
                        {"path", json_of(answer.path.certificates)},
                        {"warnings", std::move(warnings)}};
    if (answer.leaf) {
        object["certificate"] = json_of(*answer.leaf);
    }
    return object;
}

}  // namespace valija::explain
