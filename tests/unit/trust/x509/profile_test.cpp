// EX-23, EX-26: what RFC 5280 and the CA/B Forum's rules demand of each certificate of a path.
#include <openssl/param_build.h>

#include "path_world.hpp"

namespace valija::x509 {
namespace {

using namespace test_world;

TEST(Profile, AChainAsPublicCasMakeItHoldsByBothRules) {
    run({{"plain", [](World&) {}, true, true}});
}

TEST(Profile, RulesForAuthorities) {
    const auto ku = "critical,keyCertSign,cRLSign";
    run({
        {"issuing without basic constraints",
         [](World& w) { World::set(w.issuing, "basicConstraints", ""); }, false, false},
        {"issuing CA:FALSE",
         [](World& w) { World::set(w.issuing, "basicConstraints", "critical,CA:FALSE"); }, false,
         false},
        {"issuing with basic constraints not critical",
         [](World& w) { World::set(w.issuing, "basicConstraints", "CA:TRUE"); }, true, false},
        {"root with basic constraints not critical",
         [](World& w) { World::set(w.root, "basicConstraints", "CA:TRUE"); }, true, false},
        {"root without basic constraints but keyCertSign",
         [](World& w) { World::set(w.root, "basicConstraints", ""); }, true, false},
        {"root CA:FALSE",
         [](World& w) { World::set(w.root, "basicConstraints", "critical,CA:FALSE"); }, false,
         false},
        {"root without keyCertSign",
         [](World& w) { World::set(w.root, "keyUsage", "critical,cRLSign"); }, false, false},
        {"root without key usage", [](World& w) { World::set(w.root, "keyUsage", ""); }, true,
         true},
        {"issuing without key usage", [](World& w) { World::set(w.issuing, "keyUsage", ""); },
         false, false},
        {"key usage not critical",
         [&](World& w) { World::set(w.issuing, "keyUsage", std::string(ku).substr(9)); }, true,
         true},
        {"root without key identifiers", [](World& w) { w.root.key_identifiers = false; }, true,
         false},
        {"leaf without key identifiers", [](World& w) { w.leaf.key_identifiers = false; }, true,
         false},
        {"root of version 1",
         [](World& w) {
             w.root.version = 0;
             w.root.extensions.clear();
             w.root.key_identifiers = false;
         },
         true, false},
        {"issuing of version 1",
         [](World& w) {
             w.issuing.version = 0;
             w.issuing.extensions.clear();
             w.issuing.key_identifiers = false;
         },
         false, false},
        {"root with an extended key usage",
         [](World& w) { World::set(w.root, "extendedKeyUsage", "serverAuth"); }, true, false},
        {"issuing for mail only",
         [](World& w) { World::set(w.issuing, "extendedKeyUsage", "emailProtection"); }, false,
         false},
        {"issuing for servers",
         [](World& w) { World::set(w.issuing, "extendedKeyUsage", "serverAuth"); }, true, true},
        {"root and issuing without a name", [](World& w) { w.issuing.subject.clear(); }, false,
         false},
    });
}

TEST(Profile, RulesForLeaves) {
    run({
        {"version 1",
         [](World& w) {
             w.leaf.version = 0;
             w.leaf.extensions.clear();
             w.leaf.key_identifiers = false;
         },
         true, false},
        {"no SAN", [](World& w) { World::set(w.leaf, "subjectAltName", ""); }, true, false},
        {"SAN critical beside a subject",
         [](World& w) { World::set(w.leaf, "subjectAltName", "critical,DNS:mail.example.com"); },
         true, false},
        {"no subject and SAN not critical", [](World& w) { w.leaf.subject.clear(); }, false, false},
        {"no subject and SAN critical",
         [](World& w) {
             w.leaf.subject.clear();
             World::set(w.leaf, "subjectAltName", "critical,DNS:mail.example.com");
         },
         true, true},
        {"SAN that is no sequence",
         [](World& w) { w.leaf.extensions.back() = {"2.5.29.17", "DER:61:62"}; }, false, false},
        {"SAN empty", [](World& w) { w.leaf.extensions.back() = {"2.5.29.17", "DER:30:00"}; },
         false, false},
        {"SAN twice",
         [](World& w) { w.leaf.extensions.push_back({"subjectAltName", "DNS:b.example"}); }, false,
         false},
        {"no extended key usage", [](World& w) { World::set(w.leaf, "extendedKeyUsage", ""); },
         true, false},
        {"client only", [](World& w) { World::set(w.leaf, "extendedKeyUsage", "clientAuth"); },
         true, false},
        {"server and client",
         [](World& w) { World::set(w.leaf, "extendedKeyUsage", "serverAuth,clientAuth"); }, true,
         true},
        {"server and any",
         [](World& w) { World::set(w.leaf, "extendedKeyUsage", "serverAuth,anyExtendedKeyUsage"); },
         true, false},
        {"server and code",
         [](World& w) { World::set(w.leaf, "extendedKeyUsage", "serverAuth,codeSigning"); }, true,
         false},
        {"extended key usage critical",
         [](World& w) { World::set(w.leaf, "extendedKeyUsage", "critical,serverAuth"); }, true,
         false},
        {"no key usage", [](World& w) { World::set(w.leaf, "keyUsage", ""); }, true, true},
        {"key usage empty", [](World& w) { World::set(w.leaf, "keyUsage", "DER:03:01:00"); }, false,
         false},
        {"no CA with keyCertSign",
         [](World& w) { World::set(w.leaf, "keyUsage", "digitalSignature,keyCertSign"); }, false,
         false},
        {"CA", [](World& w) { World::set(w.leaf, "basicConstraints", "critical,CA:TRUE"); }, true,
         false},
        {"no basic constraints", [](World& w) { World::set(w.leaf, "basicConstraints", ""); }, true,
         true},
        {"name constraints in no CA",
         [](World& w) {
             World::set(w.leaf, "nameConstraints", "critical,permitted;DNS:example.com");
         },
         false, false},
        {"access to information damaged",
         [](World& w) { World::set(w.leaf, "1.3.6.1.5.5.7.1.1", "DER:61"); }, false, false},
        {"access to information critical",
         [](World& w) {
             World::set(w.leaf, "authorityInfoAccess", "critical,OCSP;URI:http://o.example");
         },
         false, false},
        {"unknown critical", [](World& w) { World::set(w.leaf, "1.2.3.4", "critical,DER:05:00"); },
         false, false},
        {"serial zero", [](World& w) { w.leaf.serial = "0"; }, true, false},
        {"serial negative", [](World& w) { w.leaf.serial = "-5"; }, true, false},
        {"serial of 22 octets", [](World& w) { w.leaf.serial = std::string(44, '1'); }, true,
         false},
        {"P-192", [](World& w) { w.leaf.curve = "P-192"; }, false, false},
        {"P-384", [](World& w) { w.leaf.curve = "P-384"; }, true, true},
        {"brainpool", [](World& w) { w.leaf.curve = "brainpoolP256r1"; }, true, false},
        {"SHA-1", [](World& w) { w.leaf.digest = EVP_sha1(); }, false, false},
        {"SHA-1 on the root itself", [](World& w) { w.root.digest = EVP_sha1(); }, true, true},
    });
}

TEST(Profile, NamesOfLeaves) {
    const auto with = [](const std::string& cn, const std::string& san) {
        return [=](World& w) {
            w.leaf.subject = {{"CN", cn}};
            World::set(w.leaf, "subjectAltName", san);
        };
    };
    run({
        {"another CN", with("other.example.com", "DNS:mail.example.com"), true, true},
        {"CN in another case", with("Mail.example.com", "DNS:mail.example.com"), true, false},
        {"CN with an A-label not in the SAN", with("xn--nxasmq6b.com", "DNS:xn--n3h.com"), true,
         false},
        {"CN with a U-label", with("b\xC3\xBC\x63her.example", "DNS:xn--bcher-kva.example"), true,
         false},
        {"CN as address in hexadecimal", with("0xC0A80101", "IP:192.168.1.1"), true, false},
        {"CN as address with zeros", with("192.168.001.001", "IP:192.168.1.1"), true, false},
        {"CN as address", with("192.168.1.1", "IP:192.168.1.1"), true, true},
        {"CN as IPv6 address", with("2001:db8::1", "IP:2001:db8::1"), true, true},
        {"CN as IPv6 address in capitals", with("2001:DB8::1", "IP:2001:db8::1"), true, false},
        {"CN that is prose", with("Mail of Example Inc.", "DNS:mail.example.com"), true, true},
        {"wildcard", with("*.example.com", "DNS:*.example.com"), true, true},
        {"wildcard of a public suffix", with("a", "DNS:*.com"), true, false},
        {"wildcard of all", with("a", "DNS:*"), true, false},
        {"wildcard inside a label", with("a", "DNS:ba*.example.com"), true, false},
        {"wildcard further right", with("a", "DNS:foo.*.example.com"), true, false},
        {"one label", with("a", "DNS:localhost"), true, true},
        {"address as dNSName", with("a", "DNS:192.0.2.1"), true, false},
        {"leading dot", with("a", "DNS:.example.com"), true, false},
        {"mail only", with("a", "email:a@example.com"), true, false},
    });
}

// Anybody can sign with an exponent of 1, and factor an even modulus.
TEST(Profile, AnRsaKeyWithoutASecretIsNone) {
    const auto key_of = [](const char* change) {
        const auto real = test::new_key(2048);
        BIGNUM* modulus = nullptr;
        BIGNUM* exponent = nullptr;
        EVP_PKEY_get_bn_param(real.get(), "n", &modulus);
        EVP_PKEY_get_bn_param(real.get(), "e", &exponent);
        if (std::string_view(change) == "e") BN_one(exponent);
        if (std::string_view(change) == "n") BN_clear_bit(modulus, 0);
        const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> parts(OSSL_PARAM_BLD_new());
        OSSL_PARAM_BLD_push_BN(parts.get(), "n", modulus);
        OSSL_PARAM_BLD_push_BN(parts.get(), "e", exponent);
        const Owned<OSSL_PARAM, OSSL_PARAM_free> list(OSSL_PARAM_BLD_to_param(parts.get()));
        const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
            EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
        EVP_PKEY* key = nullptr;
        EXPECT_EQ(EVP_PKEY_fromdata_init(context.get()), 1);
        EXPECT_EQ(EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, list.get()), 1);
        BN_free(modulus);
        BN_free(exponent);
        return std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free);
    };
    const auto root = test::make_certificate({.extensions = test::of_authority()});
    for (const auto& [change, holds] :
         {std::pair("", true), std::pair("e", false), std::pair("n", false)}) {
        const auto leaf =
            test::make_certificate({.subject_key = key_of(change)}, &root).certificate;
        const auto path =
            test::anchors_of({root.certificate}).find_path({leaf, root.certificate}, test::kNow);
        EXPECT_EQ(path.problems.empty(), holds) << change;
    }
}

