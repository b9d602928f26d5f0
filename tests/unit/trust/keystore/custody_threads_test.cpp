// What the threads of a server share of the custody: its client, and beyond the channels the desk.
// Without processes, so that ThreadSanitizer sees both ends.
#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "support/temporary_directory.hpp"
#include "trust/keystore/internal/custody_client.hpp"
#include "trust/keystore/internal/custody_desk.hpp"
#include "trust/keystore/internal/custody_process.hpp"
#include "trust/x509/native.hpp"

namespace valija::keystore::internal {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr size_t kChannels = 3;
constexpr size_t kThreads = 6;
constexpr int kSignatures = 100;

// A worker's threads; they end when the client's ends of the channels do.
class Worker {
  public:
    Worker(CustodyDesk& desk, std::vector<net::FrameLink> channels)
        : channels_(std::move(channels)) {
        for (net::FrameLink& channel : channels_) {
            threads_.emplace_back([&channel, &desk] { serve(channel, desk); });
        }
    }

    // As a crash looks from outside; a call that is under way may still have its answer.
    void crash() {
        for (net::FrameLink& channel : channels_) ::shutdown(channel.native(), SHUT_RDWR);
    }

  private:
    static void serve(net::FrameLink& channel, CustodyDesk& desk) {
        while (auto message = channel.receive(kLargestMessage, net::SteadyTime::max())) {
            const std::string answer = desk.answer(*message, steady_clock::now());
            if (!channel.send(answer, steady_clock::now() + seconds(30))) return;
        }
    }

    std::vector<net::FrameLink> channels_;
    std::vector<std::jthread> threads_;
};

bool signs(const KeyHandle& key) {
    const x509::Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    unsigned char signature[256];
    size_t size = sizeof signature;
    const bool is_signed =
        EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.native()) == 1 &&
        EVP_DigestSign(context.get(), signature, &size, signature, 10) == 1;
    ERR_clear_error();
    return is_signed;
}

// Six loops on three channels, a reload beside them, and a crash in the midst: every call ends, and
// after the crash all have their signatures again.
TEST(CustodyThreads, SignaturesGoOnBesideOneAnotherAndOverACrash) {
    const test::TemporaryDirectory home;
    const auto vault = make_file_vault(home.path());
    CustodyDesk desk(*vault);
    auto first = std::move(*make_channels(kChannels));
    auto second = std::move(*make_channels(kChannels));
    auto guardian = std::move(*net::FrameLink::make_pair());
    const auto client =
        std::make_shared<CustodyClient>(std::move(first.ours), std::move(guardian.first));
    std::atomic<int> restarts = 0;
    client->on_restart([&restarts] { ++restarts; });
    Worker worker(desk, std::move(first.theirs));
    Worker next(desk, std::move(second.theirs));
    const auto key = client->create("mail", KeyType::P256, Export::Never);
    ASSERT_TRUE(key) << key.error().text();
    std::atomic<int> done = 0;
    {
        std::vector<std::jthread> threads;
        for (size_t i = 0; i < kThreads; ++i) {
            threads.emplace_back([&key, &done] {
                for (int made = 0; made < kSignatures;) {
                    if (signs(*key)) ++made, ++done;
                }
            });
        }
        threads.emplace_back([&client] {
            for (int i = 0; i < kSignatures; ++i) EXPECT_TRUE(client->list());
        });
        while (done < kSignatures) std::this_thread::yield();
        worker.crash();
        ASSERT_TRUE(guardian.second.send_links(second.ours));
        second.ours.clear();
    }
    EXPECT_EQ(done, kThreads * kSignatures);
    EXPECT_EQ(restarts, 1);
    client->close();
    EXPECT_FALSE(signs(*key)) << "handles outlive the custody and cannot sign then";
}

}  // namespace
}  // namespace valija::keystore::internal
