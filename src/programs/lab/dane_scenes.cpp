// Group `trust`: a partner that is proven by its own DNS (RFC 7672).
#include <fmt/format.h>

#include "programs/lab/live_check.hpp"
#include "programs/lab/scene_steps.hpp"

namespace valija::lab {
namespace {

constexpr const char* kPartner = "woodgrove-dane";

Result<authority::Issued> install_new_key(World& world) {
    const Organisation& woodgrove = world.woodgrove();
    auto issued = world.stranger().issue(world.request_for(woodgrove, woodgrove.hostname));
    if (!issued) return issued;
    if (auto done = world.install_certificate(woodgrove, *issued); !done) {
        return std::unexpected(done.error());
    }
    return issued;
}

Letter letter_to_signed(World& world, const std::string& subject) {
    return {world.contoso().mailbox,
            fmt::format("{}@{}", world.woodgrove().who.person, world.signed_domain()), subject};
}

Result<void> first_key(Stage& stage) {
    World& world = stage.world();
    const auto issued = install_new_key(world);
    if (!issued) return std::unexpected(issued.error());
    if (auto done = world.publish_tlsa(issued->certificate->spki_sha256); !done) return done;
    stage.tell(fmt::format("_{}._tcp.mail.{} TLSA 3 1 1 {}", world.smtp_port(),
                           world.signed_domain(), issued->certificate->spki_sha256));
    const auto added = tell_command(stage, world.contoso(),
                                    {"partner", "add", kPartner, "--domain", world.signed_domain(),
                                     "--match", "dane", "--send", "enforce", "--receive", "off"},
                                    0);
    if (!added) return std::unexpected(added.error());
    const auto checked = check_live(stage, world.contoso(), kPartner, "identity");
    if (!checked) return std::unexpected(checked.error());
    stage.tell("identity: " + checked->evidence);
    stage.compare("identity under dane", "pass", checked->state);
    Letter letter = letter_to_signed(world, "proven by DNS");
    if (const auto id = contoso_sends(stage, letter); !id) return std::unexpected(id.error());
    return gets_through(stage, world.woodgrove(), letter);
}

Result<void> second_key(Stage& stage) {
    World& world = stage.world();
    const auto issued = install_new_key(world);
    if (!issued) return std::unexpected(issued.error());
    stage.tell("Woodgrove Bank's server has a new key, and its record was forgotten");
    Letter letter = letter_to_signed(world, "to a key that is in no record");
    const auto id = contoso_sends(stage, letter);
    if (!id) return std::unexpected(id.error());
    if (auto waits = waits_at_step(stage, world.contoso(), *id, "identity"); !waits) return waits;
    if (auto done = world.publish_tlsa(issued->certificate->spki_sha256); !done) return done;
    stage.tell("the record of the new key is published; Contoso's next attempt:");
    return gets_through(stage, world.woodgrove(), letter);
}

Result<void> tlsa_record(Stage& stage) {
    World& world = stage.world();
    auto done = first_key(stage);
    if (done) done = second_key(stage);
    const auto removed = world.command(world.contoso(), {"partner", "remove", kPartner});
    const auto renewed = renew(world);
    const auto unpublished = world.publish_tlsa({});
    if (!done) return done;
    if (!removed) return std::unexpected(removed.error());
    return renewed ? unpublished : renewed;
}

}  // namespace

std::vector<Scene> dane_scenes() {
    return {
        {kTrustGroup, "tlsa-record", "A partner that its own DNS proves (DANE)",
         "Woodgrove Bank publishes the key of its server in a signed zone. Nobody has to trust\n"
         "its CA. With a new key and the old record mail waits.",
         tlsa_record},
    };
}

}  // namespace valija::lab
