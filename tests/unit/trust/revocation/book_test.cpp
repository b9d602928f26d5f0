// EX-27..EX-34: lists are believed only if signed, current and whole; RFC 5280 5 and 6.3.
#include "trust/revocation/book.hpp"

#include <gmock/gmock.h>
#include <sanitizer/allocator_interface.h>

#include <atomic>

#include "support/certificates.hpp"
#include "trust/revocation/internal/crl_reader.hpp"

namespace valija::revocation {
namespace {

using namespace std::chrono_literals;
using test::CrlSpec;
using test::kDay;
using test::kNow;
using test::Made;
using test::make_certificate;
using test::make_crl;
using testing::HasSubstr;

const std::string kUrl = "http://crl.example/a.crl";

std::string raw(const std::string& hexadecimal) {
    return x509::native_integer(test::integer_of(hexadecimal).get());
}

class CrlIndexTest : public testing::Test {
  protected:
    // Why the list is refused; "taken" if it is not.
    std::string refusal(std::string_view bytes) const {
        const auto list = CrlIndex::load(bytes, ca.certificate);
        return list ? "taken" : list.error().cause;
    }

    CrlIndex load(const CrlSpec& spec) const {
        auto list = CrlIndex::load(make_crl(spec, ca), ca.certificate);
        EXPECT_TRUE(list) << list.error().text();
        return std::move(*list);
    }

