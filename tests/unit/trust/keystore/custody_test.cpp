// The custody of keys as a process: EX-46 to EX-49, and what its crash costs.
#include "trust/keystore/custody.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <openssl/ssl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <thread>

#include "support/certificates.hpp"
#include "support/processes.hpp"
#include "support/temporary_directory.hpp"
#include "trust/keystore/internal/custody_client.hpp"
#include "trust/keystore/internal/custody_desk.hpp"
#include "trust/keystore/internal/custody_process.hpp"
#include "trust/keystore/internal/sandbox.hpp"

namespace valija::keystore {
namespace {

using internal::Answer;
using internal::Ask;
using internal::Call;
using internal::CustodyDesk;
using internal::Hash;
using internal::Padding;
using test::kNow;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr CustodyDesk::SteadyTime kStart{};

class CustodyTest : public testing::Test {
  protected:
    std::unique_ptr<Custody> start(bool is_for_server = false, const std::string& user = "") {
        auto started = Custody::start({.directory = home.path("keys"),
                                       .channels = 2,
                                       .is_for_server = is_for_server,
                                       .user = user});
        EXPECT_TRUE(started) << started.error().text();
        return started ? std::move(*started) : nullptr;
    }

    // Signs with the handle, and looks whether its public half finds that good.
    static bool signs(const KeyHandle& key, const EVP_MD* digest, bool pss = false) {
        const x509::Owned<EVP_MD_CTX, EVP_MD_CTX_free> made(EVP_MD_CTX_new());
        const x509::Owned<EVP_MD_CTX, EVP_MD_CTX_free> looked(EVP_MD_CTX_new());
        EVP_PKEY_CTX* one = nullptr;
        EVP_PKEY_CTX* other = nullptr;
        const std::string text = "what is signed";
        const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
        std::string signature(1024, '\0');
        auto* into = reinterpret_cast<unsigned char*>(signature.data());
        size_t size = signature.size();
        const auto padded = [pss](EVP_PKEY_CTX* context) {
            return !pss || (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
                            EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1);
        };
        const bool good =
            EVP_DigestSignInit(made.get(), &one, digest, nullptr, key.native()) == 1 &&
            padded(one) && EVP_DigestSign(made.get(), into, &size, bytes, text.size()) == 1 &&
            EVP_DigestVerifyInit(looked.get(), &other, digest, nullptr, key.public_half()) == 1 &&
            padded(other) && EVP_DigestVerify(looked.get(), into, size, bytes, text.size()) == 1;
        ERR_clear_error();
        return good;
    }

