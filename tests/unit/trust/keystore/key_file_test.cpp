// EX-48, EX-51: what a file of keys and certificates may ask of us.
#include "trust/keystore/key_file.hpp"

#include <gmock/gmock.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pkcs12.h>

#include "support/certificates.hpp"

namespace valija::keystore {
namespace {

using test::Made;
using test::make_certificate;
using test::pem_of;
using testing::HasSubstr;
using x509::Owned;

constexpr const char* kPassword = "s3cret";
constexpr int kRounds = 1000;

struct FreeBags {
    void operator()(STACK_OF(PKCS12_SAFEBAG) * all) const {
        sk_PKCS12_SAFEBAG_pop_free(all, PKCS12_SAFEBAG_free);
    }
};

struct FreeSafes {
    void operator()(STACK_OF(PKCS7) * all) const { sk_PKCS7_pop_free(all, PKCS7_free); }
};

// A PKCS#12 file, bag by bag.
class Pfx {
  public:
    void add_certificate(const Made& made) {
        STACK_OF(PKCS12_SAFEBAG)* bags = bags_.release();
        EXPECT_NE(PKCS12_add_cert(&bags, made.certificate.native()), nullptr);
        bags_.reset(bags);
    }

    void add_key(const Made& made, int rounds) {
        const Owned<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free> info(
            EVP_PKEY2PKCS8(made.key.get()));
        push(PKCS12_SAFEBAG_create_pkcs8_encrypt(NID_aes_256_cbc, kPassword, -1, nullptr, 0, rounds,
                                                 info.get()));
    }

    // Encrypted with a key that `algorithm` derives; takes it over.
    void add_key(const Made& made, X509_ALGOR* algorithm) {
        const Owned<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free> info(
            EVP_PKEY2PKCS8(made.key.get()));
        push(PKCS12_SAFEBAG_create0_pkcs8(PKCS8_set0_pbe(kPassword, -1, info.get(), algorithm)));
    }

    // What was added so far becomes a safe; nid -1: not encrypted.
    void close_safe(int nid, int rounds = kRounds) {
        STACK_OF(PKCS7)* safes = safes_.release();
        EXPECT_EQ(PKCS12_add_safe(&safes, bags_.get(), nid, rounds, kPassword), 1);
        safes_.reset(safes);
        bags_.reset();
    }

