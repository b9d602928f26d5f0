// Group `trust`, second part: what an operator asks, and what is answered.
#include <fmt/format.h>

#include "programs/lab/live_check.hpp"
#include "programs/lab/scene_steps.hpp"

namespace valija::lab {
namespace {

using namespace std::chrono_literals;

// ---- a list behind a proxy

Result<void> with_dead_proxy(Stage& stage, Letter& letter) {
    World& world = stage.world();
    const Organisation& contoso = world.contoso();
    const std::string proxy = fmt::format("http://{}", world.nobody().text());
    if (auto set = tell_command(stage, contoso, {"proxy", "set", proxy}, 0); !set) {
        return std::unexpected(set.error());
    }
    if (auto started = restart_without_lists(world); !started) return started;
    const auto id = contoso_sends(stage, letter);
    if (!id) return std::unexpected(id.error());
    if (auto waits = waits_at_step(stage, contoso, *id, "revocation"); !waits) return waits;
    const auto listed = tell_command(stage, contoso, {"crl", "list"}, 1);
    return listed ? Result<void>() : std::unexpected(listed.error());
}

Result<void> dead_proxy(Stage& stage) {
    World& world = stage.world();
    Letter letter = letter_to_woodgrove(world, "while the proxy is dead");
    const auto done = with_dead_proxy(stage, letter);
    const auto cleared = tell_command(stage, world.contoso(), {"proxy", "clear"}, 0);
    if (!done) return done;
    if (!cleared) return std::unexpected(cleared.error());
    stage.tell("the server goes on without a restart; Contoso's next attempt:");
    return gets_through(stage, world.woodgrove(), letter);
}

// ---- a firewall on the way

Result<void> behind_firewall(Stage& stage) {
    World& world = stage.world();
    if (auto started = world.start_firewall(); !started) return started;
    const std::string branch = "branch." + world.woodgrove().who.domain;
    const auto told = tell_command(stage, world.contoso(), {"check", branch}, 1);
    if (!told) return std::unexpected(told.error());
    const auto checked = check_live(stage, world.contoso(), branch, "starttls");
    if (!checked) return std::unexpected(checked.error());
    const bool is_named = checked->evidence.contains("XXXXXXXA");
    stage.compare("what STARTTLS became", "XXXXXXXA", is_named ? "XXXXXXXA" : checked->evidence);
    stage.compare("step that failed", "starttls", checked->failed_step);
    return {};
}

Result<void> masked_starttls(Stage& stage) {
    return with_branch(stage, [&stage]() -> Result<void> {
        auto done = behind_firewall(stage);
        stage.world().stop_decoy();
        return done;
    });
}

// ---- a letter to the partner

Result<void> with_expired_server(Stage& stage, Result<void> (*play)(Stage&)) {
    World& world = stage.world();
    Organisation& woodgrove = world.woodgrove();
    auto request = world.request_for(woodgrove, woodgrove.hostname);
    request.not_before -= 48h;
    request.not_after = SystemClock().now() - 24h;
    const auto expired = woodgrove.ca.issue(request);
    if (!expired) return std::unexpected(expired.error());
    auto done = world.install_certificate(woodgrove, *expired);
    if (done) done = play(stage);
    const auto renewed = renew(world);
    return done ? renewed : done;
}

Result<void> both_languages(Stage& stage) {
    World& world = stage.world();
    const std::string& partner = world.woodgrove().who.name;
    for (const auto& [language, word] : {std::pair("en", "expired"), std::pair("es", "caduc")}) {
        const auto letter =
            tell_command(stage, world.contoso(),
                         {"check", partner, "--text-for-partner", "--lang", language}, 1);
        if (!letter) return std::unexpected(letter.error());
        stage.compare(fmt::format("the letter in \"{}\" says", language), word,
                      letter->contains(word) ? word : "something else");
    }
    return {};
}

Result<void> letter_to_partner(Stage& stage) { return with_expired_server(stage, both_languages); }

// ---- without a server

Result<void> verify_file(Stage& stage) {
    World& world = stage.world();
    const Organisation& woodgrove = world.woodgrove();
    const std::vector<std::string> words{"certificate",
                                         "verify",
                                         woodgrove.certificate,
                                         "--trust",
                                         woodgrove.ca_certificate,
                                         "--crl",
                                         woodgrove.crl_file,
                                         "--name"};
    const auto verify = [&](const std::string& name, int expected) -> Result<void> {
        std::vector<std::string> more = words;
        more.push_back(name);
        const auto told = tell_command(stage, woodgrove, more, expected);
        return told ? Result<void>() : std::unexpected(told.error());
    };
    auto done = verify(woodgrove.hostname, 0);
    if (done) done = verify("mail.fabrikam.com", 1);
    return done;
}

}  // namespace

std::vector<Scene> tool_scenes() {
    return {
        {kTrustGroup, "dead-proxy", "Revocation lists through a proxy that is dead",
         "Somebody set a proxy that is not there. Contoso knows no list, so mail waits;\n"
         "`valija proxy clear` mends it, live.",
         dead_proxy},
        {kTrustGroup, "masked-starttls", "A firewall masks STARTTLS",
         "Before a mail server of Woodgrove Bank a firewall makes the offer of STARTTLS\n"
         "unreadable. `valija check` names it.",
         masked_starttls},
        {kTrustGroup, "letter-to-partner", "What to write to the partner",
         "The server's certificate has expired. `valija check` writes the mail to the partner's\n"
         "postmaster, in English and Spanish.",
         letter_to_partner},
        {kTrustGroup, "verify-file", "A certificate in a file, without a server",
         "`valija certificate verify` judges a file: with the right name, and with another one.",
         verify_file},
    };
}

}  // namespace valija::lab
