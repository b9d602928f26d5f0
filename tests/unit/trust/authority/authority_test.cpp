#include "trust/authority/authority.hpp"

#include <gmock/gmock.h>
#include <openssl/ocsp.h>

#include "support/certificates.hpp"

namespace valija::authority {
namespace {

using namespace std::chrono_literals;
using test::kDay;
using test::kNow;
using test::new_authority;

// Another reader's view: what OpenSSL prints of a certificate or list.
template <class Print>
std::string printed(Print print) {
    const x509::BioOwner bio(BIO_new(BIO_s_mem()));
    EXPECT_EQ(print(bio.get()), 1);
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &bytes);
    return {bytes, static_cast<size_t>(length)};
}

std::string text_of(const x509::Certificate& certificate) {
    return printed([&](BIO* bio) { return X509_print(bio, certificate.native()); });
}

x509::CrlOwner parsed(const std::string& der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    return x509::CrlOwner(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
}

LeafRequest request() {
    return {.common_name = "mail1.contoso.com",
            .dns_names = {"mail.contoso.com", "*.contoso.com"},
            .not_before = kNow - 1h,
            .not_after = kNow + kDay * 30,
            .crl_urls = {"http://crl.example/a.crl", "http://crl.example/b.crl"}};
}

// A comma in a value must not begin another name, nor "critical" or "IP:" be a word of a language.
TEST(Authority, NamesAndAddressesAreEncodedAsTheyStand) {
    Authority authority = new_authority();
    LeafRequest odd = request();
    odd.dns_names = {"a.example,IP:192.0.2.1,DNS:evil.example", "critical"};
    odd.crl_urls = {"http://crl.example/a,URI:http://evil.example/b"};
    const auto issued = authority.issue(odd);
    ASSERT_TRUE(issued) << issued.error().text();
    EXPECT_EQ(issued->certificate->dns_names, odd.dns_names);
    EXPECT_EQ(issued->certificate->crl_urls, odd.crl_urls);
    EXPECT_THAT(text_of(issued->certificate), testing::Not(testing::HasSubstr("IP Address")));
}

TEST(Authority, ANameThatCannotBeEncodedIsRefused) {
    Authority authority = new_authority();
    for (const char* name : {"", "m\xC3\xAF.example", "a b.example"}) {
        LeafRequest odd = request();
        odd.dns_names = {name};
        EXPECT_FALSE(authority.issue(odd)) << name;
    }
}

TEST(Authority, ItsRootIsASelfSignedAuthority) {
    const Authority authority = new_authority("Contoso Root");
    const x509::Certificate& root = authority.root();
    EXPECT_EQ(root->subject, "CN=Contoso Root");
    EXPECT_TRUE(root->self_issued && root->is_ca && root->has_key_usage);
    EXPECT_EQ(root->key, "ECDSA P-256");
    EXPECT_EQ(root->not_before, kNow - kDay);
    EXPECT_EQ(root->not_after, kNow + kDay * 365);
    const std::string text = text_of(root);
    for (const char* line :
         {"Version: 3 (0x2)", "ecdsa-with-SHA256",
          "X509v3 Basic Constraints: critical\n                CA:TRUE",
          "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign",
          "X509v3 Subject Key Identifier"}) {
        EXPECT_THAT(text, testing::HasSubstr(line));
    }
    EXPECT_EQ(X509_verify(root.native(), X509_get0_pubkey(root.native())), 1);
}

// EX-112..EX-114: the names are dNSName entries of the SAN.
TEST(Authority, ALeafHasWhatWasAskedFor) {
    Authority authority = new_authority("Contoso Root");
    const auto issued = authority.issue(request());
    ASSERT_TRUE(issued) << issued.error().text();
    const x509::Certificate& leaf = issued->certificate;
    EXPECT_EQ(leaf->subject, "CN=mail1.contoso.com");
    EXPECT_EQ(leaf->issuer, "CN=Contoso Root");
    EXPECT_EQ(leaf->not_before, kNow - 1h);
    EXPECT_EQ(leaf->not_after, kNow + kDay * 30);
    EXPECT_FALSE(leaf->is_ca);
    EXPECT_TRUE(leaf->eku_client && leaf->eku_server && leaf->digital_signature);
    const std::string text = text_of(leaf);
    for (const char* line : {"DNS:mail.contoso.com, DNS:*.contoso.com", "CA:FALSE",
                             "TLS Web Server Authentication, TLS Web Client Authentication",
                             "URI:http://crl.example/a.crl", "URI:http://crl.example/b.crl",
                             "X509v3 Authority Key Identifier"}) {
        EXPECT_THAT(text, testing::HasSubstr(line));
    }
    EXPECT_EQ(X509_verify(leaf.native(), X509_get0_pubkey(authority.root().native())), 1);
    EXPECT_EQ(X509_check_private_key(leaf.native(), test::key_from(issued->key_pem).get()), 1);
    EXPECT_THAT(issued->key_pem, testing::StartsWith("-----BEGIN PRIVATE KEY-----\n"));
    EXPECT_THAT(test::anchors_of({authority.root()}).find_path({leaf}, kNow).problems,
                testing::IsEmpty());
}

TEST(Authority, EachUsageIsThereOnlyIfAskedFor) {
    Authority authority = new_authority();
    LeafRequest asked = request();
    asked.client_auth = false;
    const auto server = authority.issue(asked)->certificate;
    EXPECT_TRUE(server->eku_server && !server->eku_client);
    asked.client_auth = true;
    asked.server_auth = false;
    const auto client = authority.issue(asked)->certificate;
    EXPECT_TRUE(!client->eku_server && client->eku_client);
    asked.with_eku = false;
    EXPECT_FALSE(authority.issue(asked)->certificate->has_eku);
    asked.dns_names.clear();
    asked.crl_urls.clear();
    const auto bare = authority.issue(asked)->certificate;
    EXPECT_THAT(bare->dns_names, testing::IsEmpty());
    EXPECT_THAT(bare->crl_urls, testing::IsEmpty());
}

TEST(Authority, KeysAreOfTheTypeAskedFor) {
    Authority authority = new_authority();
    LeafRequest asked = request();
    asked.key = KeyType::Rsa2048;
    EXPECT_EQ(authority.issue(asked)->certificate->key, "RSA 2048");
    asked.key = KeyType::Rsa1024;
    EXPECT_EQ(authority.issue(asked)->certificate->key, "RSA 1024");
}

TEST(Authority, NoTwoCertificatesShareSerialOrKey) {
    Authority authority = new_authority();
    const auto a = authority.issue(request());
    const auto b = authority.issue(request());
    EXPECT_NE(a->certificate->serial, b->certificate->serial);
    EXPECT_NE(a->key_pem, b->key_pem);
    EXPECT_EQ(a->certificate->serial.size(), 32U) << "128 bits, never shorter";
    EXPECT_EQ(X509_get0_serialNumber(a->certificate.native())->type, V_ASN1_INTEGER) << "positive";
}

// EX-109: a CN has 64 characters at most; a longer name belongs into the SAN.
TEST(Authority, ACommonNameOver64CharactersIsAFault) {
    Authority authority = new_authority();
    LeafRequest asked = request();
    asked.common_name = std::string(52, 'a') + ".contoso.com";
    EXPECT_EQ(authority.issue(asked)->certificate->common_names.front().size(), 64U);
    asked.common_name = "a" + asked.common_name;
    EXPECT_FALSE(authority.issue(asked));
    EXPECT_FALSE(Authority::create(asked.common_name, kNow, kNow + kDay));
}

// EX-108: UTF-8 in the subject.
TEST(Authority, NamesAreUtf8) {
    const Authority authority = new_authority("Diversión de Bicicleta");
    EXPECT_EQ(authority.root()->subject, "CN=Diversión de Bicicleta");
    EXPECT_FALSE(Authority::create("\xFF\xFE", kNow, kNow + kDay));
}

// EH-02: leaf, company CA, root.
TEST(Authority, AnAuthorityBelowIssuesForTheRoot) {
    Authority authority = new_authority("Contoso Root");
    auto issuing = authority.issue_authority("Contoso Issuing", kNow - 1h, kNow + kDay * 60,
                                             {"http://crl.example/root.crl"});
    ASSERT_TRUE(issuing) << issuing.error().text();
    EXPECT_EQ(issuing->root()->issuer, "CN=Contoso Root");
    EXPECT_TRUE(issuing->root()->is_ca);
    EXPECT_THAT(issuing->root()->crl_urls, testing::ElementsAre("http://crl.example/root.crl"));
    const auto leaf = issuing->issue(request())->certificate;
    EXPECT_EQ(leaf->issuer, "CN=Contoso Issuing");
    const auto path = test::anchors_of({authority.root()}).find_path({leaf, issuing->root()}, kNow);
    EXPECT_THAT(path.problems, testing::IsEmpty());
    EXPECT_EQ(path.certificates.size(), 3U);
}

// EX-35: the list of the authority that issues our certificates.
TEST(Authority, ItsListHasWhatWasRevokedAndANumberThatGrows) {
    Authority authority = new_authority("Contoso Root");
    const auto good = authority.issue(request())->certificate;
    const auto bad = authority.issue(request())->certificate;
    const std::string empty = authority.crl(kNow, kNow + kDay).value();
    authority.revoke(bad, kNow - 1h);
    const auto list = parsed(authority.crl(kNow, kNow + kDay * 7).value());
    ASSERT_TRUE(list);
    const std::string text = printed([&](BIO* bio) { return X509_CRL_print(bio, list.get()); });
    for (const std::string& line :
         {std::string("Version 2 (0x1)"), std::string("Issuer: CN=Contoso Root"),
          std::string("Last Update: Oct  9 08:53:20 2025 GMT"),
          std::string("Next Update: Oct 16 08:53:20 2025 GMT"),
          std::string("X509v3 CRL Number: \n                2"),
          std::string("X509v3 Authority Key Identifier"), "Serial Number: " + bad->serial,
          std::string("Revocation Date: Oct  9 07:53:20 2025 GMT")}) {
        EXPECT_THAT(text, testing::HasSubstr(line));
    }
    EXPECT_THAT(text, testing::Not(testing::HasSubstr(good->serial)));
    EXPECT_EQ(X509_CRL_verify(list.get(), X509_get0_pubkey(authority.root().native())), 1);

    const auto first = parsed(empty);
    ASSERT_TRUE(first);
    EXPECT_THAT(printed([&](BIO* bio) { return X509_CRL_print(bio, first.get()); }),
                testing::AllOf(testing::HasSubstr("No Revoked Certificates"),
                               testing::HasSubstr("X509v3 CRL Number: \n                1")));
}

// RFC 5280 5.2.4, 5.2.6: the complete list says where its deltas are, a delta names its base.
TEST(Authority, ADeltaHasWhatWasRevokedSinceTheLastCompleteList) {
    Authority authority = new_authority();
    EXPECT_FALSE(authority.delta_crl(kNow, kNow + kDay)) << "to which list?";
    const auto early = authority.issue(request())->certificate;
    const auto late = authority.issue(request())->certificate;
    authority.revoke(early, kNow - 2h);
    const auto text = [](const Result<std::string>& der) {
        const auto list = parsed(der.value());
        return printed([&](BIO* bio) { return X509_CRL_print(bio, list.get()); });
    };
    const std::string complete =
        text(authority.crl(kNow, kNow + kDay, {"http://crl.example/delta.crl"}));
    EXPECT_THAT(complete,
                testing::ContainsRegex("Freshest CRL:[^X]*URI:http://crl.example/delta.crl"));
    EXPECT_THAT(complete, testing::HasSubstr(early->serial));
    authority.revoke(late, kNow - 1h);
    const std::string delta = text(authority.delta_crl(kNow, kNow + kDay));
    EXPECT_THAT(delta, testing::AllOf(
                           testing::HasSubstr("X509v3 CRL Number: \n                2"),
                           testing::HasSubstr("Delta CRL Indicator: critical\n                1"),
                           testing::HasSubstr(late->serial)));
    EXPECT_THAT(delta, testing::Not(testing::HasSubstr(early->serial)));
    EXPECT_THAT(text(authority.crl(kNow, kNow + kDay)),
                testing::AllOf(testing::HasSubstr(early->serial), testing::HasSubstr(late->serial),
                               testing::Not(testing::HasSubstr("Freshest"))));
}

TEST(Authority, ItsResponderSaysWhatItsListSays) {
    Authority authority = new_authority();
    LeafRequest with_responder = request();
    with_responder.ocsp_urls = {"http://ocsp.example/", "http://two.example/,URI:http://evil/"};
    const auto good = authority.issue(with_responder)->certificate;
    const auto bad = authority.issue(with_responder)->certificate;
    EXPECT_EQ(good->ocsp_urls, with_responder.ocsp_urls);
    authority.revoke(bad, kNow - 1h);
    const auto said = [&](const x509::Certificate& certificate) {
        const std::string der = authority.ocsp_answer(certificate, kNow, kNow + kDay).value();
        const auto* at = reinterpret_cast<const unsigned char*>(der.data());
        const x509::Owned<OCSP_RESPONSE, OCSP_RESPONSE_free> response(
            d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
        return printed([&](BIO* bio) { return OCSP_RESPONSE_print(bio, response.get(), 0); });
    };
    EXPECT_THAT(said(good), testing::AllOf(testing::HasSubstr("Serial Number: " + good->serial),
                                           testing::HasSubstr("Cert Status: good"),
                                           testing::HasSubstr("Next Update: Oct 10 08:53:20")));
    EXPECT_THAT(said(bad), testing::AllOf(testing::HasSubstr("Cert Status: revoked"),
                                          testing::HasSubstr("Time: Oct  9 07:53:20 2025 GMT")));
}

TEST(Authority, ItsKeyIsTheOneThatSigned) {
    const Authority authority = new_authority();
    const auto pem = authority.key_pem();
    ASSERT_TRUE(pem);
    EXPECT_EQ(X509_check_private_key(authority.root().native(), test::key_from(*pem).get()), 1);
}

// EX-24: another CA's name and key, signed by this one.
TEST(Authority, ACrossCertificateHasTheOtherNameAndKey) {
    const Authority alliance = new_authority("Alliance Root CA");
    const Authority partner = new_authority("Partner Root CA");
    const auto cross = alliance.cross_certify(partner, kNow - 1h, kNow + kDay, {});
    ASSERT_TRUE(cross) << cross.error().text();
    EXPECT_EQ((*cross)->subject, partner.root()->subject);
    EXPECT_EQ((*cross)->issuer, alliance.root()->subject);
    EXPECT_EQ(cross->spki_der(), partner.root().spki_der());
    EXPECT_TRUE((*cross)->is_ca);
}

}  // namespace
}  // namespace valija::authority
