// EX-42 to EX-54, EX-109, EX-113, EX-124, EX-126; EH-01.
#include "trust/keystore/certificate_store.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>

#include "support/certificates.hpp"
#include "support/temporary_directory.hpp"
#include "trust/keystore/custody.hpp"
#include "trust/keystore/key_file.hpp"
#include "trust/keystore/keystore.hpp"

namespace valija::keystore {
namespace {

using namespace std::chrono_literals;
using test::CertificateSpec;
using test::kDay;
using test::kNow;
using test::Made;
using test::make_certificate;
using test::pem_of;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// After each new key, the notes beside it cannot be written.
class SpoilingVault final : public KeyVault {
  public:
    SpoilingVault(const test::TemporaryDirectory& home, KeyVault& real)
        : home_(home), real_(real) {}

    Result<KeyHandle> create(const std::string& name, KeyType type, Export may) override {
        spoil(name);
        return real_.create(name, type, may);
    }

    Result<KeyHandle> import(const std::string& name, std::string_view file,
                             std::string_view password, Export may) override {
        spoil(name);
        return real_.import(name, file, password, may);
    }

    Result<KeyFile> examine(std::string_view file, std::string_view password) override {
        return real_.examine(file, password);
    }

    Result<KeyHandle> locate(const std::string& uri) override { return real_.locate(uri); }

    Result<KeyHandle> attach(const std::string& name, const std::string& uri) override {
        return real_.attach(name, uri);
    }

    Result<KeyHandle> open(const std::string& name) override { return real_.open(name); }

    Result<Export> may_leave(const std::string& name) override { return real_.may_leave(name); }

    Result<std::string> export_sealed(const std::string& name, const SealedCopy& copy) override {
        return real_.export_sealed(name, copy);
    }

    Result<KeyHandle> key_for(const std::string& name, const x509::Certificate& leaf) override {
        return real_.key_for(name, leaf);
    }

    Result<std::vector<std::string>> list() override { return real_.list(); }

    Result<void> remove(const std::string& name) override { return real_.remove(name); }

    int spoiled = 0;

  private:
    void spoil(const std::string& name) {
        ++spoiled;
        std::filesystem::create_directories(home_.path(name + ".meta/full"));
    }

    const test::TemporaryDirectory& home_;
    KeyVault& real_;
};

// A vault in this process, or one whose keys are in a custody of their own: no difference.
class Place {
  public:
    Place(bool in_custody, const std::string& directory) {
        if (!in_custody) {
            here_ = make_file_vault(directory);
            return;
        }
        auto started = Custody::start({.directory = directory});
        if (!started) throw std::runtime_error(started.error().text());
        custody_ = std::move(*started);
    }

    KeyVault& vault() { return here_ ? *here_ : custody_->vault(); }

  private:
    std::unique_ptr<KeyVault> here_;
    std::unique_ptr<Custody> custody_;
};

class CertificateStoreTest : public testing::TestWithParam<bool> {
  protected:
    static NewCertificate wanted(KeyType type = KeyType::P256) {
        return {.subject = parse_subject("O=contoso corp, CN=mail1.contoso.com")->components,
                .dns_names = {"mail1.contoso.com", "contoso.com"},
                .key = type,
                .friendly_name = "Internet certificate"};
    }

    // What a CA makes of the key of a request or certificate of ours.
    x509::Certificate signed_by_ca(const Entry& entry, Time not_before = kNow - 1h) {
        const auto key = vault.open(entry.name).value();
        const Made leaf = make_certificate(
            {.not_before = not_before, .extensions = test::of_leaf("mail1.contoso.com")}, &ca);
        const x509::X509Owner copy(X509_dup(leaf.certificate.native()));
        X509_set_pubkey(copy.get(), key.public_half());
        X509_sign(copy.get(), ca.key.get(), EVP_sha256());
        return x509::Certificate::from_native(copy.get()).value();
    }

