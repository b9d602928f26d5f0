#include <gmock/gmock.h>
#include <openssl/err.h>

#include <algorithm>
#include <thread>

#include "platform/net/task_group.hpp"
#include "trust/channel/connection.hpp"
#include "unit/trust/channel/peers.hpp"

namespace valija::channel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Context;
using test::Peers;
using x509::Evidence;

class TlsTest : public testing::Test {
  protected:
    // Both handshakes at once.
    std::pair<Result<Evidence>, Result<Evidence>> shake(
        const std::string& name = "mail.contoso.com", const std::string& staple = {}) {
        return peers.both(peers.server.accept_tls(server, staple),
                          peers.client.connect_tls(client, name));
    }

    static test::Issuer issuer;
    test::Own contoso = issuer.issue("mail.contoso.com");
    test::Own woodgrove = issuer.issue("mail.woodgrovebank.com");
    Context server = test::server_context(contoso);
    Context client = test::client_context(woodgrove);
    Peers peers;
};

test::Issuer TlsTest::issuer;

class TlsVersions : public TlsTest, public testing::WithParamInterface<int> {
  protected:
    TlsVersions() {
        SSL_CTX_set_min_proto_version(test::native(client), GetParam());
        SSL_CTX_set_max_proto_version(test::native(client), GetParam());
    }