    test::TemporaryDirectory home;
};

TEST_F(CustodyTest, AKeyOfEachKindSignsFromAnotherProcess) {
    const auto custody = start();
    for (const auto& [name, type] :
         {std::pair("p256", KeyType::P256), std::pair("p384", KeyType::P384),
          std::pair("rsa2048", KeyType::Rsa2048)}) {
        const auto key = custody->vault().create(name, type, Export::Never);
        ASSERT_TRUE(key) << name << ": " << key.error().text();
        const bool is_rsa = type == KeyType::Rsa2048;
        for (const EVP_MD* digest : {EVP_sha256(), EVP_sha384(), EVP_sha512()}) {
            EXPECT_TRUE(signs(*key, digest)) << name << " " << EVP_MD_get0_name(digest);
            EXPECT_EQ(signs(*key, digest, true), is_rsa) << name << " " << EVP_MD_get0_name(digest);
        }
        EXPECT_FALSE(signs(*key, EVP_sha1())) << name;
        EXPECT_EQ(key->is_quick(), type == KeyType::P256) << name;
    }
    EXPECT_THAT(*custody->vault().list(), ElementsAre("p256", "p384", "rsa2048"));
}

TEST_F(CustodyTest, ItsKeysAreComparedAsAnyOther) {
    const auto custody = start();
    KeyVault& vault = custody->vault();
    const auto one = vault.create("one", KeyType::P256, Export::Never);
    const auto two = vault.create("two", KeyType::P256, Export::Never);
    const auto other = vault.create("other", KeyType::P384, Export::Never);
    ASSERT_TRUE(one && two && other);
    EXPECT_EQ(EVP_PKEY_eq(one->native(), one->public_half()), 1);
    EXPECT_NE(EVP_PKEY_eq(one->native(), two->native()), 1);
    EXPECT_EQ(EVP_PKEY_parameters_eq(one->native(), two->native()), 1);
    EXPECT_NE(EVP_PKEY_parameters_eq(one->native(), other->native()), 1);
    ERR_clear_error();
}

// What is in this process is a public key, whatever OpenSSL is asked to do with it.
TEST_F(CustodyTest, TheBytesOfAKeyCannotBeHad) {
    const auto custody = start();
    for (const KeyType type : {KeyType::P256, KeyType::Rsa2048}) {
        const std::string name = type == KeyType::P256 ? "ec" : "rsa";
        const auto key = custody->vault().create(name, type, Export::Allowed);
        ASSERT_TRUE(key);
        const x509::BioOwner bio(BIO_new(BIO_s_mem()));
        EXPECT_EQ(PEM_write_bio_PrivateKey(bio.get(), key->native(), nullptr, nullptr, 0, nullptr,
                                           nullptr),
                  0);
        unsigned char* der = nullptr;
        EXPECT_LE(i2d_PrivateKey(key->native(), &der), 0);
        OPENSSL_free(der);
        BIGNUM* secret = nullptr;
        EXPECT_EQ(
            EVP_PKEY_get_bn_param(key->native(), type == KeyType::P256 ? "priv" : "d", &secret), 0);
        ERR_clear_error();
    }
}

TEST_F(CustodyTest, AnExportableKeyLeavesSealedAndAnotherDoesNot) {
    const auto custody = start();
    KeyVault& vault = custody->vault();
    const test::Made leaf = test::make_certificate({});
    const std::string file = leaf.certificate.pem() + test::pem_of(leaf.key.get());
    ASSERT_TRUE(vault.import("may", file, "", Export::Allowed));
    ASSERT_TRUE(vault.import("never", file, "", Export::Never));
    EXPECT_EQ(*vault.may_leave("may"), Export::Allowed);
    EXPECT_EQ(*vault.may_leave("never"), Export::Never);
    const SealedCopy copy{.chain = {leaf.certificate}, .friendly_name = "it", .password = "s3cret"};
    const auto sealed = vault.export_sealed("may", copy);
    ASSERT_TRUE(sealed) << sealed.error().text();
    const auto read = vault.examine(*sealed, "s3cret");
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->format, "PKCS#12");
    EXPECT_THAT(read->certificates, ElementsAre(leaf.certificate));
    EXPECT_TRUE(read->key && read->key->belongs_to(leaf.certificate));
    EXPECT_FALSE(signs(*read->key, EVP_sha256())) << "what was looked at is no key to sign with";
    const auto refused = vault.export_sealed("never", copy);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text(), HasSubstr("not exportable"));
}

TEST_F(CustodyTest, WhatIsWrongIsSaidAsByAVaultInThisProcess) {
    const auto custody = start();
    const test::Made leaf = test::make_certificate({});
    const auto none = custody->vault().key_for("nobody", leaf.certificate);
    ASSERT_FALSE(none);
    EXPECT_THAT(none.error().text(), HasSubstr("nobody.key"));
    ASSERT_TRUE(custody->vault().create("mail", KeyType::P256, Export::Never));
    const auto other = custody->vault().key_for("mail", leaf.certificate);
    ASSERT_FALSE(other);
    EXPECT_THAT(other.error().text(), HasSubstr("not the key of the certificate in mail.crt"));
    const auto protected_key = custody->vault().examine(test::pem_of(leaf.key.get(), "secret"), "");
    ASSERT_FALSE(protected_key);
    EXPECT_THAT(protected_key.error().text(), HasSubstr("pass-phrase"));
    EXPECT_FALSE(custody->vault().examine(std::string(kLargestKeyFile + 1, 'x'), ""));
    EXPECT_FALSE(custody->vault().examine(std::string(7U << 20U, 'x'), ""));
    EXPECT_TRUE(custody->vault().open("mail")) << "it serves on";
}

pid_t worker_below(pid_t process) {
    const auto children = test::children_of(process);
    return children.empty() ? -1 : children.front();
}

// A crash is the loss of a moment: the next call has its answer from a new process, with the keys
// that were handed out before.
TEST_F(CustodyTest, AfterACrashAnotherProcessTakesOver) {
    {
        ASSERT_TRUE(start()->vault().create("mail", KeyType::P256, Export::Never));
    }
    const auto custody = start(true);
    int restarts = 0;
    custody->on_restart([&restarts] { ++restarts; });
    const auto key = custody->vault().open("mail");
    ASSERT_TRUE(key);
    const pid_t guardian = worker_below(::getpid());
    const pid_t worker = worker_below(guardian);
    ASSERT_GT(worker, 0);
    EXPECT_EQ(test::process_status(worker, "Name"), "valija-keys");
    ASSERT_EQ(::kill(worker, SIGKILL), 0);
    ASSERT_TRUE(custody->vault().list()) << "this waits for the new process";
    EXPECT_TRUE(signs(*key, EVP_sha256()));
    EXPECT_EQ(restarts, 1);
    EXPECT_NE(worker_below(guardian), worker);
}

