// The inbound decisions: design 3c, semantics 2.8.
#include "transport/policy/policy.hpp"

#include <gtest/gtest.h>

#include "trust/authority/authority.hpp"

namespace valija::policy {
namespace {

using namespace std::chrono_literals;
using partners::Mode;
using partners::PartnerRules;

const Time kNow = Time(1'760'000'000'000ms);
const std::string kUrl = "http://crl.example/woodgrove.crl";

authority::Authority new_authority(const std::string& name) {
    auto made = authority::Authority::create(name, kNow - 24h, kNow + 24h * 365);
    EXPECT_TRUE(made.has_value());
    return std::move(*made);
}

// Woodgrove Bank as our partner, with its CA, and a client that shows a certificate of it.
struct World {
    authority::Authority ca = new_authority("Woodgrove Root");
    std::shared_ptr<PartnerRules> partner = std::make_shared<PartnerRules>();
    partners::World world;
    revocation::Book book;

    World() {
        world.directory.server.accepted_domains = {"contoso.com"};
        partner->name = "woodgrovebank";
        partner->origin.file = "etc/partners.d/woodgrovebank.toml";
        partner->domains = {"woodgrovebank.com"};
        partner->receive = Mode::Enforce;
        partner->rule.partner = "woodgrovebank";
        partner->rule.anchors = *x509::Anchors::from_certificates({ca.root()});
        publish();
        know_crl();
    }

    void publish() {
        world.partners = {partner};
        world.by_domain["woodgrovebank.com"] = partner;
    }

    void know_crl() {
        auto list = revocation::CrlIndex::load(*ca.crl(kNow - 1h, kNow + 24h), ca.root());
        ASSERT_TRUE(list.has_value());
        book = revocation::Book(
            {{kUrl, std::make_shared<const revocation::CrlIndex>(std::move(*list))}});
    }

    static x509::Certificate leaf(authority::Authority& issuer, const std::string& name) {
        return issuer
            .issue({.common_name = name,
                    .dns_names = {name},
                    .not_before = kNow - 1h,
                    .not_after = kNow + 24h * 30,
                    .crl_urls = {kUrl}})
            ->certificate;
    }

    static Client with(const x509::Certificate& shown) {
        x509::Evidence evidence;
        evidence.protocol = "TLSv1.3";
        evidence.peer_chain = {shown};
        return {.domain_secure = true, .may_relay = false, .tls = evidence};
    }

