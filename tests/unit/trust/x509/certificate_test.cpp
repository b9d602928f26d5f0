#include "trust/x509/certificate.hpp"

#include <gmock/gmock.h>
#include <openssl/pkcs7.h>

#include "support/certificates.hpp"

namespace valija::x509 {
namespace {

using namespace std::chrono_literals;
using test::CertificateSpec;
using test::kDay;
using test::kNow;
using test::make_certificate;

Certificate made(const CertificateSpec& spec) { return make_certificate(spec).certificate; }

Certificate with(std::vector<test::NamedExtension> extensions) {
    return made({.extensions = std::move(extensions)});
}

// EX-88: leaf first, comma and blank, the state is S.
TEST(Certificate, NamesAreWrittenLeafFirstAsTheLogsShowThem) {
    const Certificate certificate = made({.subject = {{"C", "ES"},
                                                      {"ST", "Sevilla"},
                                                      {"L", "Utrera"},
                                                      {"O", "Diversión de Bicicleta"},
                                                      {"OU", "Correo"},
                                                      {"CN", "mail1.example"}}});
    EXPECT_EQ(certificate->subject,
              "CN=mail1.example, OU=Correo, O=Diversión de Bicicleta, L=Utrera, S=Sevilla, C=ES");
    EXPECT_EQ(certificate->issuer, certificate->subject);
    EXPECT_EQ(made({.subject = {{"DC", "com"}, {"DC", "contoso"}, {"CN", "mail1"}}})->subject,
              "CN=mail1, DC=contoso, DC=com");
}

TEST(Certificate, SubjectAndIssuerAreKeptApart) {
    const auto root = make_certificate({.subject = {{"CN", "Root"}}});
    const auto leaf = make_certificate({.subject = {{"CN", "leaf"}}}, &root).certificate;
    EXPECT_EQ(leaf->subject, "CN=leaf");
    EXPECT_EQ(leaf->issuer, "CN=Root");
    EXPECT_FALSE(leaf->self_issued);
    EXPECT_TRUE(root.certificate->self_issued);
}

// EX-88: upper-case hexadecimal without separators; whole bytes, no leading "00".
TEST(Certificate, TheSerialHasOneForm) {
    EXPECT_EQ(made({.serial = "a"})->serial, "0A");
    EXPECT_EQ(made({.serial = "ff"})->serial, "FF");
    EXPECT_EQ(made({.serial = "00beef"})->serial, "BEEF");
    EXPECT_EQ(made({.serial = "0100"})->serial, "0100");
    const std::string longest = "7F00000000000000000000000000000000000001";
    EXPECT_EQ(made({.serial = longest})->serial, longest);
    const std::string high = "FF00000000000000000000000000000000000001";
    EXPECT_EQ(made({.serial = high})->serial, high);
}

// EX-53: 40 digits of SHA-1 identify a stored certificate.
TEST(Certificate, ThumbprintsAreDigestsOfTheDer) {
    const Certificate certificate = made({});
    const auto digest = [&](const EVP_MD* algorithm) {
        unsigned char bytes[EVP_MAX_MD_SIZE];
        unsigned length = 0;
        const std::string der = certificate.der();
        EVP_Digest(der.data(), der.size(), bytes, &length, algorithm, nullptr);
        std::string text;
        for (unsigned i = 0; i < length; ++i) {
            constexpr char digits[] = "0123456789ABCDEF";
            text += {digits[bytes[i] / 16], digits[bytes[i] % 16]};
        }
        return text;
    };
    EXPECT_EQ(certificate->thumbprint, digest(EVP_sha1()));
    EXPECT_EQ(certificate->sha256, digest(EVP_sha256()));
    EXPECT_EQ(certificate->thumbprint.size(), 40U);
}

TEST(Certificate, DatesAreThoseWritten) {
    const Certificate certificate = made({.not_before = kNow, .not_after = kNow + kDay * 365 * 60});
    EXPECT_EQ(iso_time(certificate->not_before), "2025-10-09T08:53:20.000Z");
    EXPECT_EQ(certificate->not_after, kNow + kDay * 365 * 60) << "after 2049: another ASN.1 type";
}

TEST(Certificate, NamesOfTheSanAreThoseOfTypeDnsInTheirOrder) {
    const Certificate certificate = with({{"subjectAltName",
                                           "DNS:b.example,email:a@c.example,DNS:*.a.example,"
                                           "IP:192.0.2.1,URI:https://d.example,DNS:B.example"}});
    EXPECT_THAT(certificate->dns_names,
                testing::ElementsAre("b.example", "*.a.example", "B.example"));
    EXPECT_THAT(with({})->dns_names, testing::IsEmpty());
}

TEST(Certificate, BytesThatAreNoTextStayAsTheyAreInNames) {
    // SEQUENCE { [2] "a", NUL, "b" }
    const Certificate certificate = with({{"2.5.29.17", "DER:30:05:82:03:61:00:62"}});
    EXPECT_THAT(certificate->dns_names, testing::ElementsAre(std::string("a\0b", 3)));
}

TEST(Certificate, EveryCommonNameIsKeptInOrder) {
    EXPECT_THAT(made({.subject = {{"CN", "first"}, {"O", "x"}, {"CN", "zweitér"}}})->common_names,
                testing::ElementsAre("first", "zweitér"));
    EXPECT_THAT(made({.subject = {{"O", "x"}}})->common_names, testing::IsEmpty());
}

// EX-33: the operator can read the distribution points of any certificate.
TEST(Certificate, EveryUrlOfADistributionPointIsRead) {
    EXPECT_THAT(
        with({{"crlDistributionPoints", "URI:http://a.example/1.crl,URI:ldap://b.example/cn=x"}})
            ->crl_urls,
        testing::ElementsAre("http://a.example/1.crl", "ldap://b.example/cn=x"));
    EXPECT_THAT(with({{"crlDistributionPoints", "email:a@b.example"}})->crl_urls,
                testing::IsEmpty());
}

TEST(Certificate, KeysAreNamedByTypeAndSize) {
    EXPECT_EQ(made({})->key, "ECDSA P-256");
    EXPECT_EQ(made({.rsa_bits = 2048})->key, "RSA 2048");
    EXPECT_EQ(made({.rsa_bits = 1024})->key, "RSA 1024");
}

TEST(Certificate, UsageIsReadFromItsExtensions) {
    const Certificate bare = with({});
    EXPECT_FALSE(bare->has_eku || bare->has_key_usage || bare->is_ca);
    const Certificate server = with({{"extendedKeyUsage", "serverAuth"}});
    EXPECT_TRUE(server->has_eku && server->eku_server);
    EXPECT_FALSE(server->eku_client);
    const Certificate client = with({{"extendedKeyUsage", "clientAuth,emailProtection"}});
    EXPECT_TRUE(client->has_eku && client->eku_client);
    EXPECT_FALSE(client->eku_server);
    const Certificate any = with({{"extendedKeyUsage", "anyExtendedKeyUsage"}});
    EXPECT_TRUE(any->eku_client && any->eku_server);
    const Certificate other = with({{"extendedKeyUsage", "codeSigning"}});
    EXPECT_TRUE(other->has_eku);
    EXPECT_FALSE(other->eku_client || other->eku_server);
    const Certificate authority = with(test::of_authority());
    EXPECT_TRUE(authority->is_ca && authority->has_key_usage);
    EXPECT_FALSE(authority->digital_signature);
    EXPECT_TRUE(with({{"keyUsage", "digitalSignature"}})->digital_signature);
}

TEST(Certificate, DerAndPemGiveTheSameCertificateBack) {
    const Certificate certificate = made({});
    const auto from_der = Certificate::from_der(certificate.der());
    ASSERT_TRUE(from_der) << from_der.error().text();
    EXPECT_EQ(*from_der, certificate);
    const auto from_pem = Certificate::from_pem(certificate.pem());
    ASSERT_TRUE(from_pem) << from_pem.error().text();
    EXPECT_THAT(*from_pem, testing::ElementsAre(certificate));
    EXPECT_FALSE(certificate == made({})) << "another key";
}

TEST(CertificateDer, EveryTruncationIsAFault) {
    const std::string der = made({.extensions = test::of_leaf("a.example")}).der();
    for (size_t length = 0; length < der.size(); ++length) {
        const auto read = Certificate::from_der(std::string_view(der).substr(0, length));
        ASSERT_FALSE(read) << length;
        ASSERT_EQ(read.error().kind, FaultKind::Input);
    }
}

TEST(CertificateDer, BytesBehindTheEndAreAFault) {
    const auto read = Certificate::from_der(made({}).der() + '\0');
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().text(), "reading a certificate: bytes follow its end");
}

// Whatever is still a certificate after the damage has readable fields and encodes again.
TEST(CertificateDer, NoDamagedByteIsMoreThanAFault) {
    const std::string der = made({.extensions = test::of_leaf("a.example")}).der();
    size_t faults = 0;
    for (size_t at = 0; at < der.size(); ++at) {
        for (const unsigned mask : {0x01U, 0x20U, 0x80U, 0xFFU}) {
            std::string damaged = der;
            damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ mask);
            const auto read = Certificate::from_der(damaged);
            faults += read ? 0 : 1;
            if (!read) continue;
            ASSERT_EQ((*read)->sha256.size(), 64U);
            ASSERT_FALSE(read->der().empty());
        }
    }
    EXPECT_GT(faults, der.size() / 10);
}