// A loop that wants a signature must not wait behind a reload that waits for the next process.
TEST_F(CustodyTest, ASignatureDoesNotWaitBehindACallThatIsPatient) {
    auto channels = std::move(*internal::make_channels(1));
    auto guardian = std::move(*net::FrameLink::make_pair());  // which hands nothing over
    const auto client = std::make_shared<internal::CustodyClient>(std::move(channels.ours),
                                                                  std::move(guardian.first));
    channels.theirs.clear();
    std::jthread patient([&client] { EXPECT_FALSE(client->list()); });
    const auto began = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - began < std::chrono::seconds(2)) {
        const auto asked = std::chrono::steady_clock::now();
        EXPECT_FALSE(client->sign("mail", std::string(32, 'i'), Padding::None, Hash::Sha256,
                                  std::string(32, 'd')));
        ASSERT_LT(std::chrono::steady_clock::now() - asked, std::chrono::seconds(1));
    }
    client->close();
}

// Who has broken into the server can neither add nor remove keys, nor have an exportable one.
TEST_F(CustodyTest, ForAServerItSignsAndDoesNothingElse) {
    const test::Made leaf = test::make_certificate({});
    const std::string file = leaf.certificate.pem() + test::pem_of(leaf.key.get());
    ASSERT_TRUE(start()->vault().import("mail", file, "", Export::Allowed));
    const auto custody = start(true);
    KeyVault& vault = custody->vault();
    const SealedCopy copy{.chain = {leaf.certificate}, .friendly_name = "it", .password = "mine"};
    const auto refused = [](const auto& done) {
        ASSERT_FALSE(done);
        EXPECT_THAT(done.error().text(), HasSubstr("for a server it only signs"));
    };
    refused(vault.export_sealed("mail", copy));
    refused(vault.remove("mail"));
    refused(vault.create("other", KeyType::P256, Export::Never));
    refused(vault.import("other", file, "", Export::Never));
    refused(vault.examine(file, ""));
    refused(vault.locate("pkcs11:token=x"));
    refused(vault.attach("other", "pkcs11:token=x"));
    EXPECT_THAT(*vault.list(), ElementsAre("mail"));
    const auto key = vault.key_for("mail", leaf.certificate);
    ASSERT_TRUE(key);
    EXPECT_TRUE(signs(*key, EVP_sha256()));
}

TEST_F(CustodyTest, WithItsStarterGoneItEnds) {
    const pid_t starter = ::fork();
    if (starter == 0) {
        const auto custody =
            Custody::start({.directory = home.path("keys"), .is_for_server = true, .user = ""});
        ::raise(SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(starter, &status, 0), starter);
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    // Orphans: they are gone when nobody holds the directory as its working directory any more.
    const auto is_held = [this] {
        for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
            std::error_code ignored;
            const auto at = std::filesystem::read_symlink(entry.path() / "cwd", ignored);
            if (!ignored && at == home.path("keys")) return true;
        }
        return false;
    };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (is_held() && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::yield();
    }
    EXPECT_FALSE(is_held());
}

// As root it becomes another user, reaches the keys although the way to them is root's alone, and
// what it writes and finds is that user's.
TEST_F(CustodyTest, StartedAsRootItIsAnotherUser) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
    {
        start()->vault().create("old", KeyType::P256, Export::Never).value();
    }
    ASSERT_EQ(::chmod(home.path().c_str(), 0700), 0);
    const auto custody = start(false, "nobody");
    ASSERT_TRUE(custody);
    const uid_t nobody = ::getpwnam("nobody")->pw_uid;
    EXPECT_THAT(test::process_status(worker_below(::getpid()), "Uid"),
                HasSubstr(std::to_string(nobody)));
    ASSERT_TRUE(custody->vault().create("new", KeyType::P256, Export::Never));
    ASSERT_TRUE(custody->vault().open("old"));
    for (const char* file : {"keys/old.key", "keys/new.key", "keys"}) {
        struct stat found{};
        ASSERT_EQ(::stat(home.path(file).c_str(), &found), 0);
        EXPECT_EQ(found.st_uid, nobody) << file;
    }
}

TEST_F(CustodyTest, AStartThatCannotBeSaysWhy) {
    home.write("keys", "a file in the way");
    const auto started = Custody::start({.directory = home.path("keys"), .user = ""});
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().text(), HasSubstr("keys"));
}

