// EX-27, EX-31, EX-41: which lists count, by RFC 5280 5 and 6.3: deltas, reasons, other keys, and
// the lists that an operator hands in, which are held to the letter.
#include <gmock/gmock.h>

#include <functional>

#include "support/certificates.hpp"
#include "trust/revocation/book.hpp"

namespace valija::revocation {
namespace {

using namespace std::chrono_literals;
using test::CrlSpec;
using test::kDay;
using test::kNow;
using test::Made;
using test::make_certificate;
using test::NamedExtension;
using testing::HasSubstr;

const std::string kUrl = "http://crl.example/a.crl";
const std::string kDeltaUrl = "http://crl.example/delta.crl";

NamedExtension number(int value) {
    char text[32];
    std::snprintf(text, sizeof text, "DER:02:01:%02X", value);
    return {"2.5.29.20", text};
}

NamedExtension delta_of(int base) { return {"2.5.29.27", "critical," + number(base).value}; }

const NamedExtension kOnHold = {"2.5.29.21", "DER:0A:01:06"};
const NamedExtension kRemoved = {"2.5.29.21", "DER:0A:01:08"};

class ListsTest : public testing::Test {
  protected:
    x509::Certificate issue(std::vector<NamedExtension> extensions) const {
        return make_certificate(
                   {.subject = {{"CN", "leaf"}}, .serial = "77", .extensions = extensions}, &ca)
            .certificate;
    }

    std::string list(CrlSpec spec) const { return make_crl(spec, ca); }

    static std::shared_ptr<const CrlIndex> load(const std::string& der, const Made& by) {
        auto index = CrlIndex::load(der, by.certificate);
        EXPECT_TRUE(index) << index.error().text();
        return std::make_shared<const CrlIndex>(std::move(*index));
    }

    Status by_files(std::vector<std::string> files) const {
        return Book::from_files(std::move(files)).look_up(leaf, ca.certificate, kNow, 0ms);
    }

    // A base with number 5, and a delta beside it.
    Status status_with_delta(CrlSpec base, CrlSpec delta) const {
        base.extensions.push_back(number(5));
        base.extensions.push_back({"freshestCRL", "URI:" + kDeltaUrl});
        const Book book({{kUrl, load(list(base), ca)}, {kDeltaUrl, load(list(delta), ca)}});
        return book.look_up(leaf, ca.certificate, kNow, 0ms);
    }

    State with_delta(CrlSpec base, CrlSpec delta) const {
        return status_with_delta(std::move(base), std::move(delta)).state;
    }

