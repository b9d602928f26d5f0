// EX-25, EX-49, EX-51, EX-64, EX-125; semantics 2.3.
#include "trust/keystore/keystore.hpp"
#include "trust/keystore/vault.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "support/certificates.hpp"
#include "unit/directory/settings/home.hpp"

namespace valija::keystore {
namespace {

using namespace std::chrono_literals;
using test::CertificateSpec;
using test::kDay;
using test::kNow;
using test::Made;
using test::make_certificate;
using test::pem_of;

class KeyStoreTest : public testing::Test {
  protected:
    // A certificate of a CA, with its key, as <file>.crt and <file>.key.
    Made put(const std::string& file, const std::string& dns_name, CertificateSpec spec = {},
             bool self_signed = false) const {
        spec.extensions.push_back({"subjectAltName", "DNS:" + dns_name});
        const Made made = make_certificate(spec, self_signed ? nullptr : &ca);
        home.write(file + ".crt", made.certificate.pem());
        home.write(file + ".key", pem_of(made.key.get()));
        return made;
    }

    void load() {
        const auto signer = make_file_vault(home.path());
        keys = KeyStore::load(home.path(), *signer);
    }

    std::string selected(std::string_view name, Time now = kNow) const {
        const auto own = keys.select(name, now);
        return own ? own->name : "nothing";
    }

    // The problems' texts, each with its file.
    std::string problems() const {
        std::string all;
        for (const KeyStore::Problem& problem : keys.problems()) {
            all += problem.file + ": " + problem.text + "\n";
        }
        return all;
    }

