// EX-20..EX-26, EH-02: paths to trust anchors, and every way in which there is none.
#include "trust/x509/anchors.hpp"

#include <gmock/gmock.h>

#include "support/certificates.hpp"

namespace valija::x509 {
namespace {

using namespace std::chrono_literals;
using test::anchors_of;
using test::CertificateSpec;
using test::kDay;
using test::kNow;
using test::Made;
using test::make_certificate;
using test::of_authority;
using test::of_leaf;

std::vector<PathProblemKind> kinds(const Path& path) {
    std::vector<PathProblemKind> all;
    for (const PathProblem& problem : path.problems) all.push_back(problem.kind);
    return all;
}

std::string subjects(const Path& path) {
    std::string all;
    for (const Certificate& certificate : path.certificates) {
        all += (all.empty() ? "" : " < ") + certificate->subject;
    }
    return all;
}

// root > issuing > leaf, each of which a test may have made otherwise.
class AnchorsTest : public testing::Test {
  protected:
    CertificateSpec root_spec{.subject = {{"CN", "Root"}}, .extensions = of_authority()};
    CertificateSpec issuing_spec{.subject = {{"CN", "Issuing"}}, .extensions = of_authority()};
    CertificateSpec leaf_spec{.subject = {{"CN", "mail.contoso.com"}},
                              .extensions = of_leaf("mail.contoso.com")};

    void make() {
        root = make_certificate(root_spec);
        issuing = make_certificate(issuing_spec, &*root);
        leaf = make_certificate(leaf_spec, &*issuing);
    }

    Path find(Time at = kNow) {
        if (!leaf) make();
        return anchors_of({root->certificate})
            .find_path({leaf->certificate, issuing->certificate}, at);
    }

    std::optional<Made> root;
    std::optional<Made> issuing;
    std::optional<Made> leaf;
};

// EH-02: leaf, company CA, public root.
TEST_F(AnchorsTest, APathThroughAnIntermediateHolds) {
    const Path path = find();
    EXPECT_THAT(path.problems, testing::IsEmpty());
    EXPECT_EQ(subjects(path), "CN=mail.contoso.com < CN=Issuing < CN=Root");
}

TEST_F(AnchorsTest, TheOrderOfThePresentedIssuersDoesNotMatter) {
    make();
    const auto other = make_certificate({.subject = {{"CN", "Other"}}});
    const Path path = anchors_of({root->certificate})
                          .find_path({leaf->certificate, root->certificate, other.certificate,
                                      issuing->certificate},
                                     kNow);
    EXPECT_THAT(path.problems, testing::IsEmpty());
    EXPECT_EQ(path.certificates.size(), 3U);
}

// EX-23: a root as `openssl req -x509` makes it has no key usage; an intermediate must have it.
TEST_F(AnchorsTest, AnAnchorNeedsNoKeyUsage) {
    root_spec.extensions = {{"basicConstraints", "CA:TRUE"}};
    EXPECT_THAT(find().problems, testing::IsEmpty());
    leaf.reset();
    issuing_spec.extensions = {{"basicConstraints", "critical,CA:TRUE"}};
    EXPECT_THAT(kinds(find()), testing::Contains(PathProblemKind::Constraint));
}

// EX-23: what the operator put there is trusted, self-signed or not.
TEST_F(AnchorsTest, AnIntermediateMayBeTheAnchor) {
    make();
    const Path path = anchors_of({issuing->certificate}).find_path({leaf->certificate}, kNow);
    EXPECT_THAT(path.problems, testing::IsEmpty());
    EXPECT_EQ(subjects(path), "CN=mail.contoso.com < CN=Issuing");
    const Path own = anchors_of({leaf->certificate}).find_path({leaf->certificate}, kNow);
    EXPECT_THAT(own.problems, testing::IsEmpty());
    EXPECT_EQ(subjects(own), "CN=mail.contoso.com");
}

// EX-24: partner leaf, partner CA, cross-certificate, our own root.
class CrossCertificate : public AnchorsTest {
  protected:
    CrossCertificate() {
        make();
        const X509Owner native(X509_dup(root->certificate.native()));
        X509_set_issuer_name(native.get(), X509_get_subject_name(ours.certificate.native()));
        test::add_extension(native.get(), ours.certificate.native(),
                            {"authorityKeyIdentifier", "keyid"});
        EXPECT_GT(X509_sign(native.get(), ours.key.get(), EVP_sha256()), 0);
        cross = *Certificate::from_native(native.get());
    }