    Made ca =
        make_certificate({.subject = {{"CN", "Contoso Root"}}, .extensions = test::of_authority()});
    x509::Certificate leaf = issue({{"crlDistributionPoints", "URI:" + kUrl}});
    const std::vector<test::RevokedSpec> revoked = {{"77", {}}};
    const std::vector<test::RevokedSpec> other = {{"05", {}}};
};

TEST_F(ListsTest, ADeltaAddsToItsBase) {
    EXPECT_EQ(with_delta({}, {.extensions = {number(7), delta_of(4)}}), State::Good);
    EXPECT_EQ(with_delta({}, {.revoked = revoked, .extensions = {number(7), delta_of(4)}}),
              State::Revoked);
    EXPECT_EQ(with_delta({.revoked = revoked}, {.extensions = {number(7), delta_of(4)}}),
              State::Revoked);
}

// Who looks for the serial number must know in which of the two.
TEST_F(ListsTest, TheListThatRevokesIsNamed) {
    const CrlSpec adding{.revoked = revoked, .extensions = {number(7), delta_of(4)}};
    const Status by_delta = status_with_delta({}, adding);
    EXPECT_EQ(by_delta.url, kDeltaUrl);
    EXPECT_THAT(by_delta.evidence.english(), testing::HasSubstr("list " + kDeltaUrl + " of"));
    const Status by_base =
        status_with_delta({.revoked = revoked}, {.extensions = {number(7), delta_of(4)}});
    EXPECT_EQ(by_base.url, kUrl);
    EXPECT_THAT(by_base.evidence.english(), testing::HasSubstr("list " + kUrl + " of"));
}

TEST_F(ListsTest, ADeltaLiftsAHold) {
    const CrlSpec held{.revoked = {{"77", {kOnHold}}}};
    const CrlSpec lifted{.revoked = {{"77", {kRemoved}}}, .extensions = {number(7), delta_of(4)}};
    EXPECT_EQ(with_delta(held, {.extensions = {number(7), delta_of(4)}}), State::Revoked);
    EXPECT_EQ(with_delta(held, lifted), State::Good);
    CrlSpec stale = lifted;
    stale.this_update = kNow - kDay;
    stale.next_update = kNow - 1h;
    EXPECT_EQ(with_delta(held, stale), State::Revoked) << "only while the delta is current";
}

// RFC 5280 5.2.4 (c).
TEST_F(ListsTest, ADeltaGoesOnlyWithABaseThatIsNewEnoughAndOlderThanItself) {
    const auto revoking = [&](int own, int base) {
        return with_delta({}, {.revoked = revoked, .extensions = {number(own), delta_of(base)}});
    };
    EXPECT_EQ(revoking(7, 5), State::Revoked);
    EXPECT_EQ(revoking(7, 6), State::Good) << "made for a newer base";
    EXPECT_EQ(revoking(5, 4), State::Good) << "the base is as new";
    EXPECT_EQ(
        with_delta({}, {.revoked = revoked,
                        .extensions = {number(7),
                                       delta_of(4),
                                       {"issuingDistributionPoint", "critical,onlyuser:TRUE"}}}),
        State::Good)
        << "of another scope";
}

TEST_F(ListsTest, ADeltaAloneSaysNothingGood) {
    const Book book({{kUrl, load(list({.extensions = {number(7), delta_of(4)}}), ca)}});
    EXPECT_EQ(book.look_up(leaf, ca.certificate, kNow, 0ms).state, State::Unknown);
    EXPECT_EQ(by_files({list({.extensions = {number(7), delta_of(4)}})}).state, State::Unknown);
}

TEST_F(ListsTest, ADeltaMayBeNamedByTheCertificate) {
    leaf = issue({{"crlDistributionPoints", "URI:" + kUrl}, {"freshestCRL", "URI:" + kDeltaUrl}});
    EXPECT_THAT(freshest_urls(leaf), testing::ElementsAre(kDeltaUrl));
    const Book book(
        {{kUrl, load(list({.extensions = {number(5)}}), ca)},
         {kDeltaUrl,
          load(list({.revoked = revoked, .extensions = {number(7), delta_of(4)}}), ca)}});
    EXPECT_EQ(book.look_up(leaf, ca.certificate, kNow, 0ms).state, State::Revoked);
}

// RFC 5280 6.3.3 (d), (e): good only when every reason is covered.
TEST_F(ListsTest, ListsForSomeReasonsCountTogether) {
    const auto some = [&](const std::string& bits, std::vector<test::RevokedSpec> entries) {
        return list({.revoked = std::move(entries),
                     .extensions = {number(1), {"2.5.29.28", "critical,DER:" + bits}}});
    };
    const std::string first = some("30:04:83:02:05:60", {});  // keyCompromise, cACompromise
    const std::string rest = some("30:05:83:03:07:1F:80", {});
    EXPECT_EQ(by_files({first}).state, State::Unknown);
    EXPECT_THAT(by_files({first}).evidence.english(), HasSubstr("only some reasons"));
    EXPECT_EQ(by_files({first, rest}).state, State::Good);
    EXPECT_EQ(by_files({some("30:04:83:02:06:40", revoked)}).state, State::Revoked);
}

TEST_F(ListsTest, AListOfAnotherAuthorityForThisCertificateIsNotTaken) {
    leaf = issue({{"2.5.29.31",
                   "DER:30:1C:30:1A:A2:18:A4:16:30:14:31:12:30:10:06:03:55:04:03:0C:09:4F:74:68:65:"
                   "72:20:43:52:4C"}});
    const auto points = distribution_points(leaf);
    ASSERT_EQ(points.points.size(), 1U);
    EXPECT_TRUE(points.points.front().of_another_issuer);
    const Status status = by_files({list({.extensions = {number(1)}})});
    EXPECT_EQ(status.state, State::Unknown);
    EXPECT_THAT(status.evidence.english(), HasSubstr("indirect"));
}

TEST_F(ListsTest, CrossCertificatesShareNameAndKeyAndSoTheirList) {
    const Made root =
        make_certificate({.subject = {{"CN", "Other Root"}}, .extensions = test::of_authority()});
    Made cross = make_certificate({.subject = {{"CN", "Contoso Root"}},
                                   .serial = "99",
                                   .extensions = test::of_authority(),
                                   .subject_key = ca.key},
                                  &root);
    const Book book({{kUrl, load(list({}), ca)}});
    EXPECT_EQ(book.look_up(leaf, cross.certificate, kNow, 0ms).state, State::Good);
    const Book revoking({{kUrl, load(list({.revoked = revoked}), ca)}});
    EXPECT_EQ(revoking.look_up(leaf, cross.certificate, kNow, 0ms).state, State::Revoked);
}

// A list signed by another key of the issuer's name: only if the path vouches for that key.
TEST_F(ListsTest, AnotherKeyOfTheNameSignsOnlyIfThePathVouchesForIt) {
    const CrlSpec good{.extensions = {number(1)}};
    const Made signer = make_certificate({.subject = {{"CN", "Contoso Root"}},
                                          .serial = "55",
                                          .extensions = {{"keyUsage", "critical,cRLSign"}}},
                                         &ca);
    const Made stranger = make_certificate(
        {.subject = {{"CN", "Contoso Root"}}, .extensions = {{"keyUsage", "critical,cRLSign"}}});
    const auto state = [&](const Made& by, std::vector<std::string> more) {
        more.push_back(make_crl(good, by));
        return Book::from_files(more, {by.certificate})
            .look_up(leaf, ca.certificate, kNow, 0ms)
            .state;
    };
    const std::string scoped =
        list({.extensions = {number(1), {"issuingDistributionPoint", "critical,onlyCA:TRUE"}}});
    EXPECT_EQ(state(signer, {}), State::Unknown) << "whether the signer is good is not known";
    EXPECT_EQ(state(stranger, {list(good)}), State::Good) << "by the issuer's own list";
    EXPECT_EQ(state(stranger, {scoped}), State::Unknown);
    const std::string revoking = list({.revoked = {{"55", {}}}, .extensions = {number(2)}});
    EXPECT_EQ(Book::from_files(
                  {revoking, make_crl({.revoked = revoked, .extensions = {number(1)}}, signer)},
                  {signer.certificate})
                  .look_up(leaf, ca.certificate, kNow, 0ms)
                  .state,
              State::Good)
        << "a revoked signer is not heard";
}

// EX-31: the certificate of such a signer is held to the rules of any other certificate.
TEST_F(ListsTest, ASignerOfListsIsBelievedOnlyOnAStrongSoundCertificateOfTheAuthority) {
    const test::CertificateSpec sound{
        .subject = {{"CN", "Contoso Root"}}, .serial = "55", .extensions = test::of_authority()};
    const auto scoped = [](const char* scope) {
        return CrlSpec{
            .extensions = {number(1),
                           {"issuingDistributionPoint", std::string("critical,") + scope}}};
    };
    const auto state = [&](const test::CertificateSpec& spec, const Made& by) {
        const Made signer = make_certificate(spec, &by);
        return Book::from_files(
                   {list(scoped("onlyCA:TRUE")), make_crl(scoped("onlyuser:TRUE"), signer)},
                   {signer.certificate})
            .look_up(leaf, ca.certificate, kNow, 0ms)
            .state;
    };
    EXPECT_EQ(state(sound, ca), State::Good);
    const auto otherwise = [&](const std::function<void(test::CertificateSpec&)>& change) {
        test::CertificateSpec spec = sound;
        change(spec);
        return state(spec, ca);
    };
    const auto with = [&](const char* name, const char* value) {
        return otherwise([&](auto& spec) { spec.extensions.push_back({name, value}); });
    };
    EXPECT_EQ(otherwise([](auto& spec) { spec.digest = EVP_sha1(); }), State::Unknown);
    EXPECT_EQ(otherwise([](auto& spec) { spec.rsa_bits = 1024; }), State::Unknown);
    EXPECT_EQ(otherwise([](auto& spec) { spec.not_after = kNow - 1h; }), State::Unknown);
    EXPECT_EQ(otherwise([](auto& spec) { spec.not_before = kNow + 1h; }), State::Unknown);
    EXPECT_EQ(with("1.2.3.4", "critical,DER:05:00"), State::Unknown);
    EXPECT_EQ(with("1.2.3.4", "DER:05:00"), State::Good);
    EXPECT_EQ(with("2.5.29.32", "DER:05:00"), State::Unknown) << "damaged";
    const Made stranger =
        make_certificate({.subject = {{"CN", "Contoso Root"}}, .extensions = test::of_authority()});
    EXPECT_EQ(state(sound, stranger), State::Unknown);
}

TEST_F(ListsTest, ListsFromFilesAreHeldToTheLetter) {
    const auto why = [&](CrlSpec spec) {
        const Status status = by_files({list(std::move(spec))});
        return status.state == State::Unknown ? status.evidence.english() : std::string("taken");
    };
    EXPECT_EQ(why({.extensions = {number(1)}}), "taken");
    EXPECT_EQ(why({.revoked = other, .extensions = {number(1)}}), "taken");
    EXPECT_THAT(why({}), HasSubstr("no number"));
    EXPECT_THAT(why({.extensions = {{"2.5.29.20", "critical,DER:02:01:01"}}}),
                HasSubstr("marked critical"));
    EXPECT_THAT(why({.next_update = std::nullopt, .extensions = {number(1)}}),
                HasSubstr("nextUpdate"));
    EXPECT_THAT(why({.version = -1}), HasSubstr("version 1"));
    EXPECT_THAT(why({.revoked = {{"05", {}}, {"05", {}}}, .extensions = {number(1)}}),
                HasSubstr("twice"));
    EXPECT_THAT(why({.extensions = {number(1), number(1)}}), HasSubstr("extension twice"));
    EXPECT_THAT(why({.extensions = {number(1), {"1.2.3.4", "critical,DER:05:00"}}}),
                HasSubstr("unknown critical"));
    EXPECT_THAT(why({.extensions = {number(1), {"issuingDistributionPoint", "onlyuser:TRUE"}}}),
                HasSubstr("not marked critical"));
    EXPECT_THAT(why({.this_update = kNow + 1h, .extensions = {number(1)}}), HasSubstr("future"));
    EXPECT_THAT(
        why({.this_update = kNow - kDay, .next_update = kNow - 1h, .extensions = {number(1)}}),
        HasSubstr("out of date"));
    EXPECT_THAT(why({.extensions = {number(1)}, .digest = EVP_sha1()}), HasSubstr("weak"));
}

TEST_F(ListsTest, AFileThatIsNoListCountsAsNone) {
    const Status status = by_files({"<html>404</html>"});
    EXPECT_EQ(status.state, State::Unknown);
    EXPECT_EQ(status.evidence.english(), "a list cannot be used: it is neither DER nor PEM");
    EXPECT_EQ(by_files({"", list({.extensions = {number(1)}})}).state, State::Good);
    EXPECT_EQ(by_files({}).state, State::Unknown);
}

TEST_F(ListsTest, AFileOfAnotherIssuerSaysNothingEvenWithTheSameSerial) {
    const Made stranger =
        make_certificate({.subject = {{"CN", "Other"}}, .extensions = test::of_authority()});
    const std::string foreign = make_crl({.revoked = revoked, .extensions = {number(1)}}, stranger);
    EXPECT_EQ(by_files({foreign}).state, State::Unknown);
    EXPECT_EQ(by_files({foreign, list({.extensions = {number(1)}})}).state, State::Good);
}

// Sessions forgive what small private CAs do; a weak signature or a short key nobody forgives.
TEST_F(ListsTest, WeakSignaturesAreRefusedAlsoFromTheNetwork) {
    EXPECT_TRUE(CrlIndex::load(list({.version = -1}), ca.certificate));
    EXPECT_FALSE(CrlIndex::load(list({.digest = EVP_sha1()}), ca.certificate));
    ca = make_certificate({.subject = {{"CN", "Contoso Root"}},
                           .extensions = test::of_authority(),
                           .rsa_bits = 1024});
    EXPECT_FALSE(CrlIndex::load(list({}), ca.certificate));
}

TEST_F(ListsTest, PlacesThatAreMalformedOrOfAStrangeKindMakeNothingGood) {
    const std::string good = list({.extensions = {number(1)}});
    leaf = issue({{"crlDistributionPoints", "URI:" + kUrl + ",DNS:crl.example"}});
    EXPECT_EQ(by_files({good}).state, State::Unknown);
    EXPECT_EQ(by_files({list({.revoked = revoked, .extensions = {number(1)}})}).state,
              State::Revoked);
}

}  // namespace
}  // namespace valija::revocation