    SenderDecision ask(const Client& client, const std::string& sender) const {
        return decide_sender(world, client, mail::parse_address(sender), book, kNow);
    }
};

// EX-13: a fault of ours delays the partner's mail and does not bounce it (RFC 3207 4).
TEST(DecideSender, WithoutACertificateOfOursThePartnerIsDeferred) {
    const World w;
    Client client;
    client.tls_offered = false;
    const SenderDecision decision = w.ask(client, "anna@woodgrovebank.com");
    EXPECT_EQ(decision.reply.text(), "454 4.7.0 TLS not available due to temporary reason");
    EXPECT_EQ(decision.ladder.first_failure()->actor, identity::Actor::You);
    EXPECT_FALSE(decision.proven);
}

// A domain is judged once a session while nothing changes; each sender has its own reply.
TEST(DecideSender, ASecondSenderOfAJudgedDomainGetsTheSameDecisionWithHisOwnName) {
    World w;
    const SenderDecision first =
        w.ask(World::with(World::leaf(w.ca, "mail.woodgrovebank.com")), "anna@woodgrovebank.com");
    ASSERT_TRUE(first.proven);
    const SenderDecision second = again(first, mail::parse_address("ben@woodgrovebank.com"));
    EXPECT_TRUE(second.proven);
    EXPECT_EQ(second.reply.text(), "250 2.1.0 ben@woodgrovebank.com Sender OK");
    Client clear;
    const SenderDecision refused = w.ask(clear, "anna@woodgrovebank.com");
    EXPECT_EQ(again(refused, mail::parse_address("ben@woodgrovebank.com")).reply.text(),
              refused.reply.text());
}

// EX-13, EX-74: no clear text for a listed domain.
TEST(DecideSender, AnEnforcedPartnerWithoutTlsGets530) {
    const World w;
    const SenderDecision decision = w.ask({}, "anna@woodgrovebank.com");
    EXPECT_EQ(decision.reply.text(), "530 5.7.0 Must issue a STARTTLS command first");
    EXPECT_EQ(decision.reason, identity::Reason::NoTls);
    EXPECT_FALSE(decision.proven);
}

// EX-74: all good is accepted, and proven.
TEST(DecideSender, AVerifiedCertificateOfThePartnerIsProven) {
    World w;
    const auto decision =
        w.ask(World::with(World::leaf(w.ca, "mail.woodgrovebank.com")), "anna@woodgrovebank.com");
    EXPECT_EQ(decision.reply.code, 250) << decision.reply.text();
    EXPECT_TRUE(decision.proven);
}

// EX-13: another CA's certificate with the right names.
TEST(DecideSender, ACertificateOfAnotherAuthorityGets454UntrustedRoot) {
    const World w;
    auto other = new_authority("Impostor Root");
    Client client = World::with(World::leaf(other, "mail.woodgrovebank.com"));
    client.tls->peer_chain.push_back(other.root());
    const auto decision = w.ask(client, "anna@woodgrovebank.com");
    EXPECT_EQ(decision.reply.text(),
              "454 4.7.5 Certificate validation failure, Reason:UntrustedRoot");
}

TEST(DecideSender, OnFailureRejectSays554WithTheSameWords) {
    World w;
    w.partner->on_failure = partners::OnFailure::Reject;
    const auto decision =
        w.ask(World::with(World::leaf(w.ca, "mail.example.net")), "anna@woodgrovebank.com");
    EXPECT_EQ(decision.reply.text(),
              "554 5.7.5 Certificate validation failure, Reason:SubjectMismatch");
}

TEST(DecideSender, AHandshakeWithoutClientCertificateIsTemporary) {
    const World w;
    Client client;
    client.tls = x509::Evidence{};
    const auto decision = w.ask(client, "anna@woodgrovebank.com");
    EXPECT_EQ(decision.reply.text(),
              "454 4.7.5 Certificate validation failure, Reason:NoClientCertificate");
}

// EX-28, EX-30: unknown is temporary even where the partner says reject, and the list is wanted.
TEST(DecideSender, UnknownRevocationIsAlwaysTemporaryAndAsksForTheList) {
    World w;
    w.partner->on_failure = partners::OnFailure::Reject;
    w.book = revocation::Book();
    const auto decision =
        w.ask(World::with(World::leaf(w.ca, "mail.woodgrovebank.com")), "anna@woodgrovebank.com");
    EXPECT_EQ(decision.reply.text(),
              "454 4.7.5 Certificate validation failure, Reason:RevocationOffline");
    ASSERT_EQ(decision.wanted.size(), 1U);
    EXPECT_EQ(decision.wanted.front().url, kUrl);
    EXPECT_EQ(decision.wanted.front().issuer, w.ca.root());
}

// An unproven chain must not make us fetch from places a stranger names.
TEST(DecideSender, AStrangersCertificateMakesUsWantNothing) {
    World w;
    w.book = revocation::Book();
    auto other = new_authority("Impostor Root");
    const auto decision =
        w.ask(World::with(World::leaf(other, "mail.woodgrovebank.com")), "anna@woodgrovebank.com");
    EXPECT_TRUE(decision.wanted.empty());
}

// EX-30: revoked is refused for good.
TEST(DecideSender, ARevokedCertificateGets554) {
    World w;
    const auto leaf = World::leaf(w.ca, "mail.woodgrovebank.com");
    w.ca.revoke(leaf, kNow - 2h);
    w.know_crl();
    const auto decision = w.ask(World::with(leaf), "anna@woodgrovebank.com");
    EXPECT_EQ(decision.reply.text(), "554 5.7.5 Certificate validation failure, Reason:Revoked");
}

// Monitor judges and counts, and lets pass.
TEST(DecideSender, MonitorAcceptsAndRemembersWhyItWouldHaveRefused) {
    World w;
    w.partner->receive = Mode::Monitor;
    const auto decision = w.ask({}, "anna@woodgrovebank.com");
    EXPECT_EQ(decision.reply.code, 250);
    EXPECT_TRUE(decision.would_have_refused);
    EXPECT_EQ(decision.reason, identity::Reason::NoTls);
}

TEST(DecideSender, OffJudgesNothing) {
    World w;
    w.partner->receive = Mode::Off;
    const auto decision = w.ask({}, "anna@woodgrovebank.com");
    EXPECT_EQ(decision.reply.code, 250);
    EXPECT_EQ(decision.partner, nullptr);
    EXPECT_TRUE(decision.ladder.steps.empty());
}

// EX-75, IR-06: outsiders are never refused for lack of a certificate; sub-domains are outsiders.
TEST(DecideSender, OutsidersAndSubDomainsAreAcceptedWithoutTls) {
    const World w;
    EXPECT_EQ(w.ask({}, "eve@fabrikam.com").reply.code, 250);
    EXPECT_EQ(w.ask({}, "eve@sub.woodgrovebank.com").reply.code, 250);
}

TEST(DecideSender, TheNullSenderIsAcceptedByOrdinaryRules) {
    const World w;
    const auto decision = decide_sender(w.world, {}, std::nullopt, w.book, kNow);
    EXPECT_EQ(decision.reply.code, 250);
    EXPECT_EQ(decision.partner, nullptr);
}

// EX-74: the connector's flag is the second condition.
TEST(DecideSender, AConnectorWithoutDomainSecureJudgesNothing) {
    const World w;
    EXPECT_EQ(w.ask({.domain_secure = false}, "anna@woodgrovebank.com").reply.code, 250);
}

TEST(DecideRecipient, OnlyAcceptedDomainsAreTakenUnlessOurOwnHostAsks) {
    const World w;
    const auto rcpt = [](const char* text) {
        return mail::Recipient{.address = *mail::parse_address(text)};
    };
    EXPECT_EQ(decide_recipient(w.world, {}, rcpt("bob@contoso.com")).code, 250);
    EXPECT_EQ(decide_recipient(w.world, {}, rcpt("bob@elsewhere.org")).text(),
              "550 5.7.1 Unable to relay");
    EXPECT_EQ(decide_recipient(w.world, {.may_relay = true}, rcpt("bob@elsewhere.org")).code, 250);
}

class DecideContent : public testing::Test {
  protected:
    mail::AuthenticationResults mark(const SenderDecision& sender, const std::string& header) {
        return decide_content(w_.world, sender, "mail.contoso.com", 100, header).mark;
    }