TEST(CertificateDer, GarbageIsAFault) {
    for (const std::string& garbage :
         {std::string(), std::string("garbage"), std::string(100, '\0'), std::string(100, '\xFF'),
          std::string("\x30\x84\xFF\xFF\xFF\xFF", 6), std::string("\x30\x80\x00\x00", 4)}) {
        EXPECT_FALSE(Certificate::from_der(garbage));
    }
}

class CertificatePem : public testing::Test {
  protected:
    Certificate first = made({.subject = {{"CN", "first"}}});
    Certificate second = made({.subject = {{"CN", "second"}}});
};

TEST_F(CertificatePem, AllBlocksAreReadInOrderAmongOtherText) {
    const auto key = make_certificate({}).key;
    const auto read =
        Certificate::from_pem("subject=CN = first\n" + first.pem() + "\nprose -----\n" +
                              test::pem_of(key.get()) + second.pem() + "the end\n");
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_THAT(*read, testing::ElementsAre(first, second));
}

TEST_F(CertificatePem, LineEndsOfEitherKindAreRead) {
    std::string windows;
    for (const char c : first.pem()) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
    const auto read = Certificate::from_pem(windows);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_THAT(*read, testing::ElementsAre(first));
}

TEST_F(CertificatePem, NoBlockAtAllIsAFault) {
    const auto key = make_certificate({}).key;
    for (const std::string& text : {std::string(), std::string("garbage"), std::string("\0\0\0", 3),
                                    first.der(), test::pem_of(key.get())}) {
        const auto read = Certificate::from_pem(text);
        ASSERT_FALSE(read);
        EXPECT_EQ(read.error().text(), "reading certificates: no PEM certificate in it");
    }
    EXPECT_FALSE(Certificate::from_pem({}));
}

