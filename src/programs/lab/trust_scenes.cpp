// Group `trust`: what a certificate must be, and what becomes of mail where it is not.
#include <fmt/format.h>

#include "programs/lab/live_check.hpp"
#include "programs/lab/scene_steps.hpp"

namespace valija::lab {
namespace {

using namespace std::chrono_literals;

constexpr Duration kDay = 24h;

Time now() { return SystemClock().now(); }

Result<authority::Issued> server_certificate(World& world, authority::Authority& ca,
                                             const std::string& list_url) {
    const Organisation& woodgrove = world.woodgrove();
    auto request = world.request_for(woodgrove, woodgrove.hostname);
    request.crl_urls = {list_url};
    return ca.issue(request);
}

// A CA below Woodgrove Bank's root, whose list is published.
struct Issuing {
    authority::Authority ca;
    std::string list_url;
};

Result<Issuing> issuing_ca(World& world) {
    Organisation& woodgrove = world.woodgrove();
    auto ca = woodgrove.ca.issue_authority("Woodgrove Bank Issuing CA", now() - 1h,
                                           now() + 300 * kDay, {woodgrove.crl_url});
    if (!ca) return std::unexpected(ca.error());
    const auto list = ca->crl(now() - 1min, now() + 7 * kDay);
    if (!list) return std::unexpected(list.error());
    const auto url = world.publish(woodgrove, "issuing.crl", *list);
    if (!url) return std::unexpected(url.error());
    return Issuing{std::move(*ca), *url};
}

// ---- two paths

Result<void> cross_certified(Stage& stage, authority::Authority& alliance,
                             const std::string& list_url) {
    World& world = stage.world();
    const Organisation& woodgrove = world.woodgrove();
    const auto expired =
        alliance.cross_certify(woodgrove.ca, now() - 20 * kDay, now() - kDay, {list_url});
    const auto good =
        alliance.cross_certify(woodgrove.ca, now() - 1h, now() + 30 * kDay, {list_url});
    const auto leaf = server_certificate(world, world.woodgrove().ca, woodgrove.crl_url);
    for (const auto* made : {&expired, &good}) {
        if (!*made) return std::unexpected(made->error());
    }
    if (!leaf) return std::unexpected(leaf.error());
    auto done = world.install_certificate(woodgrove, *leaf, {*expired, *good});
    if (!done) return done;
    stage.tell(
        "Woodgrove Bank's server sends two certificates of its CA by the alliance's root: "
        "one that expired yesterday, and one that is good");
    Letter letter = letter_to_woodgrove(world, "by the second path");
    if (const auto id = contoso_sends(stage, letter); !id) return std::unexpected(id.error());
    if (auto through = gets_through(stage, woodgrove, letter); !through) return through;
    const auto checked = check_live(stage, world.contoso(), woodgrove.who.name, "chain");
    if (!checked) return std::unexpected(checked.error());
    stage.tell("chain: " + checked->evidence);
    stage.compare("the chain ends at", "Alliance Root CA",
                  checked->evidence.ends_with("CN=Alliance Root CA") ? "Alliance Root CA"
                                                                     : checked->evidence);
    return {};
}

Result<void> cross_certificate(Stage& stage) {
    World& world = stage.world();
    const Organisation& woodgrove = world.woodgrove();
    auto alliance =
        authority::Authority::create("Alliance Root CA", now() - 30 * kDay, now() + 300 * kDay);
    if (!alliance) return std::unexpected(alliance.error());
    const auto list = alliance->crl(now() - 1min, now() + 7 * kDay);
    if (!list) return std::unexpected(list.error());
    const auto url = world.publish(woodgrove, "alliance.crl", *list);
    if (!url) return std::unexpected(url.error());
    auto done = world.write_anchor(world.contoso(), "alliance-root", alliance->root());
    if (done) done = set_partner(stage, {"trust=alliance-root", "crl=" + *url});
    if (done) done = cross_certified(stage, *alliance, *url);
    const auto renewed = renew(world);
    const auto undone =
        set_partner(stage, {"trust=" + woodgrove.who.anchor, "crl=" + woodgrove.crl_url});
    if (!renewed) return renewed;
    return done ? undone : done;
}

// ---- an intermediate

Result<void> missing_intermediate(Stage& stage) {
    World& world = stage.world();
    const Organisation& woodgrove = world.woodgrove();
    auto issuing = issuing_ca(world);
    if (!issuing) return std::unexpected(issuing.error());
    const auto leaf = server_certificate(world, issuing->ca, issuing->list_url);
    if (!leaf) return std::unexpected(leaf.error());
    Letter letter = letter_to_woodgrove(world, "that waits for an intermediate");
    auto done = world.install_certificate(woodgrove, *leaf);
    if (done) {
        const auto id = contoso_sends(stage, letter);
        done = id ? waits_at_step(stage, world.contoso(), *id, "chain")
                  : Result<void>(std::unexpected(id.error()));
    }
    if (done) {
        stage.tell("Woodgrove Bank's server sends its intermediate too; Contoso's next attempt:");
        done = world.install_certificate(woodgrove, *leaf, {issuing->ca.root()});
    }
    if (done) done = gets_through(stage, woodgrove, letter);
    const auto renewed = renew(world);
    return done ? renewed : done;
}

Result<void> revoked_intermediate(Stage& stage) {
    World& world = stage.world();
    Organisation& woodgrove = world.woodgrove();
    auto issuing = issuing_ca(world);
    if (!issuing) return std::unexpected(issuing.error());
    const auto leaf = server_certificate(world, issuing->ca, issuing->list_url);
    if (!leaf) return std::unexpected(leaf.error());
    stage.tell("Woodgrove Bank's root revokes the CA that issued the server's certificate");
    woodgrove.ca.revoke(issuing->ca.root(), now());
    auto done = world.publish_list(woodgrove);
    if (done) done = fetch_list(stage, world.contoso(), woodgrove.crl_url);
    if (done) done = world.install_certificate(woodgrove, *leaf, {issuing->ca.root()});
    Letter letter = letter_to_woodgrove(world, "under a revoked CA");
    if (done) {
        const auto id = contoso_sends(stage, letter);
        done = id ? waits_at_step(stage, world.contoso(), *id, "revocation")
                  : Result<void>(std::unexpected(id.error()));
    }
    if (auto renewed = renew(world); !renewed) return renewed;
    if (!done) return done;
    stage.tell(
        "Woodgrove Bank's server shows a certificate of another CA; Contoso's next attempt:");
    return gets_through(stage, woodgrove, letter);
}

// ---- names

Result<void> compare_profile(Stage& stage, const std::string& profile,
                             const std::string& expected) {
    World& world = stage.world();
    const std::string& partner = world.woodgrove().who.name;
    if (auto set = set_partner(stage, {"match=" + profile}); !set) return set;
    const auto checked = check_live(stage, world.contoso(), partner, "identity");
    if (!checked) return std::unexpected(checked.error());
    stage.tell_all(checked->names);
    stage.compare("identity under " + profile, expected, checked->state);
    return {};
}

Result<void> three_profiles(Stage& stage) {
    auto done = compare_profile(stage, "strict", "fail");
    if (done) done = compare_profile(stage, "cisco-hosted", "warn");
    const auto undone = compare_profile(stage, "exchange", "pass");
    return done ? undone : done;
}

Result<void> pinned(Stage& stage) {
    World& world = stage.world();
    const Organisation& woodgrove = world.woodgrove();
    std::vector<authority::Issued> keys;
    for (int i = 0; i < 3; ++i) {
        auto issued = server_certificate(world, world.woodgrove().ca, woodgrove.crl_url);
        if (!issued) return std::unexpected(issued.error());
        keys.push_back(std::move(*issued));
    }
    auto done = set_partner(
        stage, {"match=pinned", fmt::format("pins={},{}", keys[0].certificate->spki_sha256,
                                            keys[1].certificate->spki_sha256)});
    const char* const expected[] = {"pass", "pass", "fail"};
    const char* const which[] = {"current", "next", "unknown"};
    for (size_t i = 0; done && i < keys.size(); ++i) {
        done = world.install_certificate(woodgrove, keys[i]);
        if (!done) break;
        const auto checked = check_live(stage, world.contoso(), woodgrove.who.name, "identity");
        if (!checked) return std::unexpected(checked.error());
        stage.tell(fmt::format("{} key: {}", which[i], checked->evidence));
        stage.compare(fmt::format("with the {} key", which[i]), expected[i], checked->state);
    }
    const auto renewed = renew(world);
    const auto undone = set_partner(stage, {"match=exchange", "pins="});
    if (!renewed) return renewed;
    return done ? undone : done;
}

// ---- usage

Result<std::string> reply_to_client(Stage& stage, const ClientCertificate& files) {
    World& world = stage.world();
    Client client = stranger_to(world, world.contoso(), world.woodgrove().hostname, Tls::Yes);
    client.certificate = files;
    Letter letter{world.woodgrove().mailbox, world.contoso().mailbox, "from a client"};
    const auto session = stage.send(client, letter, kMailFrom);
    if (!session) return std::unexpected(session.error());
    return session->reply_to(kMailFrom);
}

Result<void> server_auth_only(Stage& stage) {
    World& world = stage.world();
    Organisation& woodgrove = world.woodgrove();
    auto request = world.request_for(woodgrove, woodgrove.hostname);
    request.client_auth = false;
    const auto issued = woodgrove.ca.issue(request);
    if (!issued) return std::unexpected(issued.error());
    const auto files = world.write_certificate(*issued);
    if (!files) return std::unexpected(files.error());
    const auto strict = reply_to_client(stage, *files);
    if (!strict) return std::unexpected(strict.error());
    stage.compare("reply under `strict`",
                  "454 4.7.5 Certificate validation failure, Reason:UsageInvalid", *strict);
    auto done = set_partner(stage, {"client_eku=server-auth-tolerated"});
    const auto tolerant = done ? reply_to_client(stage, *files) : std::unexpected(done.error());
    if (tolerant) {
        stage.compare("reply under `server-auth-tolerated`", sender_ok(woodgrove.mailbox),
                      *tolerant);
        const auto told = tell_command(
            stage, world.contoso(),
            {"check", "--as-client", files->certificate, "--domain", woodgrove.who.domain}, 0);
        if (!told) done = std::unexpected(told.error());
    }
    const auto undone = set_partner(stage, {"client_eku=strict"});
    if (!tolerant) return std::unexpected(tolerant.error());
    return done ? undone : done;
}

}  // namespace

std::vector<Scene> trust_scenes() {
    return {
        {kTrustGroup, "cross-certificate", "A cross-certificate: the second path holds",
         "Contoso trusts the root of an alliance. Woodgrove Bank's CA has two certificates from\n"
         "it, and its server sends both; the first has expired. The other path is found.",
         cross_certificate},
        {kTrustGroup, "missing-intermediate", "An intermediate CA is missing",
         "The server's certificate comes from a CA below the root, which the server forgot to\n"
         "send. The ladder names it. Once it is sent, the letter goes.",
         missing_intermediate},
        {kTrustGroup, "revoked-intermediate", "The CA in between is revoked",
         "The server's own certificate is on no list, but that of its CA is.",
         revoked_intermediate},
        {kTrustGroup, "three-profiles", "One certificate, three match profiles",
         "Woodgrove Bank's certificate is for mail.woodgrovebank.com. `strict` wants the domain\n"
         "itself; `cisco-hosted` takes the name of the MX host, which unsigned DNS gave (weak);\n"
         "`exchange` takes one label below the domain.",
         three_profiles},
        {kTrustGroup, "pinned-key", "A pinned partner changes its key",
         "Contoso pinned two keys of Woodgrove Bank, the current and the next. The third is\n"
         "nobody's.",
         pinned},
        {kTrustGroup, "server-auth-only", "A client certificate that is only for servers",
         "Public CAs no longer issue certificates for clients. `strict` refuses such a one;\n"
         "`server-auth-tolerated` takes it, with a warning.",
         server_auth_only},
    };
}

}  // namespace valija::lab
