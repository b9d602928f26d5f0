// EX-26, EX-28, EX-30: an OCSP answer is believed only from whom the certificate's issuer trusts.
#include "trust/revocation/ocsp.hpp"

#include <gmock/gmock.h>

#include "support/ocsp.hpp"
#include "trust/revocation/book.hpp"

namespace valija::revocation {
namespace {

using namespace std::chrono_literals;
using test::kDay;
using test::kNow;
using test::Made;
using test::make_certificate;
using test::OcspSpec;
using testing::ElementsAre;
using testing::HasSubstr;

class OcspTest : public testing::Test {
  protected:
    std::string answer(const OcspSpec& spec) const { return make_ocsp(spec, leaf, ca, ca); }

    Status look(const std::string& stapled, Time at = kNow) const {
        return Book().look_up(leaf, ca.certificate, at, 0ms, stapled);
    }

    // What a delegate with these extensions may say.
    State by_delegate(std::vector<test::NamedExtension> extensions,
                      Time not_after = kNow + kDay) const {
        const Made delegate = make_certificate(
            {.subject = {{"CN", "ocsp"}}, .not_after = not_after, .extensions = extensions}, &ca);
        return look(make_ocsp({}, leaf, ca, delegate)).state;
    }

    Made ca =
        make_certificate({.subject = {{"CN", "Contoso Root"}}, .extensions = test::of_authority()});
    x509::Certificate leaf =
        make_certificate(
            {.subject = {{"CN", "leaf"}},
             .serial = "0A1B",
             .extensions = {{"authorityInfoAccess",
                             "OCSP;URI:http://ocsp.example/,caIssuers;URI:http://x/"}}},
            &ca)
            .certificate;
};

TEST_F(OcspTest, AStapledAnswerOfTheIssuerSaysGoodOrRevoked) {
    EXPECT_EQ(look(answer({})).state, State::Good);
    EXPECT_THAT(look(answer({})).evidence.english(), HasSubstr("stapled OCSP answer of"));
    const Status status = look(answer({.status = V_OCSP_CERTSTATUS_REVOKED}));
    EXPECT_EQ(status.state, State::Revoked);
    EXPECT_THAT(status.evidence.english(),
                HasSubstr("serial 0A1B revoked at " + iso_time(kNow - kDay)));
    EXPECT_EQ(look(answer({.status = V_OCSP_CERTSTATUS_UNKNOWN})).state, State::Unknown);
}

TEST_F(OcspTest, TheResponderMayHashTheNamesByAnyDigest) {
    EXPECT_EQ(look(answer({.id_digest = EVP_sha256()})).state, State::Good);
}

TEST_F(OcspTest, AnAnswerIsCurrentFromThisUpdateToNextUpdate) {
    const std::string stapled = answer({});
    EXPECT_EQ(look(stapled, kNow - 1h - 1ms).state, State::Unknown);
    EXPECT_EQ(look(stapled, kNow + kDay).state, State::Good);
    EXPECT_EQ(look(stapled, kNow + kDay + 1ms).state, State::Unknown);
    const std::string without_end = answer({.next_update = std::nullopt});
    EXPECT_EQ(look(without_end, kNow + 23h).state, State::Good);
    EXPECT_EQ(look(without_end, kNow + 23h + 1ms).state, State::Unknown);
}

// What goes with a certificate of our own must help us: good and current, about this certificate.
TEST_F(OcspTest, OnlyAGoodAndCurrentAnswerIsStapled) {
    const auto kept = [&](const OcspSpec& spec) {
        const auto read = read_ocsp(answer(spec), leaf, ca.certificate, kNow);
        return Book({}, {{answer_key(leaf, ca.certificate),
                          std::make_shared<const OcspAnswer>(read.value())}});
    };
    const auto& issuer = ca.certificate;
    const Book good = kept({});
    EXPECT_EQ(look(good.staple(leaf, issuer, kNow)).state, State::Good) << "as it came";
    EXPECT_EQ(look(good.staple(leaf, issuer, kNow + kDay), kNow + kDay).state, State::Good);
    EXPECT_EQ(good.staple(leaf, issuer, kNow + kDay + 1ms), "");
    EXPECT_EQ(good.staple(leaf, issuer, kNow - 1h - 1ms), "");
    EXPECT_EQ(good.staple(issuer, issuer, kNow), "") << "another certificate";
    EXPECT_EQ(kept({.status = V_OCSP_CERTSTATUS_REVOKED}).staple(leaf, issuer, kNow), "");
    EXPECT_EQ(kept({.status = V_OCSP_CERTSTATUS_UNKNOWN}).staple(leaf, issuer, kNow), "");
    EXPECT_EQ(Book().staple(leaf, issuer, kNow), "");
    OcspAnswer padded = *read_ocsp(answer({}), leaf, issuer, kNow);
    padded.der.resize((8UL << 10U) + 1);
    OcspAnswer of_delegate = *read_ocsp(answer({}), leaf, issuer, kNow);
    of_delegate.signer_ends = kNow - 1ms;
    for (const OcspAnswer& bad : {padded, of_delegate}) {
        const Book book({}, {{answer_key(leaf, issuer), std::make_shared<const OcspAnswer>(bad)}});
        EXPECT_EQ(book.staple(leaf, issuer, kNow), "") << "no client would take it";
    }
}

// A certificate may name two responders: who blocks one of them gains nothing.
TEST_F(OcspTest, EveryAnswerAboutACertificateIsHeard) {
    const auto& issuer = ca.certificate;
    const auto of = [&](const OcspSpec& spec) {
        return std::make_shared<const OcspAnswer>(*read_ocsp(answer(spec), leaf, issuer, kNow));
    };
    const auto good = of({});
    const auto revoked = of({.status = V_OCSP_CERTSTATUS_REVOKED, .this_update = kNow - 30min});
    const auto stale = of({.this_update = kNow - kDay * 3, .next_update = kNow - kDay});
    const auto both = [&](const auto& one, const auto& other) {
        return Book({}, {{answer_key(leaf, issuer), one}, {answer_key(leaf, issuer), other}});
    };
    for (const Book& book : {both(good, revoked), both(revoked, good)}) {
        EXPECT_EQ(book.look_up(leaf, issuer, kNow, 0ms).state, State::Revoked);
        EXPECT_EQ(book.staple(leaf, issuer, kNow), "");
    }
    for (const Book& book : {both(good, stale), both(stale, good)}) {
        EXPECT_EQ(book.look_up(leaf, issuer, kNow, 0ms).state, State::Good);
        EXPECT_EQ(book.staple(leaf, issuer, kNow), good->der);
    }
}

TEST_F(OcspTest, RevokedIsFinalAlsoInAnAnswerThatIsOutOfDate) {
    EXPECT_EQ(look(answer({.status = V_OCSP_CERTSTATUS_REVOKED}), kNow + kDay * 9).state,
              State::Revoked);
}

TEST_F(OcspTest, AnotherSignerIsNotBelieved) {
    const Made impostor =
        make_certificate({.subject = {{"CN", "Contoso Root"}}, .extensions = test::of_authority()});
    EXPECT_EQ(look(make_ocsp({}, leaf, ca, impostor)).state, State::Unknown);
    EXPECT_EQ(look(make_ocsp({.status = V_OCSP_CERTSTATUS_REVOKED}, leaf, ca, impostor)).state,
              State::Unknown);
}

TEST_F(OcspTest, ADelegateNeedsTheIssuersLeave) {
    EXPECT_EQ(by_delegate({{"extendedKeyUsage", "OCSPSigning"}, {"noCheck", "ignored"}}),
              State::Good);
    EXPECT_EQ(by_delegate({{"noCheck", "ignored"}}), State::Unknown) << "not for OCSP";
    EXPECT_EQ(by_delegate({{"extendedKeyUsage", "serverAuth"}, {"noCheck", "ignored"}}),
              State::Unknown);
    EXPECT_EQ(by_delegate({{"extendedKeyUsage", "anyExtendedKeyUsage"}, {"noCheck", "ignored"}}),
              State::Unknown);
    EXPECT_EQ(by_delegate({{"extendedKeyUsage", "OCSPSigning"}}), State::Unknown)
        << "it would have to be looked up itself";
    EXPECT_EQ(by_delegate({{"extendedKeyUsage", "OCSPSigning"}, {"noCheck", "ignored"}}, kNow - 1h),
              State::Unknown)
        << "expired";
}

TEST_F(OcspTest, ADelegateIsBelievedOnlyOnAStrongSoundCertificate) {
    const std::vector<test::NamedExtension> leave = {{"extendedKeyUsage", "OCSPSigning"},
                                                     {"noCheck", "ignored"}};
    const auto state = [&](test::CertificateSpec spec) {
        spec.subject = {{"CN", "ocsp"}};
        spec.extensions.insert(spec.extensions.end(), leave.begin(), leave.end());
        return look(make_ocsp({}, leaf, ca, make_certificate(spec, &ca))).state;
    };
    EXPECT_EQ(state({}), State::Good);
    EXPECT_EQ(state({.digest = EVP_sha1()}), State::Unknown);
    EXPECT_EQ(state({.rsa_bits = 1024}), State::Unknown);
    EXPECT_EQ(state({.extensions = {{"1.2.3.4", "critical,DER:05:00"}}}), State::Unknown);
    EXPECT_EQ(state({.extensions = {{"2.5.29.32", "DER:05:00"}}}), State::Unknown) << "damaged";
    EXPECT_EQ(state({.not_before = kNow + 1h}), State::Unknown);
}

TEST_F(OcspTest, ADelegateOfAnotherAuthorityIsNotBelieved) {
    const Made other =
        make_certificate({.subject = {{"CN", "Other"}}, .extensions = test::of_authority()});
    const Made delegate = make_certificate(
        {.subject = {{"CN", "ocsp"}},
         .extensions = {{"extendedKeyUsage", "OCSPSigning"}, {"noCheck", "ignored"}}},
        &other);
    EXPECT_EQ(look(make_ocsp({}, leaf, ca, delegate)).state, State::Unknown);
}

TEST_F(OcspTest, AnAnswerAboutAnotherCertificateSaysNothing) {
    const auto other = make_certificate({.serial = "0A1C"}, &ca).certificate;
    const Status status = look(make_ocsp({}, other, ca, ca));
    EXPECT_EQ(status.state, State::Unknown);
    EXPECT_EQ(status.evidence.english(), "the OCSP answer is about another certificate");
    EXPECT_EQ(look(make_ocsp({.status = V_OCSP_CERTSTATUS_REVOKED}, other, ca, ca)).state,
              State::Unknown);
}

TEST_F(OcspTest, WeakSignaturesUnknownCriticalExtensionsAndErrorsAreRefused) {
    EXPECT_EQ(look(answer({.digest = EVP_sha1()})).state, State::Unknown);
    EXPECT_EQ(look(answer({.extensions = {{"1.2.3.4", "critical,DER:05:00"}}})).state,
              State::Unknown);
    EXPECT_EQ(look(answer({.extensions = {{"1.2.3.4", "DER:05:00"}}})).state, State::Good);
    const Status later = look(answer({.response_status = OCSP_RESPONSE_STATUS_TRYLATER}));
    EXPECT_THAT(later.evidence.english(), HasSubstr("trylater"));
}

TEST_F(OcspTest, NoDamagedByteMakesAGoodAnswer) {
    const std::string der = answer({.send_signer = false});
    for (size_t at = 0; at < der.size(); ++at) {
        std::string damaged = der;
        damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ 0x01U);
        ASSERT_NE(look(damaged).state, State::Good) << at;
    }
    for (size_t length = 1; length < der.size(); ++length) {
        ASSERT_EQ(look(der.substr(0, length)).state, State::Unknown) << length;
    }
    EXPECT_EQ(look(std::string(70'000, '\x30')).state, State::Unknown);
}

// A peer's answer is one voice: the list that says "revoked" is final.
TEST_F(OcspTest, RevokedInAListOutweighsAGoodAnswer) {
    const std::string list = make_crl({.revoked = {{leaf->serial, {}}}}, ca);
    const Book book(
        {{"http://crl.example/a.crl",
          std::make_shared<const CrlIndex>(CrlIndex::load(list, ca.certificate).value())}});
    EXPECT_EQ(book.look_up(leaf, ca.certificate, kNow, 0ms, answer({})).state, State::Revoked);
}

TEST_F(OcspTest, AnAnswerFetchedAheadIsFoundForItsCertificate) {
    const auto read = read_ocsp(answer({}), leaf, ca.certificate, kNow);
    ASSERT_TRUE(read);
    const Book book(
        {}, {{answer_key(leaf, ca.certificate), std::make_shared<const OcspAnswer>(*read)}});
    EXPECT_EQ(book.look_up(leaf, ca.certificate, kNow, 0ms).state, State::Good);
    EXPECT_EQ(book.look_up(leaf, ca.certificate, kNow + kDay + 1h, 1h).state, State::Good);
    const auto other = make_certificate({.serial = "0A1C"}, &ca).certificate;
    EXPECT_EQ(book.look_up(other, ca.certificate, kNow, 0ms).state, State::Unknown);
}

TEST_F(OcspTest, TheRequestNamesTheCertificateAndTheAddressIsRead) {
    EXPECT_THAT(leaf->ocsp_urls, ElementsAre("http://ocsp.example/"));
    const std::string request = ocsp_request(leaf, ca.certificate);
    const auto* at = reinterpret_cast<const unsigned char*>(request.data());
    const x509::Owned<OCSP_REQUEST, OCSP_REQUEST_free> parsed(
        d2i_OCSP_REQUEST(nullptr, &at, static_cast<long>(request.size())));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(OCSP_request_onereq_count(parsed.get()), 1);
}

}  // namespace
}  // namespace valija::revocation