// A chain that lost its end must not pass for a shorter one.
TEST_F(CertificatePem, ABlockThatIsCutOffIsAFault) {
    const std::string whole = first.pem() + second.pem();
    const size_t start = first.pem().size() + std::string("-----BEGIN CERTIFICATE-----\n").size();
    const size_t end = whole.size() - std::string("-\n").size();
    for (size_t length = start; length < end; ++length) {
        ASSERT_FALSE(Certificate::from_pem(whole.substr(0, length))) << length;
    }
}

TEST_F(CertificatePem, ADamagedBlockIsAFaultWhereverItStands) {
    std::string damaged = second.pem();
    damaged.replace(40, 1, "!");
    for (const std::string& text : {damaged, first.pem() + damaged, damaged + first.pem()}) {
        EXPECT_FALSE(Certificate::from_pem(text));
    }
    std::string no_certificate = first.pem();
    no_certificate.replace(no_certificate.find('\n') + 1, 4, "AAAA");
    EXPECT_FALSE(Certificate::from_pem(second.pem() + no_certificate));
}

// Nobody is there to type a pass-phrase: asking for one would hang the server (EX-49).
TEST_F(CertificatePem, AnEncryptedBlockIsAFaultAndNoQuestion) {
    std::string encrypted = first.pem();
    encrypted.insert(encrypted.find('\n') + 1,
                     "Proc-Type: 4,ENCRYPTED\n"
                     "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n");
    testing::internal::CaptureStderr();
    EXPECT_FALSE(Certificate::from_pem(encrypted));
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Certificate, EveryFormOfAlternativeNameIsKept) {
    const Certificate certificate =
        with({{"subjectAltName",
               "critical,IP:192.0.2.1,email:a@b.example,IP:2001:db8::1,DNS:c.example"}});
    EXPECT_THAT(certificate->ip_addresses,
                testing::ElementsAre(std::string("\xC0\x00\x02\x01", 4), testing::SizeIs(16)));
    EXPECT_THAT(certificate->emails, testing::ElementsAre("a@b.example"));
    EXPECT_THAT(certificate->dns_names, testing::ElementsAre("c.example"));
    EXPECT_TRUE(certificate->has_san && certificate->san_critical);
    EXPECT_FALSE(with({})->has_san);
}

