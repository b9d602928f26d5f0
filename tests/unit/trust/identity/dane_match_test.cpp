// Profile `dane` at the judge (RFC 7672).
#include <gmock/gmock.h>

#include "unit/trust/identity/judge_world.hpp"

namespace valija::identity {
namespace {

using namespace std::chrono_literals;
using test::kDay;
using test::kNow;
using test::kUrl;
using test::World;
using testing::HasSubstr;
using valija::test::make_certificate;
using valija::test::new_authority;

std::string raw(const std::string& hexadecimal) {
    std::string bytes;
    for (size_t i = 0; i + 1 < hexadecimal.size(); i += 2) {
        bytes += static_cast<char>(std::stoi(hexadecimal.substr(i, 2), nullptr, 16));
    }
    return bytes;
}

dane::Tlsa key_record(unsigned usage, const x509::Certificate& certificate) {
    return {.usage = usage, .selector = 1, .matching = 1, .data = raw(certificate->spki_sha256)};
}

// A server of another name and CA; DNSSEC validated the records of its host.
struct DaneWorld : World {
    DaneWorld() {
        rule.profile = Profile::Dane;
        rule.anchors = {};
        lists.clear();
        reached.host = "mx.hoster.example";
        reached.tlsa.state = dane::TlsaState::Secure;
        reached.tlsa.base_domain = "mx.hoster.example";
    }

    void publish(dane::Tlsa record) { reached.tlsa.records.push_back(std::move(record)); }

    std::string found() const { return finding(Direction::Outbound); }

    std::string told(StepName name) const { return evidence_of(name, Direction::Outbound); }

    std::string state(StepName name) const { return state_of(name, Direction::Outbound); }