    std::string version() const { return GetParam() == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2"; }
};

INSTANTIATE_TEST_SUITE_P(Both, TlsVersions, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

// What a server staples is handed over as it came; whether it is worth anything revocation judges.
TEST_P(TlsVersions, AStapledOcspAnswerIsEvidence) {
    auto const [at_server, at_client] = shake("mail.contoso.com", "not a response, but bytes");
    ASSERT_TRUE(at_client) << at_client.error().text();
    EXPECT_EQ(at_client->stapled_ocsp, "not a response, but bytes");
    EXPECT_EQ(at_server->stapled_ocsp, "");
}

TEST_P(TlsVersions, WithoutAStapledAnswerTheEvidenceHasNone) {
    auto const [at_server, at_client] = shake();
    ASSERT_TRUE(at_client) << at_client.error().text();
    EXPECT_EQ(at_client->stapled_ocsp, "");
}

TEST_P(TlsVersions, BothSidesSeeBothChains) {
    auto const [at_server, at_client] = shake();
    ASSERT_TRUE(at_server) << at_server.error().text();
    ASSERT_TRUE(at_client) << at_client.error().text();
    for (auto const* const evidence : {&*at_server, &*at_client}) {
        EXPECT_EQ(evidence->protocol, version());
        EXPECT_THAT(evidence->cipher, testing::HasSubstr("GCM"));
        EXPECT_EQ(evidence->server_name, "mail.contoso.com");
    }
    EXPECT_EQ(at_server->peer_chain, woodgrove->chain);
    EXPECT_EQ(at_server->own_chain, contoso->chain);
    EXPECT_EQ(at_client->peer_chain, contoso->chain);
    EXPECT_EQ(at_client->own_chain, woodgrove->chain);
    EXPECT_TRUE(at_client->own_requested);
    EXPECT_TRUE(peers.server.is_tls());
    EXPECT_TRUE(peers.client.is_tls());
}

// EX-76: a client certificate is requested, and not demanded.
TEST_P(TlsVersions, AClientWithoutCertificateIsTaken) {
    client = test::client_without_certificate();
    SSL_CTX_set_max_proto_version(test::native(client), GetParam());
    auto const [at_server, at_client] = shake();
    ASSERT_TRUE(at_server) << at_server.error().text();
    ASSERT_TRUE(at_client) << at_client.error().text();
    EXPECT_THAT(at_server->peer_chain, testing::IsEmpty());
    EXPECT_THAT(at_client->own_chain, testing::IsEmpty());
    EXPECT_TRUE(at_client->own_requested);
}

TEST_P(TlsVersions, AServerThatDoesNotAskIsShownNothing) {
    SSL_CTX_set_verify(test::native(server), SSL_VERIFY_NONE, nullptr);
    auto const [at_server, at_client] = shake();
    ASSERT_TRUE(at_client) << at_client.error().text();
    EXPECT_FALSE(at_client->own_requested);
    EXPECT_THAT(at_client->own_chain, testing::IsEmpty());
    EXPECT_THAT(at_server->peer_chain, testing::IsEmpty());
}

TEST_P(TlsVersions, ExpiredCertificatesAreEvidenceAndNoFailure) {
    server = test::server_context(issuer.issue("mail.contoso.com", true));
    auto const expired = issuer.issue("mail.woodgrovebank.com", true);
    client = test::client_context(expired);
    SSL_CTX_set_max_proto_version(test::native(client), GetParam());
    auto const [at_server, at_client] = shake();
    ASSERT_TRUE(at_server) << at_server.error().text();
    ASSERT_TRUE(at_client) << at_client.error().text();
    EXPECT_EQ(at_server->peer_chain, expired->chain);
}

Task<Result<std::string>> read_slowly(Connection* connection, size_t size) {
    std::string content;
    while (content.size() < size) {
        auto const chunk = co_await connection->peek();
        if (!chunk) co_return std::unexpected(chunk.error());
        if ((content.size() & 0xFFFFU) + chunk->size() > 0xFFFFU)
            co_await net::pause(milliseconds(1));
        content += *chunk;
        connection->consume(chunk->size());
    }
    co_return content;
}

Task<Result<std::string>> send_and_hear(Connection* connection, std::string bytes) {
    auto const sent = co_await connection->write(bytes);
    if (!sent) co_return std::unexpected(sent.error());
    co_return co_await read_slowly(connection, bytes.size());
}

Task<Result<std::string>> echo(Connection* connection, size_t size) {
    auto content = co_await read_slowly(connection, size);
    if (!content) co_return content;
    auto const sent = co_await connection->write(*content);
    if (!sent) co_return std::unexpected(sent.error());
    co_return content;
}

TEST_P(TlsVersions, MuchDataPassesInBothDirectionsToASlowReader) {
    ASSERT_TRUE(shake().second);
    std::string bytes;
    for (unsigned i = 0; bytes.size() < 1UL << 20U; ++i) bytes += std::to_string(i * 2654435761U);
    auto const [there, back] =
        peers.both(echo(&peers.server, bytes.size()), send_and_hear(&peers.client, bytes));
    EXPECT_EQ(there, bytes);
    EXPECT_EQ(back, bytes);
}

TEST_F(TlsTest, AnAddressOrNothingIsNotSentAsServerName) {
    for (auto const* const name : {"", "192.0.2.1", "2001:db8::1", "not a name"}) {
        Peers pair;
        auto const [at_server, at_client] =
            pair.both(pair.server.accept_tls(server), pair.client.connect_tls(client, name));
        ASSERT_TRUE(at_server) << at_server.error().text();
        EXPECT_EQ(at_server->server_name, "") << name;
        EXPECT_EQ(at_client->server_name, "") << name;
    }
    auto const [at_server, at_client] = shake("mail.contoso.com.");
    EXPECT_EQ(at_server->server_name, "mail.contoso.com");
}

Task<Result<Evidence>> take_starttls(Connection* connection, Context context) {
    auto const line = co_await connection->read_line(512);
    if (!line) co_return std::unexpected(line.error());
    co_return co_await connection->accept_tls(std::move(context));
}

Task<Result<Evidence>> ask_starttls(Connection* connection, Context context) {
    auto const line = co_await connection->read_line(512);
    if (!line) co_return std::unexpected(line.error());
    co_return co_await connection->connect_tls(std::move(context), "");
}

// CVE-2011-0411: what came in clear must not count as said within TLS.
TEST_F(TlsTest, PlaintextBehindStartTlsIsAFaultOnBothSides) {
    auto const [at_server, sent] =
        peers.both(take_starttls(&peers.server, server),
                   peers.client.write("STARTTLS\r\nMAIL FROM:<a@b>\r\n"));
    ASSERT_FALSE(at_server);
    EXPECT_EQ(at_server.error().kind, FaultKind::Input);
    EXPECT_EQ(at_server.error().cause, "plaintext behind STARTTLS");
    EXPECT_FALSE(test::run(peers.loop, peers.server.read_line(512)))
        << "nothing of it is delivered";

    Peers others;
    auto const [at_client, replied] = others.both(
        ask_starttls(&others.client, client), others.server.write("220 go\r\n250-injected\r\n"));
    ASSERT_FALSE(at_client);
    EXPECT_EQ(at_client.error().kind, FaultKind::Input);
}

TEST_F(TlsTest, APeerThatSpeaksNoTlsIsNamed) {
    auto const [at_client, sent] =
        peers.both(peers.client.connect_tls(client, ""), peers.server.write("220 hello\r\n"));
    ASSERT_FALSE(at_client);
    EXPECT_EQ(at_client.error().kind, FaultKind::Network);
    EXPECT_EQ(at_client.error().text(), "TLS handshake: wrong version number");
}

Task<bool> hang_up_after(Connection* connection, size_t bytes) {
    size_t seen = 0;
    while (seen < bytes) {
        auto const chunk = co_await connection->peek();
        if (!chunk) break;
        seen += chunk->size();
        connection->consume(chunk->size());
    }
    connection->close();
    co_return seen >= bytes;
}

TEST_F(TlsTest, AnEndWithinTheHandshakeIsANetworkFault) {
    auto const [at_client, heard] =
        peers.both(peers.client.connect_tls(client, ""), hang_up_after(&peers.server, 10));
    ASSERT_FALSE(at_client);
    EXPECT_TRUE(heard);
    EXPECT_EQ(at_client.error().kind, FaultKind::Network);
    EXPECT_EQ(at_client.error().text(), "TLS handshake: the peer closed the connection");
    EXPECT_FALSE(peers.client.is_tls());
}

TEST_F(TlsTest, ASilentPeerIsATimeout) {
    peers.server.within(milliseconds(20));
    auto const evidence = test::run(peers.loop, peers.server.accept_tls(server));
    ASSERT_FALSE(evidence);
    EXPECT_EQ(evidence.error().kind, FaultKind::Timeout);
    EXPECT_EQ(evidence.error().doing, "TLS handshake");
}

TEST_F(TlsTest, ATooLongChainIsRefused) {
    for (int i = 0; i < 300; ++i) {
        SSL_CTX_add1_chain_cert(test::native(client), woodgrove->chain.front().native());
    }
    auto const [at_server, at_client] = shake();
    ASSERT_FALSE(at_server);
    EXPECT_EQ(at_server.error().text(), "TLS handshake: excessive message size");
}

Task<Result<std::string>> read_one(Connection* connection) {
    auto const line = co_await connection->read_line(512);
    if (!line) co_return std::unexpected(line.error());
    co_return std::string(line->text);
}

// TLS 1.3: the client's handshake succeeds before the server has seen its certificate.
TEST_F(TlsTest, ARefusedClientLearnsItAtItsNextRead) {
    SSL_CTX_set_verify(test::native(server), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       nullptr);
    client = test::client_without_certificate();
    auto const [at_server, at_client] = shake();
    EXPECT_EQ(at_server.error().cause, "peer did not return a certificate");
    ASSERT_TRUE(at_client);
    auto const line = test::run(peers.loop, read_one(&peers.client));
    ASSERT_FALSE(line);
    EXPECT_EQ(line.error().cause, "tlsv13 alert certificate required");
}

TEST(TlsContext, AServerNeedsACertificateWithItsKey) {
    EXPECT_FALSE(TlsContext::server(nullptr));
    test::Issuer issuer;
    auto const own = issuer.issue("a.contoso.com");
    auto const other = issuer.issue("b.contoso.com");
    auto const wrong = TlsContext::server(std::make_shared<const keystore::OwnCertificate>(
        keystore::OwnCertificate{"a", own->chain, other->key}));
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().text(), "setting up TLS with the certificate a: key values mismatch");
}

// Another implementation's view, as far as that can be had from OpenSSL: a blocking client.
class Stranger {
  public:
    explicit Stranger(int version) : context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free) {
        SSL_CTX_set_security_level(context_.get(), 0);
        SSL_CTX_set_min_proto_version(context_.get(), version);
        SSL_CTX_set_max_proto_version(context_.get(), version);
        SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT);
    }

    SSL_CTX* native() const { return context_.get(); }

    struct Outcome {
        int shaken = 0;
        bool resumed = false;
        bool ended_in_order = false;  // close_notify came
        int authorities = 0;          // named in the certificate request
        int renegotiated = 0;
    };

    // Connects to a Valija server that closes at once; keeps the session for the next time.
    Outcome visit(const Context& server, bool renegotiate = false) {
        Outcome outcome;
        boost::asio::io_context loop;
        auto ends = test::sockets(loop, loop);
        Connection here(std::move(ends.first));
        here.within(seconds(60));
        std::thread there([&] { outcome = talk(ends.second.native_handle(), renegotiate); });
        auto evidence = test::run(loop, here.accept_tls(server));
        if (evidence && renegotiate) EXPECT_FALSE(test::run(loop, read_one(&here)));
        here.close();
        there.join();
        return outcome;
    }

  private:
    Outcome talk(int descriptor, bool renegotiate) {
        Outcome outcome;
        std::unique_ptr<SSL, decltype(&SSL_free)> const tls(SSL_new(context_.get()), &SSL_free);
        SSL_set_fd(tls.get(), descriptor);
        if (session_) SSL_set_session(tls.get(), session_.get());
        outcome.shaken = SSL_connect(tls.get());
        outcome.resumed = SSL_session_reused(tls.get()) == 1;
        outcome.authorities = sk_X509_NAME_num(SSL_get0_peer_CA_list(tls.get()));
        if (renegotiate) {
            SSL_renegotiate(tls.get());
            outcome.renegotiated = SSL_do_handshake(tls.get());
        }
        char byte = 0;
        int const got = SSL_read(tls.get(), &byte, 1);
        outcome.ended_in_order = SSL_get_error(tls.get(), got) == SSL_ERROR_ZERO_RETURN;
        session_.reset(SSL_get1_session(tls.get()), &SSL_SESSION_free);
        SSL_shutdown(tls.get());
        ERR_clear_error();
        return outcome;
    }

    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
    std::shared_ptr<SSL_SESSION> session_;
};