    Made ca =
        make_certificate({.subject = {{"CN", "Contoso Root"}}, .extensions = test::of_authority()});
};

TEST_F(CrlIndexTest, AListIsReadInDerAndInPem) {
    const std::string der = make_crl({.revoked = {{"05"}}}, ca);
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const x509::CrlOwner native(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
    const x509::BioOwner bio(BIO_new(BIO_s_mem()));
    ASSERT_EQ(PEM_write_bio_X509_CRL(bio.get(), native.get()), 1);
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &bytes);
    const std::string pem(bytes, static_cast<size_t>(length));
    for (const std::string& form : {der, pem, "prose\n" + pem}) {
        const auto list = CrlIndex::load(form, ca.certificate);
        ASSERT_TRUE(list) << list.error().text();
        EXPECT_EQ(list->size(), 1U);
        EXPECT_EQ(list->this_update(), kNow - 1h);
        EXPECT_EQ(list->next_update(), kNow + kDay);
        EXPECT_EQ(list->issuer_sha256(), ca.certificate->sha256);
        EXPECT_EQ(list->find(raw("05")), (Entry{.revoked_at = kNow - kDay, .reason = -1}));
    }
}

TEST_F(CrlIndexTest, SerialsOfEveryLengthAreFoundAndOthersAreNot) {
    const std::vector<std::string> there = {"01",
                                            "7F",
                                            "80",  // DER puts a zero byte before it
                                            "0100",
                                            "FF00",
                                            "7F00000000000000000000000000000000000001",
                                            "FF00000000000000000000000000000000000001"};
    CrlSpec spec;
    for (const std::string& serial : there) spec.revoked.push_back({serial, {}});
    const CrlIndex list = load(spec);
    for (const std::string& serial : there) EXPECT_TRUE(list.find(raw(serial))) << serial;
    for (const char* serial :
         {"02", "81", "0101", "FE00", "01000000", "7F00000000000000000000000000000000000002"}) {
        EXPECT_FALSE(list.find(raw(serial))) << serial;
    }
    EXPECT_FALSE(list.find(""));
    EXPECT_FALSE(list.find(raw("7F") + '\0'));
}

TEST_F(CrlIndexTest, AHundredThousandEntriesAreFoundOneByOne) {
    CrlSpec spec;
    for (int i = 0; i < 100'000; ++i) {
        char serial[16];
        std::snprintf(serial, sizeof serial, "%08X", 0x10000000 + (i * 7919) % 100'003 * 2);
        spec.revoked.push_back({serial, {}});
    }
    const CrlIndex list = load(spec);
    ASSERT_EQ(list.size(), 100'000U);
    for (const auto& revoked : spec.revoked) {
        const std::string serial = raw(revoked.serial);
        ASSERT_TRUE(list.find(serial)) << revoked.serial;
        std::string odd = serial;
        odd.back() = static_cast<char>(static_cast<unsigned char>(odd.back()) | 1U);
        ASSERT_FALSE(list.find(odd)) << revoked.serial;
    }
}

TEST_F(CrlIndexTest, AReasonIsKept) {
    const CrlIndex list = load({.revoked = {{"05", {{"2.5.29.21", "DER:0A:01:01"}}},
                                            {"06", {{"2.5.29.21", "DER:0A:01:06"}}}}});
    EXPECT_EQ(list.find(raw("05"))->reason, 1);
    EXPECT_EQ(list.find(raw("06"))->reason, 6);
}

#if __has_feature(address_sanitizer)
std::atomic<size_t> largest_taken = 0;

void note_taken(const volatile void* /*memory*/, size_t size) {
    largest_taken = std::max(largest_taken.load(), size);
}

void note_given(const volatile void* /*memory*/) {}

// Sixteen million entries of nothing, before anybody looked at the signature.
TEST_F(CrlIndexTest, MemoryIsTakenForWhatCouldBeEntriesOnly) {
    constexpr size_t kOctets = 32UL << 20U;
    std::string nothing(kOctets, '\0');
    for (size_t i = 0; i < kOctets; i += 2) nothing[i] = '\x30';
    internal::CrlParts parts{};
    parts.entries = nothing;
    static const int hooks = __sanitizer_install_malloc_and_free_hooks(note_taken, note_given);
    ASSERT_GT(hooks, 0);
    largest_taken = 0;
    EXPECT_FALSE(internal::read_entries(parts));
    EXPECT_LT(largest_taken.load(), 2 * kOctets);
}
#endif

TEST_F(CrlIndexTest, AnEmptyListIsAList) { EXPECT_EQ(load({}).size(), 0U); }

TEST_F(CrlIndexTest, AListWithoutNextUpdateIsCurrentForADay) {
    EXPECT_EQ(load({.next_update = std::nullopt}).next_update(), kNow - 1h + 24h);
}

TEST_F(CrlIndexTest, AnotherIssuerIsRefused) {
    const auto other =
        make_certificate({.subject = {{"CN", "Other"}}, .extensions = test::of_authority()});
    EXPECT_EQ(refusal(make_crl({}, other)),
              "it was issued by another authority than CN=Contoso Root");
}

TEST_F(CrlIndexTest, TheSameNameWithAnotherKeyIsRefused) {
    const auto impostor =
        make_certificate({.subject = {{"CN", "Contoso Root"}}, .extensions = test::of_authority()});
    EXPECT_EQ(refusal(make_crl({}, impostor)), "its signature does not verify");
}

TEST_F(CrlIndexTest, AnIssuerThatMayNotSignListsIsRefused) {
    ca = make_certificate({.subject = {{"CN", "Contoso Root"}},
                           .extensions = {{"basicConstraints", "critical,CA:TRUE"},
                                          {"keyUsage", "critical,keyCertSign"}}});
    EXPECT_EQ(refusal(make_crl({}, ca)), "its issuer may not sign revocation lists");
    ca = make_certificate({.subject = {{"CN", "Contoso Root"}},
                           .extensions = {{"basicConstraints", "critical,CA:TRUE"}}});
    EXPECT_EQ(refusal(make_crl({}, ca)), "taken") << "without key usage any use is allowed";
}

// Every byte of a list is under its signature or part of it.
TEST_F(CrlIndexTest, NoDamagedByteIsTaken) {
    const std::string der = make_crl({.revoked = {{"05"}, {"06"}}}, ca);
    for (size_t at = 0; at < der.size(); ++at) {
        std::string damaged = der;
        damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ 0x01U);
        ASSERT_NE(refusal(damaged), "taken") << at;
    }
}

TEST_F(CrlIndexTest, EveryTruncationIsRefused) {
    const std::string der = make_crl({.revoked = {{"05"}, {"06"}}}, ca);
    ASSERT_EQ(refusal(der), "taken");
    for (size_t length = 0; length < der.size(); ++length) {
        ASSERT_EQ(refusal(std::string_view(der).substr(0, length)), "it is neither DER nor PEM")
            << length;
    }
}

TEST_F(CrlIndexTest, GarbageIsRefused) {
    for (const std::string& garbage :
         {std::string(), std::string("<html>404</html>"), std::string(1000, '\0'),
          std::string("\x30\x84\xFF\xFF\xFF\xFF", 6), ca.certificate.der(), ca.certificate.pem(),
          std::string("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n")}) {
        EXPECT_NE(refusal(garbage), "taken");
    }
    EXPECT_EQ(refusal({}), "it is neither DER nor PEM");
    EXPECT_EQ(refusal(std::string((64UL << 20U) + 1, '\x30')), "it is larger than 64 MiB");
}

// What a web server sends must not make us ask for a pass-phrase.
TEST_F(CrlIndexTest, AnEncryptedPemBlockIsRefusedAndNoQuestion) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(refusal("-----BEGIN X509 CRL-----\nProc-Type: 4,ENCRYPTED\n"
                      "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
                      "AAAAAAAAAAAAAAAAAAAAAA==\n-----END X509 CRL-----\n"),
              "it is neither DER nor PEM");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(CrlIndexTest, ExtensionsThatChangeTheMeaningAreRefused) {
    const auto with = [&](const std::string& name, const std::string& value) {
        return refusal(make_crl({.revoked = {}, .extensions = {{name, value}}}, ca));
    };
    EXPECT_EQ(with("1.2.3.4", "critical,DER:05:00"), "it has an unknown critical extension");
    EXPECT_EQ(with("1.2.3.4", "DER:05:00"), "taken");
    EXPECT_EQ(with("2.5.29.27", "critical,DER:02:01:01"), "it is a delta list without a number");
    EXPECT_EQ(with("2.5.29.27", "critical,DER:04:00"), "its base number is malformed");
    EXPECT_THAT(with("issuingDistributionPoint", "critical,indirectCRL:TRUE"),
                HasSubstr("indirect list"));
    EXPECT_EQ(with("issuingDistributionPoint", "critical,onlyAA:TRUE"),
              "it is for attribute certificates only");
    EXPECT_EQ(with("issuingDistributionPoint", "critical,onlyCA:TRUE,onlyuser:TRUE"),
              "its scope contradicts itself");
    EXPECT_EQ(with("2.5.29.20", "DER:04:00"), "its number is malformed");
    EXPECT_EQ(with("2.5.29.28", "critical,DER:04:00"), "its scope is malformed");
}

TEST_F(CrlIndexTest, AnUnknownCriticalExtensionOfAnEntryIsRefused) {
    EXPECT_EQ(refusal(make_crl({.revoked = {{"05", {{"1.2.3.4", "critical,DER:05:00"}}}}}, ca)),
              "an entry has an unknown critical extension");
    EXPECT_EQ(refusal(make_crl({.revoked = {{"05", {{"1.2.3.4", "DER:05:00"}}}}}, ca)), "taken");
}

// A leaf of the CA, and lists at the places that it names.
class BookTest : public CrlIndexTest {
  protected:
    void list(const std::string& url, const CrlSpec& spec) {
        lists[url] = std::make_shared<const CrlIndex>(load(spec));
    }

    Status look(Time at = kNow, Duration grace = 0ms) const {
        return Book(lists).look_up(leaf, ca.certificate, at, grace);
    }

    State state(Time at = kNow, Duration grace = 0ms) const { return look(at, grace).state; }

    x509::Certificate issue(std::vector<test::NamedExtension> extensions) const {
        return make_certificate({.subject = {{"CN", "leaf"}},
                                 .serial = "7F00000000000000000000000000000000000001",
                                 .extensions = std::move(extensions)},
                                &ca)
            .certificate;
    }

    x509::Certificate leaf = issue({{"crlDistributionPoints", "URI:" + kUrl}});
    const std::vector<test::RevokedSpec> revoked = {{leaf->serial, {}}};
    std::map<std::string, std::shared_ptr<const CrlIndex>> lists;
};

TEST_F(BookTest, ACertificateThatIsNotOnItsCurrentListIsGood) {
    list(kUrl, {.revoked = {{"05", {}}}});
    const Status status = look();
    EXPECT_EQ(status.state, State::Good);
    EXPECT_EQ(status.url, kUrl);
    EXPECT_THAT(status.evidence.english(), HasSubstr(kUrl));
    EXPECT_THAT(status.evidence.english(), HasSubstr(iso_time(kNow + kDay)));
}

TEST_F(BookTest, ACertificateOnItsListIsRevoked) {
    list(kUrl, {.revoked = revoked});
    const Status status = look();
    EXPECT_EQ(status.state, State::Revoked);
    EXPECT_THAT(status.evidence.english(),
                HasSubstr("serial " + leaf->serial + " revoked at " + iso_time(kNow - kDay)));
}

TEST_F(BookTest, WithoutItsListACertificateIsUnknown) {
    EXPECT_EQ(state(), State::Unknown);
    EXPECT_EQ(look().url, kUrl);
    list("http://crl.example/other.crl", {});
    EXPECT_EQ(state(), State::Unknown) << "a list from elsewhere does not count";
}

TEST_F(BookTest, ACertificateThatNamesNoListIsUnknown) {
    leaf = issue({});
    EXPECT_EQ(state(), State::Unknown);
    EXPECT_EQ(look().url, "");
    EXPECT_THAT(look().evidence.english(), HasSubstr("names no revocation list"));
}

// RFC 5280 6.3.3, at its end: any complete list of its issuer will do.
TEST_F(BookTest, ACertificateThatNamesNoPlaceIsJudgedByAnyCompleteListOfItsIssuer) {
    leaf = issue({});
    list(kUrl, {.extensions = {{"issuingDistributionPoint", "critical,fullname:URI:" + kUrl}}});
    EXPECT_EQ(state(), State::Unknown) << "a part of a divided list is not complete";
    list(kUrl, {});
    EXPECT_EQ(state(), State::Good);
    list(kUrl, {.revoked = revoked});
    EXPECT_EQ(state(), State::Revoked);
}

TEST_F(BookTest, AListOfAnotherIssuerDoesNotCount) {
    const auto impostor =
        make_certificate({.subject = {{"CN", "Contoso Root"}}, .extensions = test::of_authority()});
    lists[kUrl] = std::make_shared<const CrlIndex>(
        CrlIndex::load(make_crl({}, impostor), impostor.certificate).value());
    EXPECT_EQ(state(), State::Unknown);
}

TEST_F(BookTest, AListIsCurrentFromThisUpdateToNextUpdateAndItsGrace) {
    list(kUrl, {.this_update = kNow, .next_update = kNow + 1h});
    EXPECT_EQ(state(kNow - 1ms), State::Unknown);
    EXPECT_EQ(state(kNow), State::Good);
    EXPECT_EQ(state(kNow + 1h), State::Good);
    EXPECT_EQ(state(kNow + 1h + 1ms), State::Unknown);
    EXPECT_THAT(look(kNow + 2h).evidence.english(), HasSubstr("out of date"));
    EXPECT_EQ(state(kNow + 2h, 1h), State::Good);
    EXPECT_EQ(state(kNow + 2h + 1ms, 1h), State::Unknown);
    EXPECT_EQ(state(kNow - 1ms, 1h), State::Unknown) << "grace is for the end alone";
}

TEST_F(BookTest, RevokedStaysRevokedOnAListThatIsOutOfDate) {
    list(kUrl, {.this_update = kNow - kDay, .next_update = kNow - 1h, .revoked = revoked});
    EXPECT_EQ(state(), State::Revoked);
}

TEST_F(BookTest, OneOfSeveralPlacesIsEnoughAndRevokedAtOneOfThemIsFinal) {
    const std::string second = "http://mirror.example/a.crl";
    leaf = issue({{"crlDistributionPoints", "URI:" + kUrl + ",URI:" + second}});
    list(second, {});
    EXPECT_EQ(state(), State::Good);
    list(kUrl, {.this_update = kNow - kDay, .next_update = kNow - 1h});
    EXPECT_EQ(state(), State::Good) << "a stale one beside it";
    list(kUrl, {});
    list(second, {.revoked = revoked});
    EXPECT_EQ(state(), State::Revoked);
}

TEST_F(BookTest, AListForTheOtherKindOfCertificateDoesNotCount) {
    list(kUrl, {.extensions = {{"issuingDistributionPoint", "critical,onlyCA:TRUE"}}});
    EXPECT_EQ(state(), State::Unknown);
    list(kUrl, {.extensions = {{"issuingDistributionPoint", "critical,onlyuser:TRUE"}}});
    EXPECT_EQ(state(), State::Good);
    leaf = issue(test::of_authority({{"crlDistributionPoints", "URI:" + kUrl}}));
    EXPECT_EQ(state(), State::Unknown);
}

// RFC 5280 6.3.3 (b)(2)(i): one part of a divided list, served in another's place, hides nothing.
TEST_F(BookTest, APartOfADividedListCountsOnlyForCertificatesThatNameIt) {
    const auto scope = [](const std::string& url) {
        return std::vector<test::NamedExtension>{
            {"issuingDistributionPoint", "critical,fullname:URI:" + url}};
    };
    list(kUrl, {.extensions = scope("http://crl.example/b.crl")});
    EXPECT_EQ(state(), State::Unknown);
    list(kUrl, {.extensions = scope(kUrl)});
    EXPECT_EQ(state(), State::Good);
    EXPECT_EQ(
        refusal(make_crl(
            {.extensions = {{"issuingDistributionPoint", "critical,fullname:email:a@b.example"}}},
            ca)),
        "its scope names no address");
}

// The certificate's text is the peer's.
TEST_F(BookTest, TextOfTheCertificateIsEscapedInTheEvidence) {
    leaf = make_certificate({.subject = {{"CN", "a\nb"}}}, &ca).certificate;
    EXPECT_THAT(look().evidence.english(), HasSubstr("CN=a\\x0Ab names no"));
    leaf = issue({{"2.5.29.31", "DER:30:0D:30:0B:A0:09:A0:07:86:05:68:3A:0A:1B:41"}});
    ASSERT_THAT(leaf->crl_urls, testing::ElementsAre("h:\n\x1B"
                                                     "A"));
    EXPECT_THAT(look().evidence.english(), HasSubstr("h:\\x0A\\x1BA"));
}

}  // namespace
}  // namespace valija::revocation
