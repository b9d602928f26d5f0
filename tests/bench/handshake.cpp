// What it costs that our private keys are in another process: full handshakes a second, many at a
// time on one loop, the clients on a loop of another thread; with the key here and in custody.
#include <benchmark/benchmark.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <thread>

#include "support/temporary_directory.hpp"
#include "trust/keystore/certificate_store.hpp"
#include "trust/keystore/custody.hpp"
#include "unit/trust/channel/peers.hpp"

namespace valija {
namespace {

namespace asio = boost::asio;
using keystore::KeyType;

constexpr size_t kAtOnce = 64;

enum class Keys { Here, InCustody };

struct Place {
    test::TemporaryDirectory directory;
    std::unique_ptr<keystore::KeyVault> here;
    std::unique_ptr<keystore::Custody> custody;
    keystore::KeyVault* vault;

    explicit Place(Keys keys) {
        if (keys == Keys::Here) {
            here = keystore::make_file_vault(directory.path());
            vault = here.get();
        } else {
            custody = std::move(
                *keystore::Custody::start({.directory = directory.path(), .channels = 4}));
            vault = &custody->vault();
        }
    }

    std::shared_ptr<const keystore::OwnCertificate> own(KeyType type) {
        const Time now = SystemClock().now();
        auto made = keystore::CertificateStore(directory.path(), *vault)
                        .self_signed({.subject = {},
                                      .dns_names = {"mail.contoso.com"},
                                      .key = type,
                                      .friendly_name = {}},
                                     now, now + std::chrono::hours(1));
        auto key = vault->key_for(made->name, made->chain.front());
        return std::make_shared<const keystore::OwnCertificate>(
            keystore::OwnCertificate{made->name, made->chain, *key});
    }
};

Task<void> side(channel::Connection connection, channel::test::Context context, bool is_server,
                size_t* failed) {
    connection.within(std::chrono::seconds(30));
    const auto evidence = is_server ? co_await connection.accept_tls(std::move(context))
                                    : co_await connection.connect_tls(std::move(context), "");
    if (!evidence) ++*failed;
}

// kAtOnce handshakes; how many of them failed.
size_t round_of(asio::io_context& servers, asio::io_context& clients,
                const channel::test::Context& server, const channel::test::Context& client) {
    servers.restart();
    clients.restart();
    size_t failed_servers = 0;
    size_t failed_clients = 0;
    for (size_t i = 0; i < kAtOnce; ++i) {
        auto [one, other] = channel::test::sockets(servers, clients);
        asio::co_spawn(servers,
                       side(channel::Connection(std::move(one)), server, true, &failed_servers),
                       asio::detached);
        asio::co_spawn(clients,
                       side(channel::Connection(std::move(other)), client, false, &failed_clients),
                       asio::detached);
    }
    std::thread beside([&clients] { clients.run(); });
    servers.run();
    beside.join();
    return failed_servers + failed_clients;
}

void handshakes(benchmark::State& state, Keys keys, KeyType type) {
    Place place(keys);
    const auto own = place.own(type);
    asio::io_context servers(1);
    asio::io_context clients(1);
    net::Helpers helpers(2);
    const auto server = *channel::TlsContext::server(own, &helpers);
    const auto client = *channel::TlsContext::client({});
    for (auto _ : state) {
        if (round_of(servers, clients, server, client) > 0)
            state.SkipWithError("a handshake failed");
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kAtOnce));
}

#define VALIJA_HANDSHAKES(name, type)                                       \
    BENCHMARK_CAPTURE(handshakes, name##_here, Keys::Here, type)            \
        ->UseRealTime()                                                     \
        ->Unit(benchmark::kMillisecond);                                    \
    BENCHMARK_CAPTURE(handshakes, name##_in_custody, Keys::InCustody, type) \
        ->UseRealTime()                                                     \
        ->Unit(benchmark::kMillisecond)

VALIJA_HANDSHAKES(p256, KeyType::P256);
VALIJA_HANDSHAKES(p384, KeyType::P384);
VALIJA_HANDSHAKES(rsa2048, KeyType::Rsa2048);

}  // namespace
}  // namespace valija