    SenderDecision proven() {
        return w_.ask(World::with(World::leaf(w_.ca, "mail.woodgrovebank.com")),
                      "anna@woodgrovebank.com");
    }

    World w_;
};

// Design 5: the four values of the mark.
TEST_F(DecideContent, PassNeedsAPathAndAnAlignedFrom) {
    const auto m = mark(proven(), "From: Anna <anna@woodgrovebank.com>\r\n");
    EXPECT_EQ(m.verdict, mail::Verdict::Pass);
    EXPECT_EQ(m.partner, "woodgrovebank");
    EXPECT_EQ(m.mail_from, "woodgrovebank.com");
    EXPECT_EQ(m.header_from, "woodgrovebank.com");
}

TEST_F(DecideContent, AnotherOrASecondFromIsPolicy) {
    EXPECT_EQ(mark(proven(), "From: eve@fabrikam.com\r\n").verdict, mail::Verdict::Policy);
    EXPECT_EQ(mark(proven(), "Subject: none at all\r\n").verdict, mail::Verdict::Policy);
    EXPECT_EQ(mark(proven(), "From: anna@woodgrovebank.com\r\nFrom: eve@fabrikam.com\r\n").verdict,
              mail::Verdict::Policy);
}

TEST_F(DecideContent, MonitorThatFailedIsMarkedFail) {
    w_.partner->receive = Mode::Monitor;
    EXPECT_EQ(
        mark(w_.ask({}, "anna@woodgrovebank.com"), "From: anna@woodgrovebank.com\r\n").verdict,
        mail::Verdict::Fail);
}

TEST_F(DecideContent, OutsidersAreNoneEvenWithAPartnersFrom) {
    const auto m = mark(w_.ask({}, "eve@fabrikam.com"), "From: anna@woodgrovebank.com\r\n");
    EXPECT_EQ(m.verdict, mail::Verdict::None);
    EXPECT_TRUE(m.partner.empty());
}

TEST_F(DecideContent, ProtectHeaderFromRefusesAFromOnAnUnprovenPath) {
    w_.partner->protect_header_from = true;
    const auto refusal = [&](const SenderDecision& sender) {
        return decide_content(w_.world, sender, "mail.contoso.com", 100,
                              "From: anna@woodgrovebank.com\r\n")
            .refusal;
    };
    ASSERT_TRUE(refusal(w_.ask({}, "eve@fabrikam.com")).has_value());
    EXPECT_EQ(refusal(w_.ask({}, "eve@fabrikam.com"))->code, 550);
    EXPECT_FALSE(refusal(proven()).has_value());
}

// What cannot be read may be the partner's; a reader's program may read it.
TEST_F(DecideContent, ProtectHeaderFromRefusesAFromThatCannotBeRead) {
    w_.partner->protect_header_from = true;
    w_.world.partners = {w_.world.by_domain.at("woodgrovebank.com")};
    for (const char* header : {"From: <anna@woodgrovebank.com> x\r\n", "From: (open\r\n",
                               "From: eve@fabrikam.com\r\nFrom: (broken\r\n"}) {
        const auto refusal = [&](const SenderDecision& sender) {
            return decide_content(w_.world, sender, "mail.contoso.com", 100, header).refusal;
        };
        ASSERT_TRUE(refusal(w_.ask({}, "eve@fabrikam.com")).has_value()) << header;
        EXPECT_FALSE(refusal(proven()).has_value()) << header;
        w_.partner->protect_header_from = false;
        EXPECT_FALSE(refusal(w_.ask({}, "eve@fabrikam.com")).has_value()) << header;
        w_.partner->protect_header_from = true;
    }
    EXPECT_FALSE(decide_content(w_.world, w_.ask({}, "eve@fabrikam.com"), "mail.contoso.com", 100,
                                "Subject: no From\r\n")
                     .refusal.has_value());
}

TEST_F(DecideContent, MoreReceivedFieldsThanAllowedAreALoop) {
    std::string header;
    for (int i = 0; i < 101; ++i) {
        header += "Received: from a by b; Fri, 28 Aug 2026 22:37:53 +0000\r\n";
    }
    const auto decision = decide_content(w_.world, proven(), "mail.contoso.com", 100, header);
    ASSERT_TRUE(decision.refusal.has_value());
    EXPECT_EQ(decision.refusal->enhanced, "5.4.6");
}

}  // namespace
}  // namespace valija::policy
