// The server's end of the custody: a vault whose keys are in another process.
//
// Promise: a call takes a free channel, waits for its answer under a deadline (a signature 5 s,
// anything else 30 s), and gives a fault where the process has ended; when a new one has come, the
// call is made once more there, if it changes nothing. For the new one a signature waits 100 ms at
// most, once in an outage; whoever waits longer does not hold it up. A channel on which anything
// went wrong is not used again. What comes back is untrusted: it is decoded with bounds, and an
// answer that does not fit is a fault. Thread: any.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>

#include "platform/net/frame_link.hpp"
#include "trust/keystore/internal/remote_key.hpp"

namespace valija::keystore::internal {

class CustodyClient final : public KeyVault,
                            public RemoteSigner,
                            public std::enable_shared_from_this<CustodyClient> {
  public:
    // `guardian`: where the channels to further processes come from, if there will be any.
    CustodyClient(std::vector<net::FrameLink> channels, std::optional<net::FrameLink> guardian)
        : idle_(std::move(channels)), guardian_(std::move(guardian)) {}

    void on_restart(std::function<void()> told);
    void on_loss(std::function<void()> told);
    void close();

    Result<std::string> sign(const std::string& name, const std::string& id, Padding padding,
                             Hash hash, std::string digest) override;
    Result<KeyHandle> create(const std::string& name, KeyType type, Export may) override;
    Result<KeyHandle> import(const std::string& name, std::string_view file,
                             std::string_view password, Export may) override;
    Result<KeyFile> examine(std::string_view file, std::string_view password) override;
    Result<KeyHandle> locate(const std::string& uri) override;
    Result<KeyHandle> attach(const std::string& name, const std::string& uri) override;
    Result<KeyHandle> open(const std::string& name) override;
    Result<KeyHandle> key_for(const std::string& name, const x509::Certificate& leaf) override;
    Result<Export> may_leave(const std::string& name) override;
    Result<std::string> export_sealed(const std::string& name, const SealedCopy& copy) override;
    Result<std::vector<std::string>> list() override;
    Result<void> remove(const std::string& name) override;

  private:
    struct Lease {
        net::FrameLink channel;
        unsigned generation;
    };

    Result<Answer> call(const Ask& ask);
    Result<Answer> call_once(const std::string& message, bool is_sign);
    Result<Lease> borrow(net::SteadyTime deadline, bool is_sign);
    Result<void> take_new_channels(std::unique_lock<std::mutex>& lock, net::SteadyTime until);
    void give_back(Lease lease);
    void lost(unsigned generation);
    Result<KeyHandle> key_of(const std::string& name, const Result<Answer>& answer);

    std::mutex mutex_;
    std::condition_variable given_back_;
    std::vector<net::FrameLink> idle_;
    std::optional<net::FrameLink> guardian_;
    unsigned generation_ = 0;
    bool is_alive_ = true;
    bool is_long_away_ = false;  // a signature waited its whole time for the next process
    std::function<void()> loss_told_;
    std::function<void()> told_;
};

}  // namespace valija::keystore::internal
