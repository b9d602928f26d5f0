#include "trust/channel/credentials.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "trust/authority/authority.hpp"
#include "trust/keystore/vault.hpp"

namespace valija::channel {
namespace {

namespace fs = std::filesystem;

using Choice = Credentials::Choice;

constexpr Time now = Time(std::chrono::milliseconds(1'800'000'000'000));

class CredentialsTest : public testing::Test {
  protected:
    CredentialsTest() {
        fs::create_directories(directory);
        auto root = authority::Authority::create("Root", now - std::chrono::hours(24),
                                                 now + std::chrono::hours(1000));
        authority::LeafRequest request;
        request.common_name = "mail.contoso.com";
        request.dns_names = {"mail.contoso.com"};
        request.not_before = now - std::chrono::hours(1);
        request.not_after = now + std::chrono::hours(100);
        auto const issued = root->issue(request);
        std::ofstream(directory / "mail.crt") << issued->certificate.pem();
        std::ofstream(directory / "mail.key") << issued->key_pem;
        fs::permissions(directory / "mail.key", fs::perms::owner_read | fs::perms::owner_write);
        signer = keystore::make_file_vault(directory.string());
    }

    ~CredentialsTest() override { fs::remove_all(directory); }

    fs::path directory =
        fs::temp_directory_path() / ("valija-credentials-" + std::to_string(::getpid()));
    std::unique_ptr<keystore::Signer> signer;
};

TEST_F(CredentialsTest, EachCertificateHasOneContextForEachDirection) {
    Credentials const credentials(keystore::KeyStore::load(directory.string(), *signer));
    auto const server = credentials.server("mail.contoso.com", now);
    auto const client = credentials.client("mail.contoso.com", now, Choice::Best);
    ASSERT_TRUE(server && *server);
    ASSERT_TRUE(client && *client);
    EXPECT_NE(*server, *client);
    EXPECT_EQ(*server, *credentials.server("MAIL.contoso.com", now));
    EXPECT_EQ(*client, *credentials.client("mail.contoso.com", now, Choice::Best));
}

TEST_F(CredentialsTest, WithoutAFittingCertificateAServerHasNoneAndAClientShowsNone) {
    Credentials const credentials(keystore::KeyStore::load(directory.string(), *signer));
    auto const server = credentials.server("mail.woodgrovebank.com", now);
    ASSERT_TRUE(server);
    EXPECT_EQ(*server, nullptr);
    auto const client = credentials.client("mail.woodgrovebank.com", now, Choice::Best);
    ASSERT_TRUE(client);
    ASSERT_NE(*client, nullptr);
    EXPECT_NE(*client, *credentials.client("mail.contoso.com", now, Choice::Best));
    EXPECT_EQ(*client, *credentials.client("other.example", now, Choice::Best));
}

}  // namespace
}  // namespace valija::channel