class StrangerVersions : public TlsVersions {};

INSTANTIATE_TEST_SUITE_P(Both, StrangerVersions, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

// 6b: what is resumed is not judged.
TEST_P(StrangerVersions, ASessionIsNeverResumed) {
    Stranger stranger(GetParam());
    for (int i = 0; i < 3; ++i) {
        auto const outcome = stranger.visit(server);
        EXPECT_EQ(outcome.shaken, 1);
        EXPECT_FALSE(outcome.resumed);
        EXPECT_TRUE(outcome.ended_in_order);
        EXPECT_LE(outcome.authorities, 0);
    }
}

TEST_F(TlsTest, OldVersionsAreRefused) {
    EXPECT_NE(Stranger(TLS1_1_VERSION).visit(server).shaken, 1);
    EXPECT_EQ(Stranger(TLS1_2_VERSION).visit(server).shaken, 1);
}

TEST_F(TlsTest, RenegotiationIsRefused) {
    auto const outcome = Stranger(TLS1_2_VERSION).visit(server, true);
    EXPECT_EQ(outcome.shaken, 1);
    EXPECT_NE(outcome.renegotiated, 1);
}

// A 1024 bit key is the judge's to refuse, in words, not the handshake's.
TEST_P(StrangerVersions, AWeakCertificateIsStillEvidence) {
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> const key(EVP_RSA_gen(1024U),
                                                                  &EVP_PKEY_free);
    std::unique_ptr<X509, decltype(&X509_free)> const weak(X509_new(), &X509_free);
    X509_set_version(weak.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(weak.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(weak.get()), -10);
    X509_gmtime_adj(X509_getm_notAfter(weak.get()), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(weak.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("weak"), -1, -1, 0);
    X509_set_issuer_name(weak.get(), X509_get_subject_name(weak.get()));
    X509_set_pubkey(weak.get(), key.get());
    X509_sign(weak.get(), key.get(), EVP_sha1());

    client = test::client_without_certificate();
    SSL_CTX_set_max_proto_version(test::native(client), GetParam());
    SSL_CTX_set_security_level(test::native(client), 0);
    ASSERT_EQ(SSL_CTX_use_certificate(test::native(client), weak.get()), 1);
    ASSERT_EQ(SSL_CTX_use_PrivateKey(test::native(client), key.get()), 1);
    auto const [at_server, at_client] = shake();
    ASSERT_TRUE(at_server) << at_server.error().text();
    ASSERT_EQ(at_server->peer_chain.size(), 1U);
    EXPECT_EQ(at_server->peer_chain.front()->key, "RSA 1024");
}

}  // namespace
}  // namespace valija::channel