    static std::string path_of(const Anchors& anchors, const std::vector<Certificate>& presented) {
        const Path path = anchors.find_path(presented, kNow);
        return path.problems.empty() ? subjects(path) : path.problems.front().text.english();
    }

    Made ours = make_certificate({.subject = {{"CN", "Our Root"}}, .extensions = of_authority()});
    Certificate cross;
};

TEST_F(CrossCertificate, ThatThePeerPresentsLeadsToOurOwnRoot) {
    const Anchors anchors = anchors_of({ours.certificate});
    const std::string whole = "CN=mail.contoso.com < CN=Issuing < CN=Root < CN=Our Root";
    EXPECT_EQ(path_of(anchors, {leaf->certificate, issuing->certificate, cross}), whole);
    EXPECT_EQ(path_of(anchors, {leaf->certificate, issuing->certificate, cross, root->certificate}),
              whole);
    EXPECT_EQ(path_of(anchors, {leaf->certificate, issuing->certificate, root->certificate, cross}),
              whole)
        << "whichever stands first";
}

TEST_F(CrossCertificate, ThatWeHoldOurselvesIsAnAnchor) {
    const Anchors anchors = anchors_of({ours.certificate, cross});
    const std::string whole = "CN=mail.contoso.com < CN=Issuing < CN=Root";
    EXPECT_THAT(path_of(anchors, {leaf->certificate, issuing->certificate}),
                testing::StartsWith(whole));
    EXPECT_THAT(path_of(anchors, {leaf->certificate, issuing->certificate, root->certificate}),
                testing::StartsWith(whole));
}

TEST_F(AnchorsTest, ARootThatIsNoAnchorIsUntrusted) {
    make();
    const auto other = make_certificate(root_spec);  // the same name, another key
    for (const Anchors& anchors : {anchors_of({other.certificate}), Anchors(), anchors_of({})}) {
        const Path path =
            anchors.find_path({leaf->certificate, issuing->certificate, root->certificate}, kNow);
        ASSERT_THAT(path.problems, testing::Not(testing::IsEmpty()));
        EXPECT_EQ(path.problems.front().kind, PathProblemKind::UntrustedRoot);
        EXPECT_EQ(path.certificates.back(), root->certificate);
    }
}

TEST_F(AnchorsTest, ASelfSignedLeafIsUntrusted) {
    make();
    const auto own = make_certificate(leaf_spec);
    EXPECT_THAT(kinds(anchors_of({root->certificate}).find_path({own.certificate}, kNow)),
                testing::ElementsAre(PathProblemKind::UntrustedRoot));
}

TEST_F(AnchorsTest, AMissingIssuerIsAnIncompleteChain) {
    make();
    const Anchors anchors = anchors_of({root->certificate});
    EXPECT_THAT(kinds(anchors.find_path({leaf->certificate}, kNow)),
                testing::Contains(PathProblemKind::IncompleteChain));
    EXPECT_THAT(kinds(Anchors().find_path({leaf->certificate, issuing->certificate}, kNow)),
                testing::Contains(PathProblemKind::IncompleteChain));
}

TEST_F(AnchorsTest, EachDateIsReportedWithItsCertificate) {
    leaf_spec.not_after = kNow - 1s;
    Path path = find();
    ASSERT_THAT(kinds(path), testing::ElementsAre(PathProblemKind::Expired));
    EXPECT_EQ(path.problems.front().depth, 0U);
    EXPECT_EQ(path.problems.front().subject, "CN=mail.contoso.com");
    leaf.reset();
    leaf_spec.not_after = kNow + kDay;
    issuing_spec.not_before = kNow + 1s;
    path = find();
    ASSERT_THAT(kinds(path), testing::ElementsAre(PathProblemKind::NotYetValid));
    EXPECT_EQ(path.problems.front().depth, 1U);
    EXPECT_EQ(path.problems.front().subject, "CN=Issuing");
    leaf.reset();
    issuing_spec.not_before = kNow - kDay;
    root_spec.not_after = kNow - 1s;
    EXPECT_THAT(kinds(find()), testing::ElementsAre(PathProblemKind::Expired));
}

// RFC 5280 4.1.2.5: the period includes both its ends.
TEST_F(AnchorsTest, BothEndsOfTheValidityBelongToIt) {
    leaf_spec.not_before = kNow - 1h;
    leaf_spec.not_after = kNow + 1h;
    EXPECT_THAT(kinds(find(kNow - 1h)), testing::IsEmpty());
    EXPECT_THAT(kinds(find(kNow + 1h)), testing::IsEmpty());
    EXPECT_THAT(kinds(find(kNow - 1h - 1s)), testing::ElementsAre(PathProblemKind::NotYetValid));
    EXPECT_THAT(kinds(find(kNow + 1h + 1s)), testing::ElementsAre(PathProblemKind::Expired));
}

TEST_F(AnchorsTest, ADateDoesNotHideAnotherProblem) {
    leaf_spec.not_after = kNow - 1s;
    leaf_spec.rsa_bits = 1024;
    EXPECT_THAT(kinds(find()),
                testing::UnorderedElementsAre(PathProblemKind::Expired, PathProblemKind::WeakKey));
}

TEST_F(AnchorsTest, ShortKeysAndBrokenDigestsAreWeak) {
    leaf_spec.rsa_bits = 1024;
    EXPECT_THAT(kinds(find()), testing::ElementsAre(PathProblemKind::WeakKey));
    leaf.reset();
    leaf_spec.rsa_bits = 2048;
    EXPECT_THAT(kinds(find()), testing::IsEmpty());
    leaf.reset();
    leaf_spec.digest = EVP_sha1();
    EXPECT_THAT(kinds(find()), testing::ElementsAre(PathProblemKind::WeakKey));
    leaf.reset();
    leaf_spec.digest = EVP_sha256();
    issuing_spec.digest = EVP_sha1();
    EXPECT_THAT(kinds(find()), testing::ElementsAre(PathProblemKind::WeakKey));
    leaf.reset();
    issuing_spec.digest = EVP_sha256();
    issuing_spec.rsa_bits = 1024;
    EXPECT_THAT(kinds(find()), testing::ElementsAre(PathProblemKind::WeakKey));
}

TEST_F(AnchorsTest, APathLongerThanAnIssuerAllowsIsAConstraint) {
    root_spec.extensions = of_authority({}, "CA:TRUE,pathlen:0");
    EXPECT_THAT(kinds(find()), testing::Contains(PathProblemKind::Constraint));
    leaf.reset();
    root_spec.extensions = of_authority({}, "CA:TRUE,pathlen:1");
    EXPECT_THAT(kinds(find()), testing::IsEmpty());
}

TEST_F(AnchorsTest, AnIssuerThatIsNoAuthorityIsAConstraint) {
    issuing_spec.extensions = {{"basicConstraints", "critical,CA:FALSE"}};
    EXPECT_THAT(kinds(find()), testing::Contains(PathProblemKind::Constraint));
    leaf.reset();
    issuing_spec.extensions = {};
    EXPECT_THAT(kinds(find()), testing::Contains(PathProblemKind::Constraint));
    leaf.reset();
    issuing_spec.extensions = {{"basicConstraints", "critical,CA:TRUE"},
                               {"keyUsage", "critical,digitalSignature"}};
    EXPECT_THAT(kinds(find()), testing::Contains(PathProblemKind::Constraint));
}

TEST_F(AnchorsTest, ANameOutsideTheIssuersConstraintsIsAConstraint) {
    issuing_spec.extensions =
        of_authority({{"nameConstraints", "critical,permitted;DNS:contoso.com"}});
    EXPECT_THAT(kinds(find()), testing::IsEmpty());
    leaf.reset();
    issuing_spec.extensions =
        of_authority({{"nameConstraints", "critical,permitted;DNS:woodgrovebank.com"}});
    EXPECT_THAT(kinds(find()), testing::Contains(PathProblemKind::Constraint));
    leaf.reset();
    issuing_spec.extensions =
        of_authority({{"nameConstraints", "critical,excluded;DNS:contoso.com"}});
    EXPECT_THAT(kinds(find()), testing::Contains(PathProblemKind::Constraint));
}

// A CN counts as a name beside the SAN (semantics 2.2), so it is constrained beside it too.
TEST_F(AnchorsTest, ACnOutsideTheIssuersConstraintsIsAConstraintEvenWhereASanIsThere) {
    issuing_spec.extensions =
        of_authority({{"nameConstraints", "critical,permitted;DNS:woodgrovebank.com"}});
    leaf_spec.extensions = of_leaf("mail.woodgrovebank.com");
    leaf_spec.subject = {{"CN", "mail.contoso.com"}};
    EXPECT_THAT(kinds(find()), testing::Contains(PathProblemKind::Constraint));
    leaf.reset();
    leaf_spec.subject = {{"CN", "mail.woodgrovebank.com"}};
    EXPECT_THAT(kinds(find()), testing::IsEmpty());
}

TEST_F(AnchorsTest, AnUnknownCriticalExtensionIsAConstraint) {
    leaf_spec.extensions = of_leaf("mail.contoso.com", {{"1.2.3.4", "critical,DER:05:00"}});
    EXPECT_THAT(kinds(find()), testing::Contains(PathProblemKind::Constraint));
    leaf.reset();
    leaf_spec.extensions = of_leaf("mail.contoso.com", {{"1.2.3.4", "DER:05:00"}});
    EXPECT_THAT(kinds(find()), testing::IsEmpty());
}

TEST_F(AnchorsTest, ASignatureThatDoesNotVerifyIsReported) {
    make();
    std::string der = leaf->certificate.der();
    der.back() = static_cast<char>(static_cast<unsigned char>(der.back()) ^ 1U);
    const auto forged = Certificate::from_der(der);
    ASSERT_TRUE(forged) << forged.error().text();
    EXPECT_THAT(
        kinds(anchors_of({root->certificate}).find_path({*forged, issuing->certificate}, kNow)),
        testing::Contains(PathProblemKind::Signature));
}

TEST_F(AnchorsTest, MoreThanTenCertificatesAreNotLookedAt) {
    make();
    std::vector<Certificate> presented = {leaf->certificate, issuing->certificate};
    presented.resize(10, root->certificate);
    const Anchors anchors = anchors_of({root->certificate});
    EXPECT_THAT(anchors.find_path(presented, kNow).problems, testing::IsEmpty());
    presented.push_back(root->certificate);
    const Path path = anchors.find_path(presented, kNow);
    EXPECT_THAT(kinds(path), testing::ElementsAre(PathProblemKind::Constraint));
    EXPECT_THAT(path.certificates, testing::IsEmpty());
}

TEST_F(AnchorsTest, MoreThan64KiBAreNotLookedAt) {
    make();
    CertificateSpec large{.subject = {{"CN", "large"}}};
    large.extensions = {{"2.16.840.1.113730.1.13", "DER:1E:82:F0:00"}};
    for (int i = 0; i < 0xF000; ++i) large.extensions[0].value += ":00";
    const Certificate filler = make_certificate(large).certificate;
    ASSERT_LT(filler.der().size(), 64U << 10U);
    const Anchors anchors = anchors_of({root->certificate});
    EXPECT_THAT(anchors.find_path({leaf->certificate, issuing->certificate, filler}, kNow).problems,
                testing::IsEmpty());
    const Path path =
        anchors.find_path({leaf->certificate, issuing->certificate, filler, filler}, kNow);
    EXPECT_THAT(kinds(path), testing::ElementsAre(PathProblemKind::Constraint));
    EXPECT_THAT(path.certificates, testing::IsEmpty());
}

TEST_F(AnchorsTest, NothingPresentedIsNothingFound) {
    make();
    const Path path = anchors_of({root->certificate}).find_path({}, kNow);
    EXPECT_THAT(path.problems, testing::Not(testing::IsEmpty()));
    EXPECT_THAT(path.certificates, testing::IsEmpty());
}

TEST_F(AnchorsTest, TheSameCertificateTwiceIsOneAnchor) {
    make();
    const Anchors anchors = anchors_of({root->certificate, root->certificate});
    EXPECT_THAT(anchors.find_path({leaf->certificate, issuing->certificate}, kNow).problems,
                testing::IsEmpty());
}

// EX-22: with the system's roots no further configuration is needed.
TEST(SystemAnchors, AreReadOnceAndTrustNoStranger) {
    const auto anchors = Anchors::system();
    ASSERT_TRUE(anchors) << anchors.error().text();
    EXPECT_GT(anchors->certificates().size(), 50U);
    const auto own = make_certificate({.extensions = of_leaf("mail.contoso.com")});
    EXPECT_THAT(kinds(anchors->find_path({own.certificate}, kNow)),
                testing::ElementsAre(PathProblemKind::UntrustedRoot));
}

}  // namespace
}  // namespace valija::x509