    // For the key of this entry, with these fields; by the CA.
    Made for_key_of(const Entry& entry, CertificateSpec spec) {
        const auto key = vault.open(entry.name).value();
        EVP_PKEY_up_ref(key.public_half());
        spec.subject_key = {key.public_half(), EVP_PKEY_free};
        return make_certificate(spec, &ca);
    }

    // The fields of a certificate with the names of wanted().
    static CertificateSpec renewed(Time not_before = kNow - 1h,
                                   std::vector<test::NamedExtension> more = {}) {
        more.push_back({"subjectAltName", "DNS:mail1.contoso.com,DNS:contoso.com"});
        return {.subject = {{"CN", "mail1.contoso.com"}},
                .not_before = not_before,
                .extensions = std::move(more)};
    }

    static std::string file_of(const Made& made) {
        return made.certificate.pem() + pem_of(made.key.get());
    }

    std::map<std::string, std::string> contents() const {
        std::map<std::string, std::string> all;
        for (const std::string& name : home.names()) all[name] = home.read(name);
        all.erase(".lock");
        return all;
    }

    std::string refusal(const ImportSpec& spec) {
        const auto before = contents();
        const auto done = store.import(spec, kNow);
        if (done) return "imported " + done->entry.name;
        EXPECT_EQ(contents(), before) << "a refused import changed something";
        return done.error().text();
    }

    std::string selected() {
        const auto keys = KeyStore::load(home.path(), vault);
        const auto own = keys.select("mail1.contoso.com", kNow);
        return own ? own->name : "nothing";
    }

