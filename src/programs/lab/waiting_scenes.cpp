// Group `path`, second part: mail that waits, and goes once the path is good.
#include <fmt/format.h>

#include <functional>

#include "platform/base/text.hpp"
#include "platform/store/file.hpp"
#include "programs/lab/scene_steps.hpp"

namespace valija::lab {
namespace {

constexpr size_t kLargestCertificate = 1U << 20U;

Result<void> wrong_server_certificate(Stage& stage) {
    World& world = stage.world();
    const Organisation& woodgrove = world.woodgrove();
    const auto wrong = world.stranger().issue(world.request_for(woodgrove, woodgrove.hostname));
    if (!wrong) return std::unexpected(wrong.error());
    if (auto done = world.install_certificate(woodgrove, *wrong); !done) return done;
    Letter letter = letter_to_woodgrove(world, "that has to wait");
    const auto id = contoso_sends(stage, letter);
    const auto waited = id ? waits_at_step(stage, world.contoso(), *id, "chain")
                           : Result<void>(std::unexpected(id.error()));
    // Mended in any case: the scenes after this one need the path.
    if (auto done = renew(world); !done) return done;
    if (!waited) return waited;
    stage.tell("Woodgrove Bank mends its certificate; Contoso's next attempt:");
    return gets_through(stage, woodgrove, letter);
}

Result<void> list_server_down(Stage& stage) {
    World& world = stage.world();
    Organisation& woodgrove = world.woodgrove();
    woodgrove.web_server.reset();
    Letter letter{woodgrove.mailbox, world.contoso().mailbox, "while the list cannot be fetched"};
    auto done = restart_without_lists(world);
    if (done) {
        const auto session = stage.send(insider(woodgrove), letter, kEndOfData);
        const auto found = session
                               ? wait_in_queue(stage, woodgrove, session->queue_id(),
                                               [](const InQueue& now) { return !now.last.empty(); })
                               : Result<InQueue>(std::unexpected(session.error()));
        if (!found) done = std::unexpected(found.error());
        if (found) {
            const std::string expected =
                "454 4.7.5 Certificate validation failure, Reason:RevocationOffline";
            stage.compare("what Contoso said to it", expected,
                          found->last.ends_with(expected) ? expected : found->last);
        }
    }
    if (auto again = world.start_web(woodgrove); !again) return again;
    if (!done) return done;
    stage.tell("the list can be fetched again; Woodgrove Bank's next attempt:");
    return gets_through(stage, world.contoso(), letter);
}

Result<void> monitor(Stage& stage) {
    World& world = stage.world();
    Organisation& contoso = world.contoso();
    if (auto done = set_partner(stage, {"receive=monitor"}); !done) return done;
    Letter letter{world.woodgrove().mailbox, contoso.mailbox, "in the pilot"};
    const auto session =
        stage.send(stranger_to(world, contoso, world.woodgrove().hostname), letter, kMailFrom);
    const auto message =
        session ? stage.arrives(contoso, letter) : std::unexpected(session.error());
    if (auto done = set_partner(stage, {"receive=enforce"}); !done) return done;
    if (!message) return std::unexpected(message.error());
    stage.compare("reply to MAIL FROM", sender_ok(letter.sender), session->reply_to(kMailFrom));
    stage.compare_mark(contoso, *message, "fail");
    return {};
}

Result<void> killed_with_mail(Stage& stage) {
    World& world = stage.world();
    Organisation& contoso = world.contoso();
    world.woodgrove().server.reset();
    Letter letter = letter_to_woodgrove(world, "that outlives its server");
    const auto id = contoso_sends(stage, letter);
    auto waited =
        id ? waits_at_step(stage, contoso, *id, "tcp") : Result<void>(std::unexpected(id.error()));
    contoso.server->kill();
    stage.tell("Contoso's server is killed (SIGKILL) and started again");
    if (auto started = world.start_server(contoso); !started) return started;
    if (auto started = world.start_server(world.woodgrove()); !started) return started;
    if (!waited) return waited;
    return gets_through(stage, world.woodgrove(), letter);
}

// The certificate that the server shows now.
Result<x509::Certificate> shown_certificate(const Organisation& of) {
    const auto text = store::read_file(of.certificate, kLargestCertificate);
    if (!text) return std::unexpected(text.error());
    auto all = x509::Certificate::from_pem(*text);
    if (!all) return std::unexpected(all.error());
    return std::move(all->front());
}

Result<void> revoke_shown(Stage& stage) {
    World& world = stage.world();
    Organisation& woodgrove = world.woodgrove();
    const auto certificate = shown_certificate(woodgrove);
    if (!certificate) return std::unexpected(certificate.error());
    stage.tell("Woodgrove Bank's CA revokes the certificate of its server");
    woodgrove.ca.revoke(*certificate, SystemClock().now());
    if (auto published = world.publish_list(woodgrove); !published) return published;
    return fetch_list(stage, world.contoso(), woodgrove.crl_url);
}

Result<void> revoked_while_waiting(Stage& stage) {
    World& world = stage.world();
    Organisation& woodgrove = world.woodgrove();
    woodgrove.server.reset();
    Letter letter = letter_to_woodgrove(world, "while a certificate is revoked");
    const auto id = contoso_sends(stage, letter);
    Result<void> done = id ? revoke_shown(stage) : Result<void>(std::unexpected(id.error()));
    if (auto started = world.start_server(woodgrove); !started) return started;
    if (done) done = waits_at_step(stage, world.contoso(), *id, "revocation");
    if (auto renewed = renew(world); !renewed) return renewed;
    if (!done) return done;
    stage.tell("Woodgrove Bank installs a new certificate; Contoso's next attempt:");
    return gets_through(stage, woodgrove, letter);
}

// The branch's first mail exchanger is the decoy.
Result<void> with_decoy(Stage& stage, const std::function<Result<void>()>& play) {
    return with_branch(stage, [&]() -> Result<void> {
        auto done = stage.world().start_decoy();
        if (done) done = play();
        stage.world().stop_decoy();
        return done;
    });
}

std::string text_of(const std::string& file) {
    constexpr size_t kLargestLog = 64U << 20U;
    auto text = store::read_file(file, kLargestLog);
    return text ? std::move(*text) : std::string();
}

// The event at Contoso that names the decoy.
Result<void> tell_refused_host(Stage& stage) {
    const std::string log = text_of(stage.world().contoso().home + "/log/valija.log");
    const size_t at = log.rfind("remote=old." + stage.world().woodgrove().who.domain);
    if (at == std::string::npos) {
        return fault(FaultKind::Input, "looking for the first host", "it was not tried");
    }
    const size_t begin = log.rfind('\n', at) + 1;
    stage.tell(log.substr(begin, log.find('\n', at) - begin));
    return {};
}

Result<void> second_host(Stage& stage) {
    return with_decoy(stage, [&stage]() -> Result<void> {
        World& world = stage.world();
        Letter letter = letter_to_woodgrove(world, "past the first host");
        letter.recipient =
            fmt::format("{}@branch.{}", world.woodgrove().who.person, world.woodgrove().who.domain);
        if (const auto id = contoso_sends(stage, letter); !id) return std::unexpected(id.error());
        const auto message = stage.arrives(world.woodgrove(), letter);
        if (!message) return std::unexpected(message.error());
        if (auto told = tell_refused_host(stage); !told) return told;
        const std::string heard = text_of(world.decoy_home() + "/log/valija.log");
        stage.compare("messages at the first host", "none",
                      heard.contains("smtp.message-received") ? "some" : "none");
        stage.compare_mark(world.woodgrove(), *message, "pass");
        return {};
    });
}

}  // namespace

std::vector<Scene> waiting_scenes() {
    return {
        {kPathGroup, "wrong-server-certificate", "The partner's server shows a wrong certificate",
         "Contoso does not hand the letter over, neither unverified nor in clear. It waits, and\n"
         "the queue says why and who must act. Once the certificate is mended, it goes.",
         wrong_server_certificate},
        {kPathGroup, "second-host", "The first of two hosts cannot prove itself",
         "A domain of Woodgrove Bank has two mail exchangers; the first shows a certificate that\n"
         "Contoso does not trust. It gets nothing; the second gets the letter.",
         second_host},
        {kPathGroup, "list-server-down", "The revocation list cannot be fetched",
         "Contoso starts and knows no list of Woodgrove Bank's CA, whose server is down. Not "
         "known\n"
         "is not revoked: the partner is told to come again, and does.",
         list_server_down},
        {kPathGroup, "monitor", "The pilot: monitor",
         "For a while Contoso only watches. What enforce would refuse is taken, counted, and\n"
         "marked `fail`.",
         monitor},
        {kPathGroup, "killed-with-mail", "The server is killed with mail in its queue",
         "A letter waits at Contoso because Woodgrove Bank's server is down. Then Contoso's "
         "server\n"
         "is killed. What was accepted is not lost.",
         killed_with_mail},
        {kPathGroup, "revoked-while-waiting", "A certificate is revoked while mail waits",
         "The letter was accepted when the certificate was good; when its turn comes it is not.",
         revoked_while_waiting},
    };
}

}  // namespace valija::lab
