// Which of several certificates of ours is shown: by the authorities that the server names.
#include <gmock/gmock.h>

#include "unit/trust/channel/peers.hpp"

namespace valija::channel {
namespace {

using test::Context;
using test::Own;
using testing::HasSubstr;
using x509::Evidence;

class OwnChoice : public testing::TestWithParam<int> {
  protected:
    // The server names these authorities; what our side found.
    Evidence shake(const std::vector<Own>& ours, const std::vector<const test::Issuer*>& named) {
        const Context server = test::server_context(woodgrove_.issue("mail.woodgrovebank.com"));
        const Context client = *TlsContext::client(ours);
        SSL_CTX_set_max_proto_version(test::native(client), GetParam());
        for (const test::Issuer* issuer : named) {
            SSL_CTX_add_client_CA(test::native(server), issuer->root().native());
        }
        test::Peers peers;
        auto [accepted, connected] = peers.both(peers.server.accept_tls(server),
                                                peers.client.connect_tls(client, "x.example"));
        EXPECT_TRUE(accepted && connected);
        if (!accepted || !connected) return {};
        EXPECT_EQ(accepted->peer_chain.empty(), connected->own_chain.empty());
        if (!accepted->peer_chain.empty()) {
            EXPECT_EQ(accepted->peer_chain.front(), connected->own_chain.front());
        }
        return *connected;
    }

    test::Issuer contoso_{"Contoso Root"};
    test::Issuer woodgrove_{"Woodgrove Root"};
    test::Issuer stranger_{"Some Root"};
    Own first_ = contoso_.issue("mail.contoso.com");
    Own second_ = woodgrove_.issue("mail.contoso.com");
};

INSTANTIATE_TEST_SUITE_P(Both, OwnChoice, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST_P(OwnChoice, TheFirstIsShownToWhoNamesNobody) {
    const Evidence evidence = shake({first_, second_}, {});
    EXPECT_EQ(evidence.own_chain, first_->chain);
    EXPECT_EQ(evidence.own_authority, "");
    EXPECT_FALSE(evidence.own_fits_none);
}

TEST_P(OwnChoice, TheOneOfANamedAuthorityIsShown) {
    const Evidence evidence = shake({first_, second_}, {&stranger_, &woodgrove_});
    EXPECT_EQ(evidence.own_chain, second_->chain);
    EXPECT_THAT(evidence.own_authority, HasSubstr("Woodgrove Root"));
}

TEST_P(OwnChoice, OfTwoThatFitTheBetterOneIsShown) {
    EXPECT_EQ(shake({first_, second_}, {&woodgrove_, &contoso_}).own_chain, first_->chain);
}

// It is shown all the same, and told: the server may know our CA by other means.
TEST_P(OwnChoice, WhereNoneFitsTheFirstIsShownAndThatIsEvidence) {
    const Evidence evidence = shake({first_, second_}, {&stranger_});
    EXPECT_EQ(evidence.own_chain, first_->chain);
    EXPECT_TRUE(evidence.own_fits_none);
    EXPECT_EQ(evidence.own_authority, "");
}

TEST_P(OwnChoice, WithoutCertificatesNothingIsShown) {
    const Evidence evidence = shake({}, {&contoso_});
    EXPECT_TRUE(evidence.own_chain.empty());
    EXPECT_TRUE(evidence.own_requested);
    EXPECT_FALSE(evidence.own_fits_none);
}

}  // namespace
}  // namespace valija::channel
