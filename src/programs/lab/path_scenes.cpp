// Group `path`: the verified path between two partners, and everybody else.
#include <fmt/format.h>

#include "programs/lab/scene_steps.hpp"

namespace valija::lab {
namespace {

using namespace std::chrono_literals;

Result<void> partner_mail(Stage& stage, Organisation& from, Organisation& to) {
    Letter letter{from.mailbox, to.mailbox, "to a partner"};
    const auto session = stage.send(insider(from), letter, kEndOfData);
    if (!session) return std::unexpected(session.error());
    stage.compare("reply to the letter", queued(letter, *session), session->reply_to(kEndOfData));
    const auto message = stage.arrives(to, letter);
    if (!message) return std::unexpected(message.error());
    bool is_over_tls = false;
    for (const std::string& field : header_fields(*message, "Received")) {
        is_over_tls |= field.contains(" by " + to.hostname + " with ESMTPS ");
    }
    stage.compare("way between the partners", "ESMTPS", is_over_tls ? "ESMTPS" : "in clear");
    stage.compare_mark(to, *message, "pass");
    return {};
}

Result<void> contoso_writes(Stage& stage) {
    return partner_mail(stage, stage.world().contoso(), stage.world().woodgrove());
}

Result<void> woodgrove_writes(Stage& stage) {
    return partner_mail(stage, stage.world().woodgrove(), stage.world().contoso());
}

Result<void> outsider_writes(Stage& stage) {
    Organisation& contoso = stage.world().contoso();
    Letter letter{"eve@fabrikam.com", contoso.mailbox, "from an outsider"};
    const auto session =
        stage.send(stranger_to(stage.world(), contoso, "mail.fabrikam.com"), letter, kMailFrom);
    if (!session) return std::unexpected(session.error());
    stage.compare("reply to MAIL FROM", sender_ok(letter.sender), session->reply_to(kMailFrom));
    const auto message = stage.arrives(contoso, letter);
    if (!message) return std::unexpected(message.error());
    stage.compare_mark(contoso, *message, "none");
    return {};
}

Result<void> outsider_forges(Stage& stage) {
    Organisation& contoso = stage.world().contoso();
    Letter letter{"eve@fabrikam.com", contoso.mailbox, "with a forged mark"};
    letter.header = fmt::format(
        "Authentication-Results: {}; x-domain-secured=pass (forged) policy.partner=woodgrovebank\n",
        contoso.hostname);
    stage.tell("in the letter: " + letter.header.substr(0, letter.header.size() - 1));
    const auto session =
        stage.send(stranger_to(stage.world(), contoso, "mail.fabrikam.com"), letter, kEndOfData);
    if (!session) return std::unexpected(session.error());
    const auto message = stage.arrives(contoso, letter);
    if (!message) return std::unexpected(message.error());
    stage.compare("the forged mark", "gone",
                  message->find("(forged)") == std::string::npos ? "gone" : "still there");
    stage.compare_mark(contoso, *message, "none");
    return {};
}

// Somebody says to be of Woodgrove Bank; compares the reply to MAIL FROM.
Result<void> impostor(Stage& stage, Tls tls, std::optional<authority::LeafRequest> request,
                      authority::Authority* ca, const std::string& expected) {
    World& world = stage.world();
    Organisation& contoso = world.contoso();
    Client client = stranger_to(world, contoso, world.woodgrove().hostname, tls);
    if (request) {
        const auto issued = ca->issue(*request);
        if (!issued) return std::unexpected(issued.error());
        stage.tell(fmt::format("it shows: {}, issued by {}, valid until {}",
                               issued->certificate->subject, issued->certificate->issuer,
                               iso_time(issued->certificate->not_after)));
        auto files = world.write_certificate(*issued);
        if (!files) return std::unexpected(files.error());
        client.certificate = std::move(*files);
    }
    Letter letter{world.woodgrove().mailbox, contoso.mailbox, "as if from a partner"};
    const auto session = stage.send(client, letter, kMailFrom);
    if (!session) return std::unexpected(session.error());
    stage.compare("reply to MAIL FROM", expected, session->reply_to(kMailFrom));
    return {};
}

std::string refused(std::string_view reason) {
    return fmt::format("454 4.7.5 Certificate validation failure, Reason:{}", reason);
}

Result<void> impostor_in_clear(Stage& stage) {
    return impostor(stage, Tls::No, {}, nullptr, "530 5.7.0 Must issue a STARTTLS command first");
}

Result<void> impostor_without_certificate(Stage& stage) {
    return impostor(stage, Tls::Yes, {}, nullptr, refused("NoClientCertificate"));
}

Result<void> impostor_of_another_ca(Stage& stage) {
    World& world = stage.world();
    const auto request = world.request_for(world.woodgrove(), world.woodgrove().hostname);
    return impostor(stage, Tls::Yes, request, &world.stranger(), refused("IncompleteChain"));
}

Result<void> two_labels_below(Stage& stage) {
    World& world = stage.world();
    const auto request =
        world.request_for(world.woodgrove(), "mail1.us." + world.woodgrove().who.domain);
    return impostor(stage, Tls::Yes, request, &world.woodgrove().ca, refused("SubjectMismatch"));
}

Result<void> expired(Stage& stage) {
    World& world = stage.world();
    auto request = world.request_for(world.woodgrove(), world.woodgrove().hostname);
    request.not_before -= 48h;
    request.not_after = SystemClock().now() - 24h;
    return impostor(stage, Tls::Yes, request, &world.woodgrove().ca, refused("DateInvalid"));
}

// The certificate was good; then its owner had it revoked.
Result<void> revoked(Stage& stage) {
    World& world = stage.world();
    Organisation& contoso = world.contoso();
    Organisation& woodgrove = world.woodgrove();
    const auto issued = woodgrove.ca.issue(world.request_for(woodgrove, woodgrove.hostname));
    if (!issued) return std::unexpected(issued.error());
    auto files = world.write_certificate(*issued);
    if (!files) return std::unexpected(files.error());
    Client client = stranger_to(world, contoso, woodgrove.hostname, Tls::Yes);
    client.certificate = std::move(*files);
    Letter before{woodgrove.mailbox, contoso.mailbox, "before it was revoked"};
    const auto first = stage.send(client, before, kMailFrom);
    if (!first) return std::unexpected(first.error());
    stage.compare("before it is revoked", sender_ok(before.sender), first->reply_to(kMailFrom));

    woodgrove.ca.revoke(issued->certificate, SystemClock().now());
    if (auto published = world.publish_list(woodgrove); !published) return published;
    if (auto fetched = fetch_list(stage, contoso, woodgrove.crl_url); !fetched) return fetched;
    Letter after{woodgrove.mailbox, contoso.mailbox, "after it was revoked"};
    const auto second = stage.send(client, after, kMailFrom);
    if (!second) return std::unexpected(second.error());
    stage.compare("reply to MAIL FROM afterwards",
                  "554 5.7.5 Certificate validation failure, Reason:Revoked",
                  second->reply_to(kMailFrom));
    return {};
}

}  // namespace

std::vector<Scene> path_scenes() {
    return {
        {kPathGroup, "partner-mail", "Partner mail, Contoso to Woodgrove Bank",
         "Anna hands a letter to Contoso's server. Both servers prove who they are; the letter\n"
         "arrives with the mark `pass` that only Woodgrove Bank's own server can set.",
         contoso_writes},
        {kPathGroup, "partner-answer", "Partner mail, Woodgrove Bank to Contoso",
         "The same the other way round.", woodgrove_writes},
        {kPathGroup, "outsider", "An outsider without TLS is welcome",
         "Eve at Fabrikam is nobody's partner. Her mail comes as ever, and is not marked.",
         outsider_writes},
        {kPathGroup, "forged-mark", "An outsider forges the mark",
         "Eve writes Contoso's mark into her own letter. It is taken out on the way in.",
         outsider_forges},
        {kPathGroup, "impostor-in-clear", "An impostor without TLS is refused",
         "Somebody says to be Berta at Woodgrove Bank, in clear.", impostor_in_clear},
        {kPathGroup, "no-certificate", "TLS, but no client certificate",
         "The same, over TLS. Encryption alone proves nothing.", impostor_without_certificate},
        {kPathGroup, "another-ca", "A certificate of another CA",
         "The same, with a certificate in Woodgrove Bank's name that a CA issued which Contoso\n"
         "does not trust for this partner.",
         impostor_of_another_ca},
        {kPathGroup, "two-labels-below", "A name two labels below the domain",
         "The right CA, but the certificate is for a host deeper than one label below.",
         two_labels_below},
        {kPathGroup, "expired", "An expired certificate", "The right CA and name, but out of date.",
         expired},
        {kPathGroup, "revoked", "A revoked certificate",
         "A good certificate; then Woodgrove Bank's CA revokes it and publishes its list.",
         revoked},
    };
}

}  // namespace valija::lab