    test::Home home;
    Made ca =
        make_certificate({.subject = {{"CN", "Contoso Root"}}, .extensions = test::of_authority()});
    KeyStore keys;
};

TEST_F(KeyStoreTest, EveryPairIsOfferedWithItsChainAndItsKey) {
    const Made made = put("mail", "mail.contoso.com");
    home.write("mail.crt", made.certificate.pem() + ca.certificate.pem());
    put("other", "other.contoso.com");
    home.write("readme.txt", "not a certificate");
    load();
    EXPECT_EQ(problems(), "");
    ASSERT_EQ(keys.certificates().size(), 2U);
    const auto own = keys.select("mail.contoso.com", kNow);
    ASSERT_TRUE(own);
    EXPECT_THAT(own->chain, testing::ElementsAre(made.certificate, ca.certificate));
    EXPECT_EQ(EVP_PKEY_eq(own->key.native(), made.key.get()), 1);
}

TEST_F(KeyStoreTest, RsaAndTraditionalKeysAreRead) {
    put("rsa", "rsa.contoso.com", {.rsa_bits = 2048});
    const Made made = put("old", "old.contoso.com");
    const x509::BioOwner bio(BIO_new(BIO_s_mem()));
    ASSERT_EQ(PEM_write_bio_PrivateKey_traditional(bio.get(), made.key.get(), nullptr, nullptr, 0,
                                                   nullptr, nullptr),
              1);
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &bytes);
    home.write("old.key", std::string(bytes, static_cast<size_t>(length)));
    load();
    EXPECT_EQ(problems(), "");
    EXPECT_EQ(keys.certificates().size(), 2U);
}

// Half a renewal by hand: the certificate is there, its key is not yet.
TEST_F(KeyStoreTest, WhatCannotBeUsedTakesNothingAwayFromAServerThatRuns) {
    const Made old = put("mail", "mail.contoso.com");
    put("other", "other.contoso.com");
    load();
    const KeyStore before = keys;
    const auto vault = make_file_vault(home.path());
    home.write("mail.crt", put("new", "mail.contoso.com").certificate.pem());
    std::filesystem::remove(home.path() + "/new.crt");
    std::filesystem::remove(home.path() + "/other.crt");
    keys = KeyStore::load(home.path(), *vault, &before);
    EXPECT_THAT(problems(), testing::HasSubstr("the one that was loaded before stays in use"));
    ASSERT_TRUE(keys.select("mail.contoso.com", kNow));
    EXPECT_EQ(keys.select("mail.contoso.com", kNow)->chain.front(), old.certificate);
    EXPECT_EQ(selected("other.contoso.com"), "nothing") << "a file that went is gone";
    load();
    EXPECT_EQ(selected("mail.contoso.com"), "nothing") << "a server that starts knows none before";
}

TEST_F(KeyStoreTest, AnEmptyOrMissingDirectoryOffersNothing) {
    load();
    EXPECT_EQ(problems(), "");
    EXPECT_EQ(selected("mail.contoso.com"), "nothing");
    const auto signer = make_file_vault(home.path() + "/none");
    keys = KeyStore::load(home.path() + "/none", *signer);
    EXPECT_THAT(problems(), testing::HasSubstr(home.path() + "/none"));
    EXPECT_THAT(keys.certificates(), testing::IsEmpty());
}

TEST_F(KeyStoreTest, ACertificateWithoutKeyIsReportedAndNotOffered) {
    put("mail", "mail.contoso.com");
    put("good", "good.contoso.com");
    std::filesystem::remove(home.path() + "/mail.key");
    load();
    EXPECT_THAT(problems(),
                testing::AllOf(testing::StartsWith("mail.crt: "), testing::HasSubstr("mail.key"),
                               testing::HasSubstr("No such file")));
    EXPECT_EQ(selected("mail.contoso.com"), "nothing");
    EXPECT_EQ(selected("good.contoso.com"), "good");
}

// EX-51: a certificate that is not bound to the key beside it.
TEST_F(KeyStoreTest, AKeyOfAnotherCertificateIsReportedAndNotOffered) {
    put("mail", "mail.contoso.com");
    home.write("mail.key", pem_of(make_certificate({}).key.get()));
    load();
    EXPECT_EQ(problems(),
              "mail.crt: reading mail.key: it is not the key of the certificate in mail.crt\n");
    EXPECT_EQ(selected("mail.contoso.com"), "nothing");
}

// EX-49: nobody is there to type a pass-phrase.
TEST_F(KeyStoreTest, AnEncryptedKeyIsRefusedWithWordsThatSayWhatToDo) {
    const Made made = put("mail", "mail.contoso.com");
    home.write("mail.key", pem_of(made.key.get(), "secret"));
    load();
    EXPECT_EQ(problems(),
              "mail.crt: reading mail.key: the key is protected by a pass-phrase; write it without "
              "one and protect the file instead\n");
    EXPECT_EQ(selected("mail.contoso.com"), "nothing");
}

TEST_F(KeyStoreTest, FilesThatAreNoCertificateOrNoKeyAreReportedByName) {
    put("a", "a.contoso.com");
    home.write("a.key", "garbage");
    put("b", "b.contoso.com");
    home.write("b.key", "");
    put("c", "c.contoso.com");
    home.write("c.crt", "garbage");
    put("d", "d.contoso.com");
    home.write("d.crt", pem_of(make_certificate({}).key.get()));
    put("e", "e.contoso.com");
    std::filesystem::remove(home.path() + "/e.key");
    std::filesystem::create_directory(home.path() + "/e.key");
    home.write("f.crt", std::string((1U << 20U) + 1, 'x'));
    load();
    ASSERT_EQ(keys.problems().size(), 6U);
    EXPECT_EQ(keys.problems()[0].text, "reading a.key: no PEM private key in it");
    EXPECT_EQ(keys.problems()[1].text, "reading b.key: no PEM private key in it");
    EXPECT_EQ(keys.problems()[2].text, "reading certificates: no PEM certificate in it");
    EXPECT_EQ(keys.problems()[3].file, "d.crt");
    EXPECT_THAT(keys.problems()[4].text, testing::HasSubstr("Is a directory"));
    EXPECT_THAT(keys.problems()[5].text, testing::HasSubstr("larger than"));
    EXPECT_THAT(keys.certificates(), testing::IsEmpty());
}

// The file holds the key alone; no problem's text may show any of it.
TEST_F(KeyStoreTest, NoProblemShowsBytesOfTheKey) {
    const Made made = put("mail", "mail.contoso.com");
    std::string damaged = pem_of(made.key.get());
    const std::string piece = damaged.substr(40, 12);
    damaged.insert(36, "!");
    home.write("mail.key", damaged);
    load();
    ASSERT_EQ(keys.problems().size(), 1U);
    EXPECT_THAT(problems(), testing::Not(testing::HasSubstr(piece)));
}

// EX-64: by the connector's FQDN, in subject or SAN, whatever the case.
TEST_F(KeyStoreTest, TheNameIsLookedForInSanAndCn) {
    put("mail", "mail.contoso.com", {.subject = {{"CN", "edge1.contoso.com"}}});
    load();
    EXPECT_EQ(selected("mail.contoso.com"), "mail");
    EXPECT_EQ(selected("EDGE1.Contoso.COM"), "mail");
    for (const char* name : {"contoso.com", "x.mail.contoso.com", "mail.contoso.co", "", "."}) {
        EXPECT_EQ(selected(name), "nothing") << name;
    }
}

TEST_F(KeyStoreTest, AWildcardCoversOneLabel) {
    put("wild", "*.contoso.com");
    load();
    EXPECT_EQ(selected("mail.contoso.com"), "wild");
    for (const char* name :
         {"contoso.com", "a.mail.contoso.com", ".contoso.com", "mail.contoso.org", "mail"}) {
        EXPECT_EQ(selected(name), "nothing") << name;
    }
}

TEST_F(KeyStoreTest, ASingleLabelNameIsFoundAsItStands) {
    put("edge", "EDGE01", {.subject = {{"CN", "edge02"}}});
    load();
    EXPECT_EQ(selected("edge01"), "edge");
    EXPECT_EQ(selected("edge02"), "edge");
    EXPECT_EQ(selected("edge03"), "nothing");
}

// EX-53: the thumbprint, or the file, picks one certificate whatever names it carries.
TEST_F(KeyStoreTest, AThumbprintOrFileNamePicksOne) {
    const Made old = put("old", "mail.contoso.com", {.not_before = kNow - kDay * 9});
    put("new", "mail.contoso.com", {.not_before = kNow - kDay});
    load();
    EXPECT_EQ(selected("mail.contoso.com"), "new");
    EXPECT_EQ(selected(old.certificate->thumbprint), "old");
    EXPECT_EQ(selected(old.certificate->sha256), "old");
    EXPECT_EQ(selected("old"), "old");
    EXPECT_EQ(selected("old.crt"), "nothing");
}

// Semantics 2.3, step 7: sorted by "valid from", a CA's before a self-signed one.
TEST_F(KeyStoreTest, TheNewestOfACaComesFirst) {
    put("a", "mail.contoso.com", {.not_before = kNow - kDay * 3});
    put("b", "mail.contoso.com", {.not_before = kNow - kDay});
    put("c", "mail.contoso.com", {.not_before = kNow - kDay * 2});
    put("d", "mail.contoso.com", {.not_before = kNow - 1h}, true);
    load();
    ASSERT_EQ(problems(), "");
    EXPECT_EQ(selected("mail.contoso.com"), "b");
}

TEST_F(KeyStoreTest, ASelfSignedOneServesWhereNoOtherIsValid) {
    put("expired", "mail.contoso.com", {.not_before = kNow - kDay * 2, .not_after = kNow - 1h});
    put("future", "mail.contoso.com", {.not_before = kNow + 1h});
    put("own1", "mail.contoso.com", {.not_before = kNow - kDay * 2}, true);
    put("own2", "mail.contoso.com", {.not_before = kNow - kDay}, true);
    load();
    EXPECT_EQ(selected("mail.contoso.com"), "own2");
    EXPECT_EQ(selected("mail.contoso.com", kNow + 2h), "future") << "time is an argument";
}

// Semantics 2.3, step 8: STARTTLS is still offered with an expired certificate.
TEST_F(KeyStoreTest, AnExpiredOneIsTheLastResort) {
    put("mail", "mail.contoso.com", {.not_before = kNow - kDay * 2, .not_after = kNow - kDay});
    load();
    EXPECT_EQ(selected("mail.contoso.com"), "mail");
    put("own", "mail.contoso.com", {.not_before = kNow - kDay * 9}, true);
    load();
    EXPECT_EQ(selected("mail.contoso.com"), "own");
}

TEST_F(KeyStoreTest, BothEndsOfTheValidityBelongToIt) {
    put("mail", "mail.contoso.com", {.not_before = kNow, .not_after = kNow + kDay});
    put("own", "mail.contoso.com", {.not_before = kNow - kDay, .not_after = kNow + kDay * 9}, true);
    load();
    EXPECT_EQ(selected("mail.contoso.com", kNow - 1s), "own");
    EXPECT_EQ(selected("mail.contoso.com", kNow), "mail");
    EXPECT_EQ(selected("mail.contoso.com", kNow + kDay), "mail");
    EXPECT_EQ(selected("mail.contoso.com", kNow + kDay + 1s), "own");
}

}  // namespace
}  // namespace valija::keystore
