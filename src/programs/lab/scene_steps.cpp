#include "programs/lab/scene_steps.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>

#include "platform/base/text.hpp"

namespace valija::lab {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

constexpr Duration kQueueDeadline = 60s;

// How many entries the organisation's server knows of this list; nothing if it has none yet.
std::optional<size_t> known_entries(Stage& stage, const Organisation& of, const std::string& url) {
    const auto listed = stage.world().command(of, {"crl", "list", "--json"});
    if (!listed || listed->exit_status > 1) return std::nullopt;
    for (const auto& row : json::parse(listed->out).as_array()) {
        if (row.at("url").as_string() == url && row.at("loaded").as_bool()) {
            return row.at("entries").to_number<size_t>();
        }
    }
    return std::nullopt;
}

bool is_finding(const json::value& step) {
    const std::string_view state = step.at("state").as_string();
    return state == "fail" || state == "unknown";
}

// What `queue show` says; nothing once the message is gone.
Result<std::optional<InQueue>> look_into_queue(Stage& stage, const Organisation& of,
                                               const std::string& id) {
    const auto shown = stage.world().command(of, {"queue", "show", id, "--json"});
    if (!shown) return std::unexpected(shown.error());
    if (shown->exit_status == 1) return std::nullopt;
    if (shown->exit_status != 0) return fault(FaultKind::System, "queue show", shown->err);
    const json::value message = json::parse(shown->out);
    const json::object& recipient = message.at("recipients").as_array().at(0).as_object();
    InQueue found{.last = json::value_to<std::string>(recipient.at("last")),
                  .state = json::value_to<std::string>(recipient.at("state"))};
    if (const json::value* ladder = recipient.if_contains("ladder")) {
        for (const auto& step : ladder->as_array()) {
            if (found.failed_step.empty() && is_finding(step)) {
                found.failed_step = json::value_to<std::string>(step.at("step"));
            }
        }
    }
    return found;
}

}  // namespace

std::string sender_ok(const std::string& sender) {
    return fmt::format("250 2.1.0 {} Sender OK", sender);
}

std::string queued(const Letter& letter, const Session& session) {
    return fmt::format("250 2.6.0 {} [InternalId={}] Queued mail for delivery", letter.message_id,
                       session.queue_id());
}

Client insider(const Organisation& of) {
    return {.source = of.inside, .server = of.address, .helo = "desk." + of.who.domain};
}

Client stranger_to(World& world, const Organisation& of, std::string helo, Tls tls) {
    return {.source = world.outsider(), .server = of.address, .helo = std::move(helo), .tls = tls};
}

Result<void> fetch_list(Stage& stage, const Organisation& of, const std::string& url) {
    const size_t before = known_entries(stage, of, url).value_or(0);
    const auto asked = stage.world().command(of, {"crl", "fetch"});
    if (!asked) return std::unexpected(asked.error());
    stage.tell("$ valija crl fetch");
    stage.tell_output(asked->out);
    return wait_until("waiting for the new revocation list", kQueueDeadline,
                      [&] { return known_entries(stage, of, url).value_or(0) > before; });
}

Result<void> has_list(Stage& stage, const Organisation& of, const std::string& url) {
    return wait_until("waiting for " + url, kQueueDeadline,
                      [&] { return known_entries(stage, of, url).has_value(); });
}

Result<InQueue> wait_in_queue(Stage& stage, const Organisation& of, const std::string& id,
                              const std::function<bool(const InQueue&)>& holds) {
    std::optional<InQueue> found;
    Result<void> looked;
    const auto waited = wait_until("waiting for the queue of " + of.who.title, kQueueDeadline, [&] {
        auto now = look_into_queue(stage, of, id);
        if (!now) looked = std::unexpected(now.error());
        if (now) found = *now;
        return !now || !found || holds(*found);
    });
    if (!looked) return std::unexpected(looked.error());
    if (!waited) return std::unexpected(waited.error());
    if (!found) return fault(FaultKind::Input, "waiting for the queue", "the letter is gone");
    const auto shown = stage.world().command(of, {"queue", "show", id});
    if (!shown) return std::unexpected(shown.error());
    stage.tell("$ valija queue show " + id);
    stage.tell_output(shown->out);
    return *found;
}

Result<void> waits_at_step(Stage& stage, const Organisation& of, const std::string& id,
                           const std::string& step) {
    const auto found = wait_in_queue(stage, of, id, [&](const InQueue& now) {
        return now.failed_step == step || (step.empty() && !now.failed_step.empty());
    });
    if (!found) return std::unexpected(found.error());
    stage.compare("the letter", "waiting", found->state);
    stage.compare("step that failed", step, found->failed_step);
    return {};
}

Result<void> gets_through(Stage& stage, const Organisation& of, const Letter& letter) {
    const auto message = stage.arrives(of, letter);
    if (!message) return std::unexpected(message.error());
    stage.compare_mark(of, *message, "pass");
    return {};
}

Result<std::string> contoso_sends(Stage& stage, Letter& letter) {
    const auto session = stage.send(insider(stage.world().contoso()), letter, kEndOfData);
    if (!session) return std::unexpected(session.error());
    return session->queue_id();
}

Letter letter_to_woodgrove(World& world, const std::string& subject) {
    return {world.contoso().mailbox, world.woodgrove().mailbox, subject};
}

Result<void> renew(World& world) {
    Organisation& woodgrove = world.woodgrove();
    const auto good = woodgrove.ca.issue(world.request_for(woodgrove, woodgrove.hostname));
    if (!good) return std::unexpected(good.error());
    return world.install_certificate(woodgrove, *good);
}

Result<void> restart_without_lists(World& world) {
    Organisation& contoso = world.contoso();
    contoso.server.reset();
    std::error_code failed;
    std::filesystem::remove_all(contoso.home + "/state/crl", failed);
    if (failed) return fault(FaultKind::System, "removing the kept lists", failed.message());
    return world.start_server(contoso);
}

Result<void> set_partner(Stage& stage, const std::vector<std::string>& assignments) {
    World& world = stage.world();
    std::vector<std::string> words{"partner", "set", world.woodgrove().who.name};
    words.insert(words.end(), assignments.begin(), assignments.end());
    stage.tell("$ valija " + join(words, " "));
    const auto done = world.command(world.contoso(), words);
    if (!done) return std::unexpected(done.error());
    if (done->exit_status != 0) return fault(FaultKind::System, "partner set", done->err);
    return {};
}

Result<void> with_branch(Stage& stage, const std::function<Result<void>()>& play) {
    World& world = stage.world();
    const std::string& domain = world.woodgrove().who.domain;
    const std::string both = fmt::format("domains={0},branch.{0}", domain);
    auto done = set_partner(stage, {both, "names=" + world.woodgrove().hostname});
    if (done) done = play();
    const auto undone = set_partner(stage, {"domains=" + domain, "names="});
    return done ? undone : done;
}

}  // namespace valija::lab
