#include "programs/lab/stage.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "platform/base/text.hpp"

namespace valija::lab {
namespace {

using namespace std::chrono_literals;

constexpr Duration kArrivalDeadline = 60s;

// "pass" of "Authentication-Results: mail.contoso.com; x-domain-secured=pass (…) …".
std::string verdict_in(std::string_view field) {
    constexpr std::string_view kMethod = "x-domain-secured=";
    const size_t at = field.find(kMethod);
    if (at == std::string_view::npos) return {};
    const std::string_view rest = field.substr(at + kMethod.size());
    return std::string(rest.substr(0, rest.find(' ')));
}

}  // namespace

void Stage::tell(std::string_view line) { lines_.push_back(escape_peer_text(line)); }

void Stage::tell_all(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) tell(line);
}

void Stage::tell_output(std::string_view text) {
    while (text.ends_with('\n')) text.remove_suffix(1);
    if (text.empty()) return;
    for (const std::string_view line : split(text, '\n')) lines_.emplace_back(line);
}

void Stage::compare(std::string what, std::string expected, std::string happened) {
    comparisons_.push_back({std::move(what), std::move(expected), std::move(happened)});
}

bool Stage::went_as_expected() const {
    return !comparisons_.empty() && std::ranges::all_of(comparisons_, &Comparison::holds);
}

Result<Session> Stage::send(const Client& client, Letter& letter, std::string_view command) {
    auto session = lab::send(world_, client, letter);
    if (session) tell_all(with_protocol_ ? session->lines : session->exchange(command));
    return session;
}

Result<std::string> Stage::arrives(const Organisation& of, const Letter& letter) {
    std::optional<std::string> message;
    Result<void> asked;
    const auto waited =
        wait_until("waiting for the letter to " + of.mailbox, kArrivalDeadline, [&] {
            auto found = find_in_mailbox(of, letter);
            if (!found) asked = std::unexpected(found.error());
            if (found && *found) message = std::move(**found);
            return !found || message.has_value();
        });
    if (!asked) return std::unexpected(asked.error());
    if (!waited) return std::unexpected(waited.error());
    for (const std::string& field : header_fields(*message, "Received")) {
        if (field.contains(" by " + of.hostname)) tell(field);
    }
    tell_all(header_fields(*message, "Authentication-Results"));
    return std::move(*message);
}

void Stage::compare_mark(const Organisation& of, std::string_view message, std::string expected) {
    std::vector<std::string> found;
    for (const std::string& field : header_fields(message, "Authentication-Results")) {
        if (field.contains(of.hostname + ";")) found.push_back(verdict_in(field));
    }
    compare("mark in the mailbox", std::move(expected),
            found.empty() ? "no mark" : join(found, ", "));
}

const std::vector<Scene>& all_scenes() {
    static const std::vector<Scene> scenes = [] {
        std::vector<Scene> all = path_scenes();
        for (const auto& more : {waiting_scenes(), trust_scenes(), status_scenes(), dane_scenes(),
                                 tool_scenes(), certificate_scenes(), renewal_scenes()}) {
            all.insert(all.end(), more.begin(), more.end());
        }
        return all;
    }();
    return scenes;
}

}  // namespace valija::lab