    // Shown with its CA, as RFC 7672 3.1.2 demands of usage 2.
    void show_chain(const std::string& dns_name) {
        request.dns_names = {dns_name};
        evidence.peer_chain = {ca.issue(request)->certificate, ca.root()};
    }
};

// RFC 7672 3.1.1: names, dates, CAs and revocation do not count.
TEST(DaneMatch, Usage3ProvesByTheKeyAlone) {
    DaneWorld w;
    const auto expired = make_certificate(
        {.subject = {{"CN", "whatever"}}, .not_before = kNow - kDay * 9, .not_after = kNow - kDay});
    w.show(expired.certificate);
    w.publish(key_record(3, expired.certificate));
    EXPECT_EQ(w.found(), "proven");
    for (const StepName step :
         {StepName::Chain, StepName::Dates, StepName::Revocation, StepName::Usage}) {
        EXPECT_EQ(w.state(step), "n/a") << step_text(step);
    }
    EXPECT_THAT(w.told(StepName::Identity), HasSubstr("TLSA record 3 1 1 of mx.hoster.example"));
}

TEST(DaneMatch, AKeyThatNoRecordNamesFailsAndTheRightRecordIsShown) {
    DaneWorld w;
    w.publish(key_record(3, make_certificate({}).certificate));
    EXPECT_EQ(w.found(), "identity fail SubjectMismatch");
    EXPECT_THAT(w.told(StepName::Identity), HasSubstr(w.evidence.peer_chain.front()->spki_sha256));
}

TEST(DaneMatch, OneOfSeveralRecordsIsEnough) {
    DaneWorld w;
    w.publish({.usage = 0, .selector = 0, .matching = 1, .data = std::string(32, 'x')});
    w.publish(key_record(3, make_certificate({}).certificate));
    w.publish(key_record(3, w.evidence.peer_chain.front()));
    EXPECT_EQ(w.found(), "proven");
}

// RFC 7672 3.1.2, 3.2.2: a path to the record's certificate, and a name.
TEST(DaneMatch, Usage2NeedsThePathAndAName) {
    DaneWorld w;
    w.show_chain("mx.hoster.example");
    w.publish(key_record(2, w.ca.root()));
    EXPECT_EQ(w.found(), "proven");
    EXPECT_EQ(w.state(StepName::Chain), "pass");
    EXPECT_EQ(w.state(StepName::Revocation), "n/a");
    w.show_chain("woodgrovebank.com");
    EXPECT_EQ(w.found(), "proven") << "the recipient domain counts too";
    w.show_chain("*.hoster.example");
    EXPECT_EQ(w.found(), "proven");
    w.show_chain("mail.woodgrovebank.com");
    EXPECT_EQ(w.found(), "identity fail SubjectMismatch") << "one label below is Exchange's rule";
}

TEST(DaneMatch, Usage2ChecksDatesUsageAndTheSignatures) {
    DaneWorld w;
    w.show_chain("mx.hoster.example");
    w.publish(key_record(2, w.ca.root()));
    w.now = w.request.not_after + 1s;
    EXPECT_EQ(w.found(), "dates fail DateInvalid");
    w.now = kNow;
    w.request.server_auth = false;
    w.show_chain("mx.hoster.example");
    EXPECT_EQ(w.found(), "usage fail UsageInvalid");
    w.request.server_auth = true;
    auto impostor = new_authority("Woodgrove Root");
    w.evidence.peer_chain = {impostor.issue(w.request)->certificate, w.ca.root()};
    EXPECT_EQ(w.state(StepName::Chain), "fail") << "the certificate of the record signed nothing";
}

TEST(DaneMatch, Usage2WithoutItsCertificateInTheHandshakeIsNoMatch) {
    DaneWorld w;
    w.show_chain("mx.hoster.example");
    w.evidence.peer_chain.pop_back();
    w.publish(key_record(2, w.ca.root()));
    EXPECT_EQ(w.found(), "identity fail SubjectMismatch");
    w.reached.tlsa.records = {
        {.usage = 2, .selector = 0, .matching = 0, .data = w.ca.root().der()}};
    EXPECT_EQ(w.found(), "proven") << "the record holds the certificate itself";
}

TEST(DaneMatch, ARevocationThatIsKnownCountsForUsage2) {
    DaneWorld w;
    w.show_chain("mx.hoster.example");
    w.publish(key_record(2, w.ca.root()));
    w.ca.revoke(w.evidence.peer_chain.front(), kNow - 1h);
    w.know(kUrl, w.ca);
    EXPECT_EQ(w.found(), "revocation fail Revoked");
}

// RFC 7672 3.1.3.
TEST(DaneMatch, Usages0And1AreUnusable) {
    for (const unsigned usage : {0U, 1U}) {
        DaneWorld w;
        w.publish(key_record(usage, w.evidence.peer_chain.front()));
        EXPECT_EQ(w.found(), "identity fail SubjectMismatch");
        EXPECT_THAT(w.told(StepName::Identity), HasSubstr("is not for mail servers"));
    }
}

// Only what DNSSEC validated proves; a failed look-up is never taken as "none".
TEST(DaneMatch, RecordsThatAreNotSecureProveNothing) {
    const std::vector<std::tuple<dane::TlsaState, const char*, const char*>> all = {
        {dane::TlsaState::Insecure, "identity fail DaneRequired", "not signed (DNSSEC)"},
        {dane::TlsaState::None, "identity fail DaneRequired", "there are no TLSA records"},
        {dane::TlsaState::Failed, "identity unknown DnssecInvalid", "failed validation"},
        {dane::TlsaState::NotAsked, "identity fail DaneRequired", "DNSSEC did not validate the MX"},
    };
    for (const auto& [state, finding, words] : all) {
        DaneWorld w;
        w.publish(key_record(3, w.evidence.peer_chain.front()));
        w.reached.tlsa.state = state;
        EXPECT_EQ(w.found(), finding);
        EXPECT_THAT(w.told(StepName::Identity), HasSubstr(words));
    }
}

TEST(DaneMatch, AClientIsNeverProvenByDane) {
    DaneWorld w;
    w.publish(key_record(3, w.evidence.peer_chain.front()));
    EXPECT_EQ(w.finding(Direction::Inbound), "identity fail SubjectMismatch");
}

}  // namespace
}  // namespace valija::identity
