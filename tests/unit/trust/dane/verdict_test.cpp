// TLSA records against certificates: RFC 6698 2.1, RFC 7671 5, RFC 7672 3.1.
#include "trust/dane/verdict.hpp"

#include <gmock/gmock.h>
#include <openssl/evp.h>

#include "support/certificates.hpp"

namespace valija::dane {
namespace {

using test::make_certificate;
using testing::HasSubstr;

std::string digest(const EVP_MD* method, const std::string& bytes) {
    std::string out(static_cast<size_t>(EVP_MD_get_size(method)), '\0');
    EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()), nullptr,
               method, nullptr);
    return out;
}

std::string data_of(unsigned selector, unsigned matching, const x509::Certificate& certificate) {
    const std::string bytes = selector == 1 ? certificate.spki_der() : certificate.der();
    if (matching == 0) return bytes;
    return digest(matching == 1 ? EVP_sha256() : EVP_sha512(), bytes);
}

Tlsa record_of(unsigned usage, unsigned selector, unsigned matching,
               const x509::Certificate& certificate) {
    return {.usage = usage,
            .selector = selector,
            .matching = matching,
            .data = data_of(selector, matching, certificate)};
}

TEST(Verdict, EverySelectorAndMatchingTypeFitsItsOwnCertificateAlone) {
    const auto own = make_certificate({}).certificate;
    const auto other = make_certificate({}).certificate;
    for (const unsigned selector : {0U, 1U}) {
        for (const unsigned matching : {0U, 1U, 2U}) {
            const Tlsa record = record_of(3, selector, matching, own);
            EXPECT_TRUE(fits(record, own)) << selector << matching;
            EXPECT_FALSE(fits(record, other)) << selector << matching;
            EXPECT_EQ(examine({record}, {own}).kind, VerdictKind::EndEntity);
            EXPECT_EQ(examine({record}, {other, own}).kind, VerdictKind::NoMatch)
                << "usage 3 is of the leaf";
        }
    }
}

TEST(Verdict, TheKeyOutlivesARenewalAndTheCertificateDoesNot) {
    const auto root = make_certificate({.extensions = test::of_authority()});
    const auto own = make_certificate({}, &root);
    EXPECT_FALSE(fits(record_of(3, 0, 1, own.certificate), root.certificate));
    EXPECT_TRUE(fits(record_of(3, 1, 1, own.certificate), own.certificate));
}

TEST(Verdict, Usage2NamesWhatIsAboveTheLeaf) {
    const auto root = make_certificate({.extensions = test::of_authority()});
    const auto own = make_certificate({}, &root);
    const std::vector<x509::Certificate> chain = {own.certificate, root.certificate};
    for (const unsigned selector : {0U, 1U}) {
        for (const unsigned matching : {0U, 1U, 2U}) {
            const auto verdict =
                examine({record_of(2, selector, matching, root.certificate)}, chain);
            ASSERT_EQ(verdict.kind, VerdictKind::TrustAnchor);
            EXPECT_EQ(verdict.anchors, std::vector{root.certificate});
        }
    }
    EXPECT_EQ(examine({record_of(2, 1, 1, own.certificate)}, chain).kind, VerdictKind::NoMatch)
        << "the leaf is no anchor of itself";
    EXPECT_EQ(examine({record_of(2, 0, 0, own.certificate)}, chain).kind, VerdictKind::NoMatch)
        << "nor where the record holds it whole";
    EXPECT_EQ(
        examine({record_of(2, 1, 1, own.certificate)}, {own.certificate, own.certificate}).kind,
        VerdictKind::NoMatch)
        << "nor where it is sent twice";
    EXPECT_EQ(examine({record_of(2, 1, 1, root.certificate)}, {own.certificate}).kind,
              VerdictKind::NoMatch);
    EXPECT_EQ(examine({record_of(2, 0, 0, root.certificate)}, {own.certificate}).kind,
              VerdictKind::TrustAnchor);
}

TEST(Verdict, WhatIsUnusableIsNamed) {
    const auto own = make_certificate({}).certificate;
    for (const auto& [record, words] : std::vector<std::pair<Tlsa, const char*>>{
             {record_of(0, 1, 1, own), "usage 0"},
             {record_of(1, 1, 1, own), "usage 1"},
             {record_of(4, 1, 1, own), "not known"},
             {record_of(255, 1, 1, own), "not known"},
             {{.usage = 3, .selector = 2, .matching = 1, .data = std::string(32, 'a')},
              "not known"},
             {{.usage = 3, .selector = 1, .matching = 3, .data = std::string(32, 'a')},
              "not known"},
             {{.usage = 3, .selector = 1, .matching = 1, .data = "short"}, "5 bytes instead of 32"},
             {{.usage = 3, .selector = 1, .matching = 2, .data = std::string(32, 'a')},
              "32 bytes instead of 64"},
             {{.usage = 3, .selector = 1, .matching = 0, .data = ""}, "is empty"}}) {
        EXPECT_THAT(why_unusable(record).english(), HasSubstr(words));
        const auto verdict = examine({record}, {own});
        EXPECT_EQ(verdict.kind, VerdictKind::NoneUsable);
        EXPECT_THAT(verdict.unusable.english(), HasSubstr(words));
    }
    EXPECT_EQ(examine({}, {own}).kind, VerdictKind::NoneUsable);
    EXPECT_EQ(examine({record_of(3, 1, 1, own)}, {}).kind, VerdictKind::NoMatch);
}

TEST(Verdict, AUsage3MatchWinsOverAnAnchor) {
    const auto root = make_certificate({.extensions = test::of_authority()});
    const auto own = make_certificate({}, &root);
    const auto verdict =
        examine({record_of(2, 1, 1, root.certificate), record_of(3, 1, 1, own.certificate)},
                {own.certificate, root.certificate});
    EXPECT_EQ(verdict.kind, VerdictKind::EndEntity);
    EXPECT_EQ(verdict.record, "3 1 1");
}

TEST(Verdict, AWholeCertificateThatIsNoneNamesNothing) {
    const auto own = make_certificate({}).certificate;
    const Tlsa garbage{.usage = 2, .selector = 0, .matching = 0, .data = "\x30\x03garbage"};
    EXPECT_EQ(examine({garbage}, {own}).kind, VerdictKind::NoMatch);
}

TEST(Verdict, ManyRecordsAreBounded) {
    const auto own = make_certificate({}).certificate;
    std::vector<Tlsa> records(100, record_of(3, 1, 1, make_certificate({}).certificate));
    records.push_back(record_of(3, 1, 1, own));
    EXPECT_EQ(examine(records, {own}).kind, VerdictKind::NoMatch) << "the 101st is not looked at";
}

}  // namespace
}  // namespace valija::dane