    test::TemporaryDirectory home;
    Place place{GetParam(), home.path()};
    KeyVault& vault = place.vault();
    CertificateStore store{home.path(), vault};
    Made ca =
        make_certificate({.subject = {{"CN", "Contoso Root"}}, .extensions = test::of_authority()});
};

INSTANTIATE_TEST_SUITE_P(BothPlaces, CertificateStoreTest, testing::Bool(),
                         [](const auto& place) { return place.param ? "Custody" : "Here"; });

// EX-43, EX-44, EX-113.
TEST_P(CertificateStoreTest, ARequestCarriesItsNamesAndIsSignedByItsKey) {
    for (const KeyType type : {KeyType::P256, KeyType::P384, KeyType::Rsa2048}) {
        const auto made = store.request(wanted(type), kNow);
        ASSERT_TRUE(made) << made.error().text();
        ASSERT_TRUE(made->request);
        EXPECT_EQ(made->request->subject, "CN=mail1.contoso.com, O=contoso corp");
        EXPECT_THAT(made->request->dns_names, ElementsAre("mail1.contoso.com", "contoso.com"));
        const auto* at = reinterpret_cast<const unsigned char*>(made->request->der.data());
        const x509::Owned<X509_REQ, X509_REQ_free> native(
            d2i_X509_REQ(nullptr, &at, static_cast<long>(made->request->der.size())));
        EXPECT_EQ(X509_REQ_verify(native.get(), X509_REQ_get0_pubkey(native.get())), 1);
        EXPECT_EQ(made->problem, "");
        EXPECT_EQ(made->metadata.friendly_name, "Internet certificate");
    }
    EXPECT_EQ(selected(), "nothing");
}

TEST_P(CertificateStoreTest, KeysAreReadableByTheirOwnerAlone) {
    const auto made = store.request(wanted(), kNow);
    ASSERT_TRUE(made);
    struct stat found{};
    ASSERT_EQ(::stat(home.path(made->name + ".key").c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0600U);
}

// A command that is killed while a key is written leaves it under a name that nobody looks for.
TEST_P(CertificateStoreTest, WhatAKilledWriterLeftIsGoneAfterTheNextWriting) {
    const Made made = make_certificate({.extensions = test::of_leaf("a.contoso.com")}, &ca);
    for (const char* name : {"a.contoso.com.key.YFZ0r2", "a.contoso.com.meta.000000", "other.txt",
                             "b.key.notes-of-mine"}) {
        std::ofstream(home.path(name)) << "x";
    }
    ASSERT_TRUE(store.import({.file = made.certificate.pem() + pem_of(made.key.get())}, kNow));
    std::vector<std::string> left;
    for (const auto& file : std::filesystem::directory_iterator(home.path(""))) {
        left.push_back(file.path().filename().string());
    }
    EXPECT_THAT(left, testing::Not(Contains("a.contoso.com.key.YFZ0r2")));
    EXPECT_THAT(left, testing::Not(Contains("a.contoso.com.meta.000000")));
    EXPECT_THAT(left, testing::IsSupersetOf({"other.txt", "b.key.notes-of-mine"}));
}

// EH-01, EX-50, EX-52, EX-48: pending, bound, enabled; through another store each time, as after a
// restart.
TEST_P(CertificateStoreTest, APendingRequestWaitsForItsCertificate) {
    const auto made = store.request(wanted(), kNow);
    ASSERT_TRUE(made);
    Place later_place(GetParam(), home.path());
    CertificateStore later(home.path(), later_place.vault());
    const x509::Certificate leaf = signed_by_ca(*made);
    const std::string answer = ca.certificate.pem() + leaf.pem();
    const auto done = later.import({.file = answer}, kNow);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_TRUE(done->was_pending);
    EXPECT_EQ(done->entry.name, made->name);
    EXPECT_FALSE(done->entry.request);
    EXPECT_EQ(done->entry.may, Export::Never);
    EXPECT_THAT(done->entry.chain, ElementsAre(leaf, ca.certificate));
    EXPECT_THAT(done->notes, Contains("the chain was put in order, leaf first"));
    EXPECT_EQ(selected(), "nothing") << "importing does not enable (EX-52)";
    ASSERT_TRUE(later.enable(made->name, {"smtp"}));
    EXPECT_EQ(selected(), made->name);
    EXPECT_EQ(later.find(leaf->thumbprint)->metadata.friendly_name, "Internet certificate");
    EXPECT_THAT(refusal({.file = answer}), HasSubstr("is there already"));
}

// EX-51.
TEST_P(CertificateStoreTest, ACertificateWithoutAMatchingKeyIsRefused) {
    ASSERT_TRUE(store.request(wanted(), kNow));
    const Made other = make_certificate({.extensions = test::of_leaf("mail1.contoso.com")}, &ca);
    EXPECT_THAT(refusal({.file = other.certificate.pem()}), HasSubstr("no pending request"));
    EXPECT_THAT(refusal({.file = other.certificate.der()}), HasSubstr("no pending request"));
    EXPECT_THAT(refusal({.file = other.certificate.pem() + pem_of(ca.key.get())}),
                HasSubstr("not the key of any certificate"));
    EXPECT_THAT(refusal({.file = pem_of(other.key.get())}), HasSubstr("no certificate"));
}

// EX-49.
TEST_P(CertificateStoreTest, AKeyThatNeedsAPassPhraseIsRefused) {
    const Made made = make_certificate({.extensions = test::of_leaf("mail1.contoso.com")}, &ca);
    EXPECT_THAT(refusal({.file = made.certificate.pem() + pem_of(made.key.get(), "secret")}),
                HasSubstr("pass-phrase"));
}

TEST_P(CertificateStoreTest, ACertificateComesWithItsKeyInOneFileOrInTwo) {
    const Made one = make_certificate({.extensions = test::of_leaf("a.contoso.com")}, &ca);
    const std::string both = one.certificate.pem() + pem_of(one.key.get());
    const auto first = store.import({.file = both}, kNow);
    ASSERT_TRUE(first) << first.error().text();
    const Made two = make_certificate({.extensions = test::of_leaf("b.contoso.com")}, &ca);
    const std::string certificate = two.certificate.der();
    const std::string key = pem_of(two.key.get());
    const auto second = store.import({.file = certificate, .key_file = key}, kNow);
    ASSERT_TRUE(second) << second.error().text();
    EXPECT_EQ(second->entry.chain.front(), two.certificate);
    EXPECT_THAT(refusal({.file = both, .key_file = key}), HasSubstr("both files"));
}

// EX-46, EX-47: a back-up that restores on a second edge.
TEST_P(CertificateStoreTest, AnExportableKeyTravelsSealed) {
    NewCertificate exportable = wanted();
    exportable.may = Export::Allowed;
    const auto made = store.self_signed(exportable, kNow, kNow + kDay * 365);
    ASSERT_TRUE(made);
    const auto copy = store.export_sealed(*made, "s3cret");
    ASSERT_TRUE(copy) << copy.error().text();
    const test::TemporaryDirectory second;
    Place second_place(GetParam(), second.path());
    CertificateStore edge(second.path(), second_place.vault());
    const auto wrong = edge.import({.file = *copy, .password = "guess"}, kNow);
    ASSERT_FALSE(wrong);
    EXPECT_THAT(wrong.error().text(), HasSubstr("the password is wrong"));
    const auto none = edge.import({.file = *copy}, kNow);
    ASSERT_FALSE(none);
    EXPECT_THAT(none.error().text(), HasSubstr("--password-file"));
    const auto done = edge.import({.file = *copy, .password = "s3cret"}, kNow);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(done->entry.chain, made->chain);
    EXPECT_EQ(done->entry.may, Export::Never) << "EX-48: imported keys never leave";
    const auto again = edge.export_sealed(done->entry, "x");
    ASSERT_FALSE(again);
    EXPECT_THAT(again.error().text(), HasSubstr("not exportable"));
}

TEST_P(CertificateStoreTest, AKeyIsNotExportableUnlessThatWasSaid) {
    const auto made = store.self_signed(wanted(), kNow, kNow + kDay);
    ASSERT_TRUE(made);
    EXPECT_FALSE(store.export_sealed(*made, "s3cret"));
}

// EX-124, EX-126.
TEST_P(CertificateStoreTest, ACloneHasTheNamesAndAnotherKey) {
    const auto made = store.self_signed(wanted(), kNow, kNow + kDay * 365);
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_EQ(selected(), made->name);
    const x509::Certificate& leaf = made->chain.front();
    EXPECT_TRUE(leaf->self_issued && leaf->eku_client && leaf->eku_server);
    EXPECT_EQ(leaf->subject, "CN=mail1.contoso.com, O=contoso corp");
    EXPECT_EQ(leaf->not_after, kNow + kDay * 365);
    std::vector<std::string> left_out;
    const auto clone = store.self_signed(clone_of(leaf, left_out), kNow + 1h, kNow + kDay * 365);
    ASSERT_TRUE(clone);
    EXPECT_THAT(left_out, IsEmpty());
    EXPECT_EQ(clone->chain.front()->subject, leaf->subject);
    EXPECT_EQ(clone->chain.front()->dns_names, leaf->dns_names);
    EXPECT_FALSE(vault.open(clone->name)->belongs_to(leaf));
}

TEST_P(CertificateStoreTest, RenewalReplacesThoseWithTheSameNamesAndTakesTheirServices) {
    const auto old = store.self_signed(wanted(), kNow - kDay, kNow + kDay);
    ASSERT_TRUE(old);
    const Made made = make_certificate(
        {.subject = {{"CN", "mail1.contoso.com"}},
         .not_before = kNow - 1h,
         .extensions = {{"subjectAltName", "DNS:mail1.contoso.com,DNS:contoso.com"}}},
        &ca);
    const std::string file = made.certificate.pem() + pem_of(made.key.get());
    const auto done = store.import({.file = file, .replace = true}, kNow);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_THAT(done->replaced, ElementsAre(old->chain.front()->thumbprint));
    EXPECT_TRUE(done->entry.for_smtp());
    EXPECT_EQ(selected(), done->entry.name);
    EXPECT_EQ(store.list()->size(), 2U) << "the old one goes when the new one is in use";
    ASSERT_TRUE(store.drop_replaced(*done));
    EXPECT_EQ(store.list()->size(), 1U);
    EXPECT_FALSE(vault.open(old->name));
}

TEST_P(CertificateStoreTest, RenewalLeavesAloneWhatHasOtherNamesOrIsNamedByTheConfiguration) {
    NewCertificate wider = wanted();
    wider.dns_names.emplace_back("other.contoso.com");
    const auto other = store.self_signed(wider, kNow - kDay, kNow + kDay);
    const auto named = store.self_signed(wanted(), kNow - kDay, kNow + kDay);
    const Made nameless = make_certificate({.subject = {{"O", "Contoso"}}}, &ca);
    const std::string first = nameless.certificate.pem() + pem_of(nameless.key.get());
    ASSERT_TRUE(store.import({.file = first}, kNow));
    const Made made = make_certificate(
        {.subject = {{"CN", "mail1.contoso.com"}},
         .not_before = kNow - 1h,
         .extensions = {{"subjectAltName", "DNS:mail1.contoso.com,DNS:contoso.com"}}},
        &ca);
    const std::string file = made.certificate.pem() + pem_of(made.key.get());
    const auto done = store.import({.file = file, .replace = true, .keep = {named->name}}, kNow);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_THAT(done->replaced, IsEmpty());
    EXPECT_THAT(done->notes, Contains(HasSubstr(named->name + " stays")));
    ASSERT_TRUE(store.drop_replaced(*done));
    EXPECT_EQ(store.list()->size(), 4U);
}

TEST_P(CertificateStoreTest, ACertificateForTheSameKeyNeedsReplace) {
    const auto made = store.request(wanted(), kNow);
    ASSERT_TRUE(made);
    const std::string first = signed_by_ca(*made, kNow - 2h).pem();
    const std::string second = signed_by_ca(*made, kNow - 1h).pem();
    ASSERT_TRUE(store.import({.file = first}, kNow));
    ASSERT_TRUE(store.enable(made->name, {"smtp"}));
    EXPECT_THAT(refusal({.file = second}), HasSubstr("--replace"));
    const auto done = store.import({.file = second, .replace = true}, kNow);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_TRUE(done->entry.for_smtp());
    EXPECT_EQ(done->entry.chain.front().pem(), second);
    EXPECT_THAT(done->going, IsEmpty()) << "it is written over";
}

// What stands is not given up for what would be used less, or by fewer.
TEST_P(CertificateStoreTest, ARenewalThatIsWorseIsRefusedWhole) {
    const auto old =
        store.import({.file = file_of(make_certificate(renewed(kNow - 2h), &ca))}, kNow);
    ASSERT_TRUE(old) << old.error().text();
    ASSERT_TRUE(store.enable(old->entry.name, {"smtp"}));
    const auto told = [&](const CertificateSpec& spec, const Made* issuer) {
        return refusal({.file = file_of(make_certificate(spec, issuer)), .replace = true});
    };
    CertificateSpec expired = renewed();
    expired.not_after = kNow - 1min;
    EXPECT_THAT(told(expired, &ca), HasSubstr("would be used before it"));
    EXPECT_THAT(told(renewed(kNow + 1h), &ca), HasSubstr("would be used before it"));
    EXPECT_THAT(told(renewed(kNow - 3h), &ca), HasSubstr("would be used before it"));
    EXPECT_THAT(told(renewed(), nullptr), HasSubstr("would be used before it"));
    EXPECT_THAT(told(renewed(kNow - 1h, test::of_authority()), &ca), HasSubstr("of a CA"));
    EXPECT_THAT(told(renewed(kNow - 1h, {{"extendedKeyUsage", "serverAuth"}}), &ca),
                HasSubstr("not for clients"));
    EXPECT_THAT(told(renewed(kNow - 1h, {{"extendedKeyUsage", "clientAuth"}}), &ca),
                HasSubstr("not for servers"));
    EXPECT_EQ(selected(), old->entry.name);
}

// An ACME client asked twice within a second.
TEST_P(CertificateStoreTest, ARenewalOfTheSameSecondIsNoWorse) {
    const auto old =
        store.import({.file = file_of(make_certificate(renewed(kNow - 2h), &ca))}, kNow);
    ASSERT_TRUE(old) << old.error().text();
    const auto done = store.import(
        {.file = file_of(make_certificate(renewed(kNow - 2h), &ca)), .replace = true}, kNow);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_THAT(done->replaced, ElementsAre(old->entry.chain.front()->thumbprint));
}

// What has ended can be no better: partners that want clientAuth refuse both, the rest takes this.
TEST_P(CertificateStoreTest, ForOneThatHasEndedAnyValidOneIsBetter) {
    CertificateSpec ended = renewed(kNow - 48h);
    ended.not_after = kNow - 1h;
    ASSERT_TRUE(store.import({.file = file_of(make_certificate(ended, &ca))}, kNow));
    const CertificateSpec server_only = renewed(kNow - 1h, {{"extendedKeyUsage", "serverAuth"}});
    const auto done =
        store.import({.file = file_of(make_certificate(server_only, &ca)), .replace = true}, kNow);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(done->replaced.size(), 1U);
    EXPECT_THAT(done->notes, Contains(HasSubstr("clientAuth is missing")));
}

// CAs date back: what counts is which one is used, not which one began later.
TEST_P(CertificateStoreTest, ARenewalByACaReplacesASelfSignedOneThatIsYounger) {
    const auto old = store.self_signed(wanted(), kNow - 1min, kNow + kDay);
    ASSERT_TRUE(old);
    const auto done = store.import(
        {.file = file_of(make_certificate(renewed(kNow - 1h), &ca)), .replace = true}, kNow);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_THAT(done->replaced, ElementsAre(old->chain.front()->thumbprint));
}

TEST_P(CertificateStoreTest, TheAnswerToAPendingRequestReplacesToo) {
    const auto old = store.self_signed(wanted(), kNow - kDay, kNow + kDay);
    ASSERT_TRUE(old);
    const auto made = store.request(wanted(), kNow);
    ASSERT_TRUE(made);
    const std::string worse = for_key_of(*made, renewed(kNow + 1h)).certificate.pem();
    EXPECT_THAT(refusal({.file = worse, .replace = true}), HasSubstr("would be used before it"));
    const std::string answer = for_key_of(*made, renewed()).certificate.pem();
    const auto done = store.import({.file = answer, .replace = true}, kNow);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_TRUE(done->was_pending && done->entry.for_smtp());
    EXPECT_THAT(done->going, ElementsAre(old->name));
    EXPECT_EQ(done->entry.name, made->name);
    EXPECT_THAT(done->replaced, ElementsAre(old->chain.front()->thumbprint));
    ASSERT_TRUE(store.drop_replaced(*done));
    EXPECT_EQ(store.list()->size(), 1U);
    EXPECT_EQ(selected(), made->name);
}

TEST_P(CertificateStoreTest, ARenewalForTheSameKeyHasTheSameConditions) {
    const auto made = store.request(wanted(), kNow);
    ASSERT_TRUE(made);
    const std::string first = for_key_of(*made, renewed(kNow - 2h)).certificate.pem();
    ASSERT_TRUE(store.import({.file = first}, kNow));
    const auto told = [&](const CertificateSpec& spec, std::vector<std::string> keep = {}) {
        const std::string file = for_key_of(*made, spec).certificate.pem();
        return refusal({.file = file, .replace = true, .keep = std::move(keep)});
    };
    EXPECT_THAT(told(renewed(kNow - 3h)), HasSubstr("would be used before it"));
    EXPECT_THAT(told(renewed(kNow - 1h, {{"extendedKeyUsage", "serverAuth"}})),
                HasSubstr("not for clients"));
    EXPECT_THAT(told({.extensions = test::of_leaf("mail1.contoso.com")}), HasSubstr("all names"));
    EXPECT_THAT(told(renewed(), {made->name}), HasSubstr("the configuration names it"));
}

TEST_P(CertificateStoreTest, ACertificateThatEndsBeforeItBeginsIsRefused) {
    const Made made = make_certificate({.not_before = kNow, .not_after = kNow - kDay}, &ca);
    EXPECT_THAT(refusal({.file = file_of(made)}), HasSubstr("ends before it begins"));
}

// What a making that fails began is taken back: no key without certificate stays.
TEST_P(CertificateStoreTest, AMakingThatFailsLeavesNoKey) {
    NewCertificate bad = wanted();
    bad.subject = {{.abbreviation = "O", .value = std::string(65, 'a')}};
    EXPECT_FALSE(store.request(bad, kNow));
    EXPECT_FALSE(store.self_signed(bad, kNow, kNow + kDay));
    EXPECT_THAT(contents(), IsEmpty());
    SpoilingVault spoiling(home, vault);
    CertificateStore spoiled(home.path(), spoiling);
    EXPECT_FALSE(spoiled.request(wanted(), kNow));
    EXPECT_FALSE(spoiled.self_signed(wanted(), kNow, kNow + kDay));
    EXPECT_FALSE(spoiled.import({.file = file_of(make_certificate(renewed(), &ca))}, kNow));
    EXPECT_EQ(spoiling.spoiled, 3);
    for (const std::string& name : home.names()) EXPECT_FALSE(name.ends_with(".key")) << name;
}

// EX-126.
TEST_P(CertificateStoreTest, ACloneLeavesOutWhatASubjectOfOursCannotHave) {
    const Made made = make_certificate(renewed());
    const x509::X509Owner copy(X509_dup(made.certificate.native()));
    const std::string text(65, 'a');
    for (const int nid : {NID_organizationName, NID_countryName}) {
        ASSERT_EQ(
            X509_NAME_add_entry_by_NID(X509_get_subject_name(copy.get()), nid, V_ASN1_UTF8STRING,
                                       reinterpret_cast<const unsigned char*>(text.data()),
                                       static_cast<int>(text.size()), -1, 0),
            1);
    }
    ASSERT_GT(X509_sign(copy.get(), made.key.get(), EVP_sha256()), 0);
    std::vector<std::string> left_out;
    const auto wanted = clone_of(x509::Certificate::from_native(copy.get()).value(), left_out);
    EXPECT_THAT(left_out, ElementsAre(HasSubstr("O has 65 characters"), HasSubstr("country code")));
    EXPECT_THAT(wanted.subject, ElementsAre(SubjectComponent{"CN", "mail1.contoso.com"}));
    EXPECT_TRUE(store.self_signed(wanted, kNow, kNow + kDay));
}

TEST_P(CertificateStoreTest, WhatIsReadBackIsNotTrusted) {
    const auto made = store.self_signed(wanted(), kNow, kNow + kDay);
    ASSERT_TRUE(made);
    home.write(made->name + ".meta", "services = ../../etc\n");
    EXPECT_THAT(store.find(made->name)->problem, HasSubstr("services"));
    EXPECT_EQ(selected(), "nothing");
    home.write(made->name + ".meta", std::string(5000, '\n'));
    EXPECT_THAT(store.find(made->name)->problem, HasSubstr("larger"));
    home.write("odd.req", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n");
    EXPECT_NE(store.find("odd")->problem, "");
    home.write("alone.key", "");
    EXPECT_NE(store.find("alone")->problem, "");
    EXPECT_FALSE(store.enable("alone", {"smtp"}));
}

TEST_P(CertificateStoreTest, BadNamesAreRefused) {
    const auto refused = [&](const NewCertificate& bad) {
        const auto made = store.request(bad, kNow);
        return made ? "made" : made.error().text();
    };
    NewCertificate bad = wanted();
    bad.dns_names = {"mail_1.contoso.com"};
    EXPECT_THAT(refused(bad), HasSubstr("underscore"));
    bad.dns_names = {"a b.contoso.com"};
    EXPECT_THAT(refused(bad), HasSubstr("not a DNS name"));
    bad.dns_names = std::vector<std::string>(10000, "a.contoso.com");
    EXPECT_THAT(refused(bad), HasSubstr("at most 500"));
    EXPECT_THAT(refused(NewCertificate{}), HasSubstr("no name"));
    bad = wanted();
    bad.friendly_name = "a\nservices = smtp";
    EXPECT_THAT(refused(bad), HasSubstr("friendly name"));
    auto left = home.names();
    left.erase(".lock");
    EXPECT_THAT(left, IsEmpty());
}

TEST_P(CertificateStoreTest, ACertificateThatPeersWouldNotTakeIsRefused) {
    std::string names = "DNS:a0.contoso.com";
    for (int i = 1; i < 10000; ++i) names += ",DNS:a" + std::to_string(i) + ".contoso.com";
    const Made made = make_certificate({.extensions = {{"subjectAltName", names}}}, &ca);
    const std::string file = made.certificate.pem() + pem_of(made.key.get());
    EXPECT_THAT(refusal({.file = file}), HasSubstr("10000 DNS names"));
}

TEST_P(CertificateStoreTest, AnExpiredCertificateIsTakenWithAWarning) {
    const Made made = make_certificate({.not_before = kNow - kDay * 2,
                                        .not_after = kNow - kDay,
                                        .extensions = test::of_leaf("mail1.contoso.com")},
                                       &ca);
    const std::string file = made.certificate.pem() + pem_of(made.key.get());
    const auto done = store.import({.file = file}, kNow);
    ASSERT_TRUE(done);
    EXPECT_THAT(done->notes, Contains(HasSubstr("expired")));
}

TEST_P(CertificateStoreTest, RemovingLeavesNothingBehind) {
    const auto made = store.self_signed(wanted(), kNow, kNow + kDay);
    ASSERT_TRUE(made);
    ASSERT_TRUE(store.remove(made->name));
    EXPECT_THAT(home.names(), UnorderedElementsAre(".lock"));
}

TEST_P(CertificateStoreTest, ANameOfTheVaultIsNeverAPath) {
    for (const std::string& name : {std::string("../a"), std::string(), std::string(".a"),
                                    std::string("a\0b", 3), std::string(200, 'a')}) {
        EXPECT_FALSE(vault.create(name, KeyType::P256, Export::Never)) << name;
        EXPECT_FALSE(vault.open(name)) << name;
        EXPECT_FALSE(vault.remove(name)) << name;
    }
    ASSERT_TRUE(vault.create("a", KeyType::P256, Export::Never));
    EXPECT_FALSE(vault.create("a", KeyType::P256, Export::Never)) << "never overwritten";
}

// EX-125; semantics 2.3.
TEST_P(CertificateStoreTest, CandidatesAreListedWithTheReasonWhyEachOtherIsNotUsed) {
    const auto put = [&](const std::string& name, CertificateSpec spec, bool self_signed = false) {
        spec.extensions = {{"subjectAltName", "DNS:mail1.contoso.com"}};
        const Made made = make_certificate(spec, self_signed ? nullptr : &ca);
        home.write(name + ".crt", made.certificate.pem());
        home.write(name + ".key", pem_of(made.key.get()));
    };
    put("a-self", {.not_before = kNow - 1h}, true);
    put("b-old", {.not_before = kNow - kDay * 3});
    put("c-new", {.not_before = kNow - kDay * 2});
    put("d-expired", {.not_before = kNow - kDay * 9, .not_after = kNow - kDay});
    put("e-off", {.not_before = kNow - 1h});
    home.write("e-off.meta", "services =\n");
    const auto keys = KeyStore::load(home.path(), vault);
    std::vector<std::string> listed;
    for (const Candidate& one : keys.candidates("mail1.contoso.com", kNow)) {
        listed.push_back(one.own->name + ": " + one.reason);
    }
    EXPECT_THAT(listed, ElementsAre("c-new: used", "b-old: it is older (valid from 2025-10-06)",
                                    "a-self: it is self-signed, and one issued by a CA comes first",
                                    "d-expired: it expired on 2025-10-08",
                                    "e-off: it is not enabled for smtp"));
    EXPECT_EQ(selected(), "c-new");
    EXPECT_EQ(keys.candidates("other.example", kNow).front().reason, "the name is not in it");
}

}  // namespace
}  // namespace valija::keystore
