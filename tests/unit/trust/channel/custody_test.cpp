// Handshakes whose keys are in a custody of their own.
#include <gmock/gmock.h>
#include <signal.h>

#include "support/certificates.hpp"
#include "support/processes.hpp"
#include "support/temporary_directory.hpp"
#include "trust/keystore/certificate_store.hpp"
#include "trust/keystore/custody.hpp"
#include "unit/trust/channel/peers.hpp"

namespace valija::channel {
namespace {

using keystore::KeyType;
using test::Context;
using test::Own;
using testing::HasSubstr;

class CustodyHandshakes : public testing::TestWithParam<std::tuple<KeyType, int>> {
  protected:
    // One certificate for both sides: each shows it to the other.
    Own own(KeyType type) {
        auto made = keystore::CertificateStore(keys.path(), custody->vault())
                        .self_signed({.subject = {},
                                      .dns_names = {"mail.contoso.com"},
                                      .key = type,
                                      .friendly_name = {}},
                                     valija::test::kNow, valija::test::kNow + valija::test::kDay);
        EXPECT_TRUE(made) << made.error().text();
        auto key = custody->vault().key_for(made->name, made->chain.front());
        EXPECT_TRUE(key) << key.error().text();
        return std::make_shared<const keystore::OwnCertificate>(
            keystore::OwnCertificate{made->name, made->chain, *key});
    }

    valija::test::TemporaryDirectory keys;
    std::unique_ptr<keystore::Custody> custody = std::move(*keystore::Custody::start(
        {.directory = keys.path(), .channels = 2, .is_for_server = false, .user = ""}));
};

INSTANTIATE_TEST_SUITE_P(Kinds, CustodyHandshakes,
                         testing::Combine(testing::Values(KeyType::P256, KeyType::P384,
                                                          KeyType::Rsa2048),
                                          testing::Values(TLS1_2_VERSION, TLS1_3_VERSION)));

TEST_P(CustodyHandshakes, BothSidesProveKeysThatTheyDoNotHave) {
    const auto [type, version] = GetParam();
    const Own both = own(type);
    test::Peers peers;
    net::Helpers helpers(1);
    const Context server = *TlsContext::server(both, &helpers);
    const Context client = *TlsContext::client({both}, &helpers);
    SSL_CTX_set_max_proto_version(test::native(client), version);
    const auto [accepted, connected] = peers.both(
        peers.server.accept_tls(server), peers.client.connect_tls(client, "mail.contoso.com"));
    ASSERT_TRUE(accepted) << accepted.error().text();
    ASSERT_TRUE(connected) << connected.error().text();
    EXPECT_EQ(accepted->peer_chain.front(), both->chain.front());
    EXPECT_EQ(connected->peer_chain.front(), both->chain.front());
}

// A crash in the midst is the end of this handshake, in words, and of nothing else.
TEST_P(CustodyHandshakes, WithoutItsCustodyAHandshakeFails) {
    const auto [type, version] = GetParam();
    const Own both = own(type);
    const Context server = *TlsContext::server(both);
    const Context client = *TlsContext::client({});
    SSL_CTX_set_max_proto_version(test::native(client), version);
    for (const pid_t child : valija::test::children_of(::getpid())) ::kill(child, SIGKILL);
    test::Peers peers;
    const auto [accepted, connected] = peers.both(
        peers.server.accept_tls(server), peers.client.connect_tls(client, "mail.contoso.com"));
    ASSERT_FALSE(accepted);
    EXPECT_THAT(accepted.error().text(), HasSubstr("the custody of the keys did not sign"));
    EXPECT_FALSE(connected);
}

}  // namespace
}  // namespace valija::channel