// EX-37: where the issuer and its responder can be asked.
TEST(Certificate, AddressesOfTheIssuersServicesAreRead) {
    const Certificate certificate =
        with({{"authorityInfoAccess",
               "OCSP;URI:http://o.example,caIssuers;URI:http://i.example/ca.crt,OCSP;DNS:x"}});
    EXPECT_THAT(certificate->ocsp_urls, testing::ElementsAre("http://o.example"));
    EXPECT_THAT(certificate->ca_issuer_urls, testing::ElementsAre("http://i.example/ca.crt"));
}

// The pin of a key outlives the certificate.
TEST(Certificate, TheKeysDigestIsThatOfItsSubjectPublicKeyInfo) {
    const auto first = make_certificate({.subject = {{"CN", "a"}}});
    const Certificate again =
        make_certificate({.subject = {{"CN", "b"}}, .subject_key = first.key}).certificate;
    EXPECT_EQ(first.certificate->spki_sha256, again->spki_sha256);
    EXPECT_EQ(first.certificate.spki_der(), again.spki_der());
    EXPECT_EQ(again->spki_sha256.size(), 64U);
    EXPECT_NE(again->spki_sha256, made({})->spki_sha256);
    EXPECT_EQ(again->version, 3);
}

// One form for all who compare: whatever the case, the blanks and the type of the string.
TEST(CertificateNames, HaveOneFormInWhichTheyAreCompared) {
    const auto subject = [](const std::string& value) {
        return make_certificate({.subject = {{"O", value}, {"CN", "x"}}}).certificate;
    };
    const auto plain = subject("Woodgrove Bank");
    EXPECT_EQ(plain.canonical_subject(), subject(" WOODGROVE   bank ").canonical_subject());
    EXPECT_NE(plain.canonical_subject(), subject("Woodgrovebank").canonical_subject());
    EXPECT_EQ(plain.canonical_subject(), plain.canonical_issuer());
    EXPECT_EQ(plain.canonical_subject(), canonical_name(X509_get_subject_name(plain.native())));
    EXPECT_TRUE(plain->self_issued);
}

TEST(CertificateSerials, KeepTheirSign) {
    const auto octets = [](const std::string& serial) {
        return make_certificate({.serial = serial}).certificate->serial_octets;
    };
    EXPECT_EQ(octets("7F"), "\x7F");
    EXPECT_EQ(octets("80"), std::string("\x00\x80", 2));
    EXPECT_EQ(octets("-80"), "\x80");
    EXPECT_EQ(octets("0"), std::string(1, '\0'));
    EXPECT_EQ(octets(std::string(400, '7')), std::string(200, '\x77'));
}

class CertificateFiles : public CertificatePem {
  protected:
    std::string pkcs7(bool as_pem) const { return pkcs7_of({first, second}, as_pem); }