TEST(Profile, ClientsNeedClientAuthAndMayLackTheRest) {
    World world;
    World::set(world.leaf, "extendedKeyUsage", "clientAuth");
    World::set(world.leaf, "subjectAltName", "email:a@example.com");
    PathQuestion question = web();
    question.purpose = Purpose::Client;
    EXPECT_EQ(told(world.find(question)), "");
    World::set(world.leaf, "extendedKeyUsage", "serverAuth");
    EXPECT_NE(told(world.find(question)), "");
    World::set(world.leaf, "extendedKeyUsage", "clientAuth");
    World::set(world.issuing, "extendedKeyUsage", "serverAuth");
    question.rules = Rules::Rfc5280;
    const Path path = world.find(question);
    ASSERT_EQ(path.problems.size(), 1U);
    EXPECT_EQ(path.problems.front().kind, PathProblemKind::Usage);
    EXPECT_EQ(path.problems.front().text.in(Language::Spanish),
              "CN=Issuing: su uso extendido de clave no permite certificados de clientes");
}

// EX-41: without a name to prove, only the path is judged.
TEST(Profile, RulesForHostsDoNotCountWhereOnlyThePathIsAskedFor) {
    World world;
    World::set(world.leaf, "subjectAltName", "");
    World::set(world.leaf, "extendedKeyUsage", "");
    world.leaf.serial = "-5";
    PathQuestion question = web();
    EXPECT_NE(told(world.find(question)), "");
    question.path_only = true;
    EXPECT_EQ(told(world.find(question)), "");
    World::set(world.issuing, "basicConstraints", "CA:TRUE");
    EXPECT_NE(told(world.find(question)), "") << "those for CAs do";
}

// RFC 5280 4.1.2.5: whole seconds, both ends included.
TEST(Profile, TheLastSecondBelongsToTheValidityWholly) {
    World world;
    world.leaf.not_after = kNow;
    PathQuestion question = rfc();
    question.at = kNow + 999ms;
    EXPECT_EQ(told(world.find(question)), "");
    question.at = kNow + 1s;
    EXPECT_NE(told(world.find(question)), "");
    world.leaf.not_after = kNow + kDay;
    world.leaf.not_before = kNow;
    question.at = kNow - 1ms;
    EXPECT_NE(told(world.find(question)), "");
}

}  // namespace
}  // namespace valija::x509