    std::string der(int rounds = kRounds) {
        const Owned<PKCS12, PKCS12_free> made(PKCS12_add_safes(safes_.get(), 0));
        EXPECT_EQ(PKCS12_set_mac(made.get(), kPassword, -1, nullptr, 0, rounds, EVP_sha256()), 1);
        unsigned char* bytes = nullptr;
        const int length = i2d_PKCS12(made.get(), &bytes);
        std::string text(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
        OPENSSL_free(bytes);
        return text;
    }

  private:
    void push(PKCS12_SAFEBAG* bag) {
        ASSERT_NE(bag, nullptr) << x509::native_error();
        if (!bags_) bags_.reset(sk_PKCS12_SAFEBAG_new_null());
        sk_PKCS12_SAFEBAG_push(bags_.get(), bag);
    }

    std::unique_ptr<STACK_OF(PKCS12_SAFEBAG), FreeBags> bags_;
    std::unique_ptr<STACK_OF(PKCS7), FreeSafes> safes_;
};

std::string told(Pfx& pfx) {
    const auto read = read_key_file(pfx.der(), kPassword);
    return read ? "" : read.error().text();
}

class Pkcs12Test : public testing::Test {
  protected:
    Made made = make_certificate({.extensions = test::of_leaf("mail1.contoso.com")});
    Pfx pfx;
};

TEST_F(Pkcs12Test, AKeyWithinAnEncryptedSafeIsRead) {
    pfx.add_certificate(made);
    pfx.add_key(made, kRounds);
    pfx.close_safe(NID_aes_256_cbc);
    const auto read = read_key_file(pfx.der(), kPassword);
    ASSERT_TRUE(read) << read.error().text();
    ASSERT_TRUE(read->key);
    EXPECT_TRUE(read->key->belongs_to(made.certificate));
}

TEST_F(Pkcs12Test, RoundsWithinAnEncryptedSafeCount) {
    pfx.add_certificate(made);
    pfx.add_key(made, 2'000'001);
    pfx.close_safe(NID_aes_256_cbc);
    EXPECT_THAT(told(pfx), HasSubstr("more than 2000000 rounds"));
}

TEST_F(Pkcs12Test, RoundsAreBoundedTogether) {
    for (int i = 0; i < 3; ++i) {
        pfx.add_certificate(made);
        pfx.close_safe(NID_aes_256_cbc, 700'000);
    }
    EXPECT_THAT(told(pfx), HasSubstr("more than 2000000 rounds"));
}

TEST_F(Pkcs12Test, KeysWithinAnEncryptedSafeCount) {
    pfx.add_key(made, kRounds);
    pfx.add_key(make_certificate({}), kRounds);
    pfx.close_safe(NID_aes_256_cbc);
    EXPECT_THAT(told(pfx), HasSubstr("several private keys"));
}

// scrypt asks for memory, which a count of rounds does not bound.
TEST_F(Pkcs12Test, AnotherKeyDerivationThanPbkdf2IsRefused) {
    for (const int nid : {-1, NID_aes_256_cbc}) {
        Pfx scrypt;
        scrypt.add_certificate(made);
        scrypt.add_key(made,
                       PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), nullptr, 0, nullptr, 1024, 8, 1));
        scrypt.close_safe(nid);
        EXPECT_THAT(told(scrypt), HasSubstr("PBKDF2"));
    }
}

// A public half that is not the key's own would be found by the first handshake only.
TEST(KeyFile, AKeyWhoseHalvesAreOfDifferentKeysIsRefused) {
    const Made one = make_certificate({.extensions = test::of_leaf("mail1.contoso.com")});
    const Made other = make_certificate({});
    BIGNUM* secret = nullptr;
    ASSERT_EQ(EVP_PKEY_get_bn_param(other.key.get(), OSSL_PKEY_PARAM_PRIV_KEY, &secret), 1);
    unsigned char point[200];
    size_t size = 0;
    ASSERT_EQ(EVP_PKEY_get_octet_string_param(one.key.get(), OSSL_PKEY_PARAM_PUB_KEY, point,
                                              sizeof point, &size),
              1);
    const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> build(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
    OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_PRIV_KEY, secret);
    OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point, size);
    const Owned<OSSL_PARAM, OSSL_PARAM_free> params(OSSL_PARAM_BLD_to_param(build.get()));
    const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
        EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    EVP_PKEY* made = nullptr;
    ASSERT_EQ(EVP_PKEY_fromdata_init(context.get()), 1);
    ASSERT_EQ(EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, params.get()), 1);
    BN_free(secret);
    const x509::KeyOwner owner(made);
    const auto read = read_key_file(one.certificate.pem() + pem_of(made), "");
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().text(), HasSubstr("do not belong together"));
    EXPECT_TRUE(read_key_file(one.certificate.pem() + pem_of(one.key.get()), ""));
}

// Checked before anything is calculated with them: that would take hours.
TEST(KeyFile, AnRsaKeyWithANumberThatIsTooLongIsRefused) {
    const auto real = test::new_key(2048);
    const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> build(OSSL_PARAM_BLD_new());
    std::vector<Owned<BIGNUM, BN_free>> numbers;
    for (const char* name : {"n", "e", "d", "rsa-factor1", "rsa-factor2", "rsa-exponent1",
                             "rsa-exponent2", "rsa-coefficient1"}) {
        BIGNUM* number = nullptr;
        ASSERT_EQ(EVP_PKEY_get_bn_param(real.get(), name, &number), 1);
        numbers.emplace_back(number);
        if (std::string_view(name) == "d") BN_set_bit(number, 300'000);
        OSSL_PARAM_BLD_push_BN(build.get(), name, number);
    }
    const Owned<OSSL_PARAM, OSSL_PARAM_free> params(OSSL_PARAM_BLD_to_param(build.get()));
    const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
        EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
    EVP_PKEY* made = nullptr;
    ASSERT_EQ(EVP_PKEY_fromdata_init(context.get()), 1);
    ASSERT_EQ(EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, params.get()), 1);
    const x509::KeyOwner owner(made);
    const auto read = read_key_file(pem_of(made), "");
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().text(), HasSubstr("longer than the modulus"));
}

}  // namespace
}  // namespace valija::keystore