// What a process in the sandbox does, and how it ended for that.
int end_in_sandbox(void (*act)()) {
    const pid_t child = ::fork();
    if (child == 0) {
        const bool closed = internal::refuse_inspection() && internal::close_sandbox();
        if (!closed) ::_exit(99);
        act();
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

TEST(Sandbox, ThereIsNoNetworkAndNoOtherProgram) {
    EXPECT_EQ(end_in_sandbox([] {}), 0);
    EXPECT_EQ(end_in_sandbox([] { ::socket(AF_INET, SOCK_STREAM, 0); }), -SIGSYS);
    EXPECT_EQ(end_in_sandbox([] { ::execl("/bin/true", "true", nullptr); }), -SIGSYS);
    EXPECT_EQ(
        end_in_sandbox([] { ::_exit(::kill(::getppid(), 0) == -1 && errno == EPERM ? 7 : 8); }), 7);
    EXPECT_EQ(end_in_sandbox([] { ::_exit(::open("/dev/null", O_RDONLY) >= 0 ? 7 : 8); }), 7);
}

class DeskTest : public testing::Test {
  protected:
    Answer ask(const Ask& asked, CustodyDesk::SteadyTime now = kStart) {
        const auto answer = internal::decode_answer(desk.answer(internal::encode(asked), now));
        EXPECT_TRUE(answer);
        return answer.value_or(Answer());
    }

    static Ask signature(const KeyHandle& key, const std::string& name) {
        Ask asked;
        asked.call = Call::Sign;
        asked.name = name;
        asked.id = key.id();
        asked.bytes = std::string(32, 'd');
        return asked;
    }

    test::TemporaryDirectory home;
    std::unique_ptr<KeyVault> vault = make_file_vault(home.path());
    CustodyDesk desk{*vault};
};

TEST_F(DeskTest, AnyBytesHaveAnAnswer) {
    Ask asked = signature(*vault->create("mail", KeyType::P256, Export::Never), "mail");
    asked.chain = {"one", "two"};
    const std::string whole = internal::encode(asked);
    for (size_t length = 0; length < whole.size(); ++length) {
        const auto answer =
            internal::decode_answer(desk.answer(std::string_view(whole).substr(0, length), kStart));
        ASSERT_TRUE(answer && answer->fault) << length;
    }
    EXPECT_TRUE(internal::decode_answer(desk.answer(whole + "x", kStart))->fault);
    EXPECT_FALSE(internal::decode_answer(desk.answer(whole, kStart))->fault);
}

TEST_F(DeskTest, ADigestHasTheLengthOfItsKindAndAPaddingItsKey) {
    Ask asked = signature(*vault->create("mail", KeyType::P256, Export::Never), "mail");
    EXPECT_FALSE(ask(asked).fault);
    Ask shorter = asked;
    shorter.bytes.pop_back();
    EXPECT_TRUE(ask(shorter).fault);
    Ask other_hash = asked;
    other_hash.hash = Hash::Sha512;
    EXPECT_TRUE(ask(other_hash).fault);
    Ask padded = asked;
    padded.padding = Padding::Pss;
    EXPECT_TRUE(ask(padded).fault);
}

// A handshake that began before a renewal ends after it; a name whose key is another one now gives
// no signature for the old one once that is forgotten.
TEST_F(DeskTest, AKeyIsKnownByItsPublicHalfAndForgottenAnHourAfterItsUse) {
    const auto old = vault->create("mail", KeyType::P256, Export::Never);
    const Ask asked = signature(*old, "mail");
    EXPECT_FALSE(ask(asked).fault);
    ASSERT_TRUE(vault->remove("mail"));
    const auto fresh = vault->create("mail", KeyType::P256, Export::Never);
    EXPECT_FALSE(ask(asked, kStart + std::chrono::minutes(59)).fault);
    const auto later = kStart + std::chrono::hours(3);
    EXPECT_FALSE(ask(signature(*fresh, "mail"), later).fault) << "which makes it forget";
    const auto refused = ask(asked, later);
    ASSERT_TRUE(refused.fault);
    EXPECT_THAT(refused.fault->text(), HasSubstr("another key under this name"));
}

TEST_F(DeskTest, ANameIsNoPath) {
    Ask asked;
    asked.call = Call::Open;
    for (const std::string name : {"../mail", "/etc/passwd", ".", "", "a/b"}) {
        asked.name = name;
        EXPECT_TRUE(ask(asked).fault) << name;
    }
}

}  // namespace
}  // namespace valija::keystore
