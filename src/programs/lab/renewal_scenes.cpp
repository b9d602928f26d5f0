// Group `certificates`, second part: certificates of servers that run, while mail flows.
#include <fmt/format.h>
#include <signal.h>

#include <fstream>

#include "platform/store/file.hpp"
#include "programs/lab/held_session.hpp"
#include "programs/lab/office.hpp"
#include "programs/lab/scene_steps.hpp"

namespace valija::lab {
namespace {

using namespace std::chrono_literals;

constexpr size_t kLargestFile = 1U << 20U;

Place server_of(const World& world, const Organisation& of) {
    return {.address = of.address, .port = world.smtp_port()};
}

Result<authority::Issued> issued_for(World& world, Organisation& of, const std::string& host) {
    return of.ca.issue(world.request_for(of, host));
}

// What a stranger's next session is shown.
Result<std::string> shown_by(World& world, const Organisation& of) {
    const auto session = HeldSession::open(server_of(world, of));
    if (!session) return std::unexpected(session.error());
    return session->shown()->thumbprint;
}

Result<void> renew_at(World& world, Organisation& of) {
    const auto good = issued_for(world, of, of.hostname);
    return good ? world.install_certificate(of, *good) : std::unexpected(good.error());
}

// ---- renewal

// As an ACME client's hook does; `expected` is the exit status.
Result<void> import_in_place(Stage& stage, const Organisation& of, const authority::Issued& issued,
                             int expected) {
    const auto files = stage.world().write_certificate(issued);
    if (!files) return std::unexpected(files.error());
    const auto told = tell_command(
        stage, of, {"certificate", "import", files->certificate, "--key", files->key, "--replace"},
        expected);
    return told ? Result<void>() : std::unexpected(told.error());
}

Result<void> under_open_sessions(Stage& stage) {
    World& world = stage.world();
    Organisation& contoso = world.contoso();
    auto open = HeldSession::open(server_of(world, contoso));
    if (!open) return std::unexpected(open.error());
    const std::string old = open->shown()->thumbprint;
    stage.tell("an open session was shown  " + old);
    const auto fresh = issued_for(world, contoso, contoso.hostname);
    if (!fresh) return std::unexpected(fresh.error());
    if (auto taken = import_in_place(stage, contoso, *fresh, 0); !taken) return taken;
    const auto now = shown_by(world, contoso);
    if (!now) return std::unexpected(now.error());
    stage.tell("the next session was shown " + *now);
    const auto reply = open->say("NOOP");
    if (!reply) return std::unexpected(reply.error());
    stage.compare("new sessions see", fresh->certificate->thumbprint, *now);
    stage.compare("the open session goes on", "250", reply->substr(0, 3));
    return {};
}

Result<void> renewal_in_place(Stage& stage) {
    auto done = under_open_sessions(stage);
    World& world = stage.world();
    // The usual file again; what the scene imported goes.
    const auto listed = facts_of(world, world.contoso().home, {"certificate", "list"});
    auto undone = renew_at(world, world.contoso());
    for (const auto& one : listed ? listed->as_array() : boost::json::array()) {
        const std::string name(one.at("name").as_string());
        if (!undone || world.contoso().certificate.ends_with("/" + name + ".crt")) continue;
        const auto gone = world.command(world.contoso(), {"certificate", "remove", name});
        if (!gone) undone = std::unexpected(gone.error());
    }
    return done ? undone : done;
}

Result<void> worse_renewal(Stage& stage) {
    World& world = stage.world();
    Organisation& contoso = world.contoso();
    const auto before = shown_by(world, contoso);
    if (!before) return std::unexpected(before.error());
    auto request = world.request_for(contoso, contoso.hostname);
    request.not_before -= 48h;
    request.not_after = SystemClock().now() - 1h;
    const auto expired = contoso.ca.issue(request);
    if (!expired) return std::unexpected(expired.error());
    if (auto refused = import_in_place(stage, contoso, *expired, 1); !refused) return refused;
    const auto now = shown_by(world, contoso);
    if (!now) return std::unexpected(now.error());
    stage.compare("sessions see", *before, *now);
    return {};
}

// ---- which one

Result<void> which_one(Stage& stage) {
    World& world = stage.world();
    const Organisation& contoso = world.contoso();
    const auto before = shown_by(world, contoso);
    if (!before) return std::unexpected(before.error());
    const auto made =
        facts_of(world, contoso.home, {"certificate", "new", "--domain", contoso.hostname});
    if (!made) return std::unexpected(made.error());
    const std::string thumbprint(made->at("thumbprint").as_string());
    stage.tell("a self-signed one is there too, and younger: " + thumbprint);
    const auto told =
        tell_command(stage, contoso, {"certificate", "list", "--domain", contoso.hostname}, 0);
    const auto now = shown_by(world, contoso);
    const auto gone = world.command(contoso, {"certificate", "remove", thumbprint});
    if (!told) return std::unexpected(told.error());
    if (!now) return std::unexpected(now.error());
    if (!gone) return std::unexpected(gone.error());
    stage.compare("sessions see", *before, *now);
    return {};
}

// ---- one for this partner

Result<void> for_one_partner(Stage& stage) {
    World& world = stage.world();
    Organisation& contoso = world.contoso();
    const std::string name = "edge." + contoso.who.domain;
    const auto other = issued_for(world, contoso, name);
    if (!other) return std::unexpected(other.error());
    const auto files = world.write_certificate(*other);
    if (!files) return std::unexpected(files.error());
    const auto taken = facts_of(world, contoso.home,
                                {"certificate", "import", files->certificate, "--key", files->key});
    if (!taken) return std::unexpected(taken.error());
    const std::string thumbprint(taken->at("thumbprint").as_string());
    const auto enabled = tell_command(
        stage, contoso, {"certificate", "enable", thumbprint, "--services", "smtp"}, 0);
    auto done = enabled ? set_partner(stage, {"certificate=" + name})
                        : Result<void>(std::unexpected(enabled.error()));
    if (done) {
        const auto checked =
            check_live(stage, contoso, world.woodgrove().who.name, "own-certificate");
        if (!checked) return std::unexpected(checked.error());
        stage.tell("own-certificate: " + checked->evidence);
        const std::string shown = "we showed CN=" + name;
        stage.compare("to Woodgrove Bank", shown,
                      checked->evidence.starts_with(shown) ? shown : checked->evidence);
    }
    auto undone = set_partner(stage, {"certificate="});
    const auto gone = world.command(contoso, {"certificate", "remove", thumbprint});
    if (undone && !gone) undone = std::unexpected(gone.error());
    return done ? undone : done;
}

// ---- self-signed only

// A certificate that the organisation's own command made, in the place of the CA's; its pin.
Result<std::string> show_self_signed(Stage& stage, const Organisation& of) {
    World& world = stage.world();
    const auto office = Office::open(stage, "self-" + of.who.name);
    if (!office) return std::unexpected(office.error());
    const auto made =
        office->facts({"certificate", "new", "--domain", of.hostname, "--domain", of.who.domain});
    if (!made) return std::unexpected(made.error());
    const std::string name(made->at("name").as_string());
    for (const auto& [suffix, to] :
         {std::pair(".key", of.key), std::pair(".crt", of.certificate)}) {
        const auto content = store::read_file(office->file("keys/" + name + suffix), kLargestFile);
        if (!content) return std::unexpected(content.error());
        const auto put = store::write_file(to, *content, 0600);
        if (!put) return std::unexpected(put.error());
    }
    const auto reloaded = world.command(of, {"reload"});
    if (!reloaded) return std::unexpected(reloaded.error());
    const auto session = HeldSession::open(server_of(world, of));
    if (!session) return std::unexpected(session.error());
    stage.tell(
        fmt::format("{} shows {}, issued by itself", of.hostname, session->shown()->thumbprint));
    return session->shown()->spki_sha256;
}

Result<void> set_pin(Stage& stage, const Organisation& of, const Organisation& partner,
                     const std::string& pin) {
    const std::vector<std::string> words = {"partner",      "set",         partner.who.name,
                                            "match=pinned", "pins=" + pin, "revocation=off"};
    const auto told = tell_command(stage, of, words, 0);
    return told ? Result<void>() : std::unexpected(told.error());
}

Result<void> unset_pin(World& world, const Organisation& of, const Organisation& partner) {
    const auto done = world.command(
        of, {"partner", "set", partner.who.name, "match=exchange", "pins=", "revocation=require"});
    if (!done) return std::unexpected(done.error());
    if (done->exit_status != 0) return fault(FaultKind::System, "partner set", done->err);
    return {};
}

Result<void> with_self_signed(Stage& stage) {
    World& world = stage.world();
    const auto ours = show_self_signed(stage, world.contoso());
    if (!ours) return std::unexpected(ours.error());
    const auto theirs = show_self_signed(stage, world.woodgrove());
    if (!theirs) return std::unexpected(theirs.error());
    auto done = set_pin(stage, world.contoso(), world.woodgrove(), *theirs);
    if (done) done = set_pin(stage, world.woodgrove(), world.contoso(), *ours);
    if (!done) return done;
    Letter letter = letter_to_woodgrove(world, "without any CA");
    if (const auto id = contoso_sends(stage, letter); !id) return std::unexpected(id.error());
    return gets_through(stage, world.woodgrove(), letter);
}

Result<void> self_signed_only(Stage& stage) {
    World& world = stage.world();
    auto done = with_self_signed(stage);
    for (Organisation* of : {&world.contoso(), &world.woodgrove()}) {
        Organisation& other = of == &world.contoso() ? world.woodgrove() : world.contoso();
        const auto renewed = renew_at(world, *of);
        const auto undone = unset_pin(world, *of, other);
        if (done && !renewed) done = renewed;
        if (done && !undone) done = undone;
    }
    return done;
}

// ---- the process that has the keys

std::optional<pid_t> custody_of(const Organisation& of) {
    for (const pid_t process : processes_with(of.home)) {
        std::string name;
        std::getline(std::ifstream(fmt::format("/proc/{}/comm", process)), name);
        if (name == "valija-keys") return process;
    }
    return std::nullopt;
}

Result<void> custody_ends(Stage& stage) {
    World& world = stage.world();
    const Organisation& contoso = world.contoso();
    auto open = HeldSession::open(server_of(world, contoso));
    if (!open) return std::unexpected(open.error());
    const auto first = custody_of(contoso);
    if (!first) return fault(FaultKind::System, "there is no process valija-keys");
    stage.tell(fmt::format("$ kill -9 {}   # valija-keys, which alone has read the keys", *first));
    ::kill(*first, SIGKILL);
    auto waited = wait_until("waiting for another valija-keys", 20s, [&] {
        const auto now = custody_of(contoso);
        return now && *now != *first;
    });
    if (!waited) return waited;
    const auto reply = open->say("NOOP");
    if (!reply) return std::unexpected(reply.error());
    const auto shown = shown_by(world, contoso);
    if (!shown) return std::unexpected(shown.error());
    stage.compare("the open session goes on", "250", reply->substr(0, 3));
    stage.compare("the next handshake shows", open->shown()->thumbprint, *shown);
    return {};
}

}  // namespace

std::vector<Scene> renewal_scenes() {
    return {
        {kCertificateGroup, "which-one", "Two certificates for one name: which is shown, and why",
         "One of a CA comes before a self-signed one, however young that is.", which_one},
        {kCertificateGroup, "renewal", "A renewal under an open session",
         "What an ACME client's hook does. The open session goes on, the next one sees the new\n"
         "certificate, and the old key is removed.",
         renewal_in_place},
        {kCertificateGroup, "worse-renewal", "A renewal that would be worse changes nothing",
         "It has expired already. The old one stays, with its services.", worse_renewal},
        {kCertificateGroup, "for-one-partner", "Another certificate for one partner",
         "Partners demand different CAs: one of them is shown a certificate of its own.",
         for_one_partner},
        {kCertificateGroup, "self-signed-only", "Self-signed on both sides, and yet verified",
         "No CA at all: each pinned the other's key, which they told one another by telephone.",
         self_signed_only},
        {kCertificateGroup, "custody", "The process that has the keys is killed",
         "The server never had them. Another such process comes, and nobody notices.",
         custody_ends},
    };
}

}  // namespace valija::lab
