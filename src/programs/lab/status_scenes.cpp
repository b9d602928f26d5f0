// Group `trust`: how it becomes known that a certificate is revoked, or that it is not.
#include <fmt/format.h>

#include "programs/lab/live_check.hpp"
#include "programs/lab/scene_steps.hpp"

namespace valija::lab {
namespace {

using namespace std::chrono_literals;

constexpr Duration kDay = 24h;

Time now() { return SystemClock().now(); }

Result<authority::Issued> issue(World& world, const authority::LeafRequest& request) {
    return world.woodgrove().ca.issue(request);
}

// ---- a delta list

// Woodgrove Bank's complete list, which says where its deltas are; gives that address.
Result<std::string> publish_with_deltas(World& world) {
    Organisation& woodgrove = world.woodgrove();
    const std::string file = woodgrove.who.anchor + "-delta.crl";
    const std::string url = fmt::format("http://{}/{}", woodgrove.web.text(), file);
    const auto complete = woodgrove.ca.crl(now() - 1min, now() + 7 * kDay, {url});
    if (!complete) return std::unexpected(complete.error());
    const auto published = world.publish(woodgrove, woodgrove.who.anchor + ".crl", *complete);
    const auto delta = woodgrove.ca.delta_crl(now() - 1min, now() + 1h);
    if (!published) return std::unexpected(published.error());
    if (!delta) return std::unexpected(delta.error());
    return world.publish(woodgrove, file, *delta);
}

Result<void> revoke_in_delta(Stage& stage, const x509::Certificate& certificate,
                             const std::string& delta_url) {
    World& world = stage.world();
    Organisation& woodgrove = world.woodgrove();
    woodgrove.ca.revoke(certificate, now());
    const auto delta = woodgrove.ca.delta_crl(now() - 1min, now() + 1h);
    if (!delta) return std::unexpected(delta.error());
    const auto published = world.publish(woodgrove, woodgrove.who.anchor + "-delta.crl", *delta);
    if (!published) return std::unexpected(published.error());
    stage.tell("Woodgrove Bank's CA revokes the server's certificate, in the delta only");
    return fetch_list(stage, world.contoso(), delta_url);
}

Result<void> look_for(Stage& stage, const std::string& url, const std::string& serial,
                      int expected) {
    const auto shown = tell_command(stage, stage.world().contoso(),
                                    {"crl", "show", url, "--serial", serial}, expected);
    return shown ? Result<void>() : std::unexpected(shown.error());
}

Result<void> with_delta(Stage& stage, Letter& letter) {
    World& world = stage.world();
    const Organisation& contoso = world.contoso();
    const Organisation& woodgrove = world.woodgrove();
    const auto issued = issue(world, world.request_for(woodgrove, woodgrove.hostname));
    if (!issued) return std::unexpected(issued.error());
    const std::string serial = issued->certificate->serial;
    const auto delta_url = publish_with_deltas(world);
    if (!delta_url) return std::unexpected(delta_url.error());
    auto done = world.install_certificate(woodgrove, *issued);
    if (done) done = revoke_in_delta(stage, issued->certificate, *delta_url);
    if (done) done = look_for(stage, woodgrove.crl_url, serial, 1);
    if (done) done = look_for(stage, *delta_url, serial, 0);
    if (!done) return done;
    const auto id = contoso_sends(stage, letter);
    return id ? waits_at_step(stage, contoso, *id, "revocation")
              : Result<void>(std::unexpected(id.error()));
}

Result<void> delta_list(Stage& stage) {
    World& world = stage.world();
    Letter letter = letter_to_woodgrove(world, "to a server on a delta list");
    const auto done = with_delta(stage, letter);
    if (auto renewed = renew(world); !renewed) return renewed;
    if (auto listed = world.publish_list(world.woodgrove()); !listed) return listed;
    if (!done) return done;
    stage.tell("Woodgrove Bank's server shows another certificate; Contoso's next attempt:");
    return gets_through(stage, world.woodgrove(), letter);
}

// ---- a stapled answer

// A certificate that names a responder and no list. Its file holds the issuer too, so that the
// server can tell whose answer it fetches.
Result<void> install_with_responder(Stage& stage) {
    World& world = stage.world();
    const Organisation& woodgrove = world.woodgrove();
    const std::string file = "answer.ocsp";
    auto request = world.request_for(woodgrove, woodgrove.hostname);
    request.crl_urls = {};
    request.ocsp_urls = {fmt::format("http://{}/{}", woodgrove.web.text(), file)};
    const auto issued = issue(world, request);
    if (!issued) return std::unexpected(issued.error());
    const auto answer = woodgrove.ca.ocsp_answer(issued->certificate, now() - 1min, now() + kDay);
    if (!answer) return std::unexpected(answer.error());
    if (const auto url = world.publish(woodgrove, file, *answer); !url) {
        return std::unexpected(url.error());
    }
    auto done = world.install_certificate(woodgrove, *issued, {woodgrove.ca.root()});
    if (done) done = has_list(stage, woodgrove, request.ocsp_urls.front());
    stage.tell("Woodgrove Bank's server fetched the OCSP answer about its own certificate");
    return done;
}

Result<void> without_web(Stage& stage, Letter& second) {
    World& world = stage.world();
    const Organisation& contoso = world.contoso();
    Organisation& woodgrove = world.woodgrove();
    woodgrove.web_server.reset();
    stage.tell("Woodgrove Bank's web server is down: no list, and no responder");
    if (auto started = restart_without_lists(world); !started) return started;
    const auto checked = check_live(stage, contoso, woodgrove.who.name, "revocation");
    if (!checked) return std::unexpected(checked.error());
    stage.tell("revocation: " + checked->evidence);
    stage.compare("revocation, by the stapled answer", "pass", checked->state);
    Letter letter = letter_to_woodgrove(world, "proven by a stapled answer");
    if (const auto id = contoso_sends(stage, letter); !id) return std::unexpected(id.error());
    if (auto through = gets_through(stage, woodgrove, letter); !through) return through;
    if (auto renewed = renew(world); !renewed) return renewed;
    stage.tell("Woodgrove Bank's server shows a certificate that names a list only");
    const auto id = contoso_sends(stage, second);
    return id ? waits_at_step(stage, contoso, *id, "revocation")
              : Result<void>(std::unexpected(id.error()));
}

Result<void> stapled_answer(Stage& stage) {
    World& world = stage.world();
    Organisation& woodgrove = world.woodgrove();
    Letter second = letter_to_woodgrove(world, "that nothing proves");
    auto done = set_partner(stage, {"crl="});
    if (done) done = install_with_responder(stage);
    if (done) done = without_web(stage, second);
    const auto undone = set_partner(stage, {"crl=" + woodgrove.crl_url});
    if (auto again = world.start_web(woodgrove); !again) return again;
    if (auto renewed = renew(world); !renewed) return renewed;
    if (!undone) return undone;
    if (!done) return done;
    stage.tell("the list can be fetched again; Contoso's next attempt:");
    return gets_through(stage, woodgrove, second);
}

}  // namespace

std::vector<Scene> status_scenes() {
    return {
        {kTrustGroup, "delta-list", "Revoked between two lists: the delta",
         "Woodgrove Bank's CA publishes a complete list once a week, and a delta every hour.\n"
         "The server's certificate stands in the delta only.",
         delta_list},
        {kTrustGroup, "stapled-answer", "Neither list nor responder, but a stapled answer",
         "Woodgrove Bank's server fetches the OCSP answer about its own certificate and staples\n"
         "it. Contoso can fetch nothing, and delivers; without a staple the next letter waits.",
         stapled_answer},
    };
}

}  // namespace valija::lab