    static std::string pkcs7_of(const std::vector<Certificate>& certificates, bool as_pem) {
        STACK_OF(X509)* all = sk_X509_new_null();
        for (const Certificate& one : certificates) sk_X509_push(all, one.native());
        const BioOwner none(BIO_new(BIO_s_mem()));
        const Owned<PKCS7, PKCS7_free> made_one(
            PKCS7_sign(nullptr, nullptr, all, none.get(), PKCS7_DETACHED | PKCS7_BINARY));
        sk_X509_free(all);
        const BioOwner bio(BIO_new(BIO_s_mem()));
        as_pem ? PEM_write_bio_PKCS7(bio.get(), made_one.get())
               : i2d_PKCS7_bio(bio.get(), made_one.get());
        char* bytes = nullptr;
        const long length = BIO_get_mem_data(bio.get(), &bytes);
        return {bytes, static_cast<size_t>(length)};
    }
};

TEST_F(CertificateFiles, AreReadInEachOfTheirForms) {
    const auto all = testing::ElementsAre(first, second);
    EXPECT_THAT(read_certificates(first.der())->certificates, testing::ElementsAre(first));
    EXPECT_THAT(read_certificates("text\n" + first.pem() + second.pem())->certificates, all);
    EXPECT_THAT(read_certificates(pkcs7(false))->certificates, all);
    EXPECT_THAT(read_certificates(pkcs7(true))->certificates, all);
    EXPECT_THAT(read_certificates(pkcs7(true) + first.pem())->certificates, testing::SizeIs(3));
}

TEST_F(CertificateFiles, DamagedBlocksAreCountedAndTheRestIsRead) {
    std::string damaged = second.pem();
    damaged.replace(40, 1, "!");
    std::string no_certificate = first.pem();
    no_certificate.replace(no_certificate.find('\n') + 1, 4, "AAAA");
    const auto read = read_certificates(damaged + first.pem() + no_certificate);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_THAT(read->certificates, testing::ElementsAre(first));
    EXPECT_EQ(read->unreadable, 2U);
}

// What `openssl crl2pkcs7 -nocrl` makes of nothing: well-formed, and nobody may take its first one.
// RFC 7468 3: a boundary stands at the beginning of its line.
TEST_F(CertificateFiles, ABlockBehindACommentSignIsNone) {
    const std::string pem = test::make_certificate({}).certificate.pem();
    EXPECT_EQ(read_certificates("text before\n" + pem)->certificates.size(), 1U);
    EXPECT_FALSE(read_certificates("# " + pem));
    EXPECT_EQ(read_certificates("# " + pem + pem)->certificates.size(), 1U);
}

TEST_F(CertificateFiles, APkcs7WithoutCertificatesIsAFault) {
    for (const bool as_pem : {false, true}) {
        const std::string bytes = pkcs7_of({}, as_pem);
        ASSERT_GT(bytes.size(), 20U);
        const auto read = read_certificates(bytes);
        ASSERT_FALSE(read) << as_pem;
        EXPECT_EQ(read.error().cause, "no certificate in it");
    }
    EXPECT_THAT(read_certificates(pkcs7_of({}, true) + first.pem())->certificates,
                testing::ElementsAre(first));
}

// OpenSSL's own form: settings of trust stand behind the certificate; they do not count here.
TEST_F(CertificateFiles, ATrustedCertificateOfOpenSslIsReadWithoutItsSettings) {
    const X509Owner own(X509_dup(first.native()));
    ASSERT_EQ(X509_add1_reject_object(own.get(), OBJ_nid2obj(NID_server_auth)), 1);
    const BioOwner bio(BIO_new(BIO_s_mem()));
    ASSERT_EQ(PEM_write_bio_X509_AUX(bio.get(), own.get()), 1);
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &bytes);
    const std::string pem(bytes, static_cast<size_t>(length));
    ASSERT_TRUE(pem.starts_with("-----BEGIN TRUSTED CERTIFICATE-----"));
    const auto read = read_certificates(pem + second.pem());
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_THAT(read->certificates, testing::ElementsAre(first, second));
    EXPECT_EQ(read->unreadable, 0U);
    EXPECT_EQ(X509_get0_reject_objects(read->certificates.front().native()), nullptr);
}

TEST_F(CertificateFiles, NothingThatLooksLikeACertificateIsAFault) {
    const auto key = make_certificate({}).key;
    for (const std::string& text : {std::string(), std::string("garbage"), std::string("\0\0", 2),
                                    test::pem_of(key.get()), first.der().substr(0, 100)}) {
        EXPECT_FALSE(read_certificates(text));
    }
}

}  // namespace
}  // namespace valija::x509
