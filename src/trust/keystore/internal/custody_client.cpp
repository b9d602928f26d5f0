#include "trust/keystore/internal/custody_client.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "trust/x509/native.hpp"

namespace valija::keystore::internal {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr Duration kSignLimit = seconds(5);
constexpr Duration kOtherLimit = seconds(30);

// A loop may be waiting for the signature, and everything on it.
constexpr Duration kSignPatience = milliseconds(100);
constexpr Duration kOtherPatience = seconds(10);

constexpr Duration kLook = milliseconds(5);  // between two looks for the next process

constexpr auto kAsking = "asking the custody of the keys";

Ask about(Call call, const std::string& name) {
    Ask ask;
    ask.call = call;
    ask.name = name;
    return ask;
}

Ask with_file(Call call, const std::string& name, std::string_view file,
              std::string_view password) {
    Ask ask = about(call, name);
    ask.bytes = file;
    ask.password = password;
    return ask;
}

Result<KeyHandle> public_key_of(std::string_view bytes) {
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    std::shared_ptr<evp_pkey_st> key(d2i_PUBKEY(nullptr, &at, static_cast<long>(bytes.size())),
                                     EVP_PKEY_free);
    if (!key) return x509::native_fault(FaultKind::System, kAsking);
    return KeyHandle(std::move(key));
}

struct Cleansed {
    std::string& text;

    ~Cleansed() { OPENSSL_cleanse(text.data(), text.size()); }
};

bool has_ended(const Fault& fault) { return fault.kind == FaultKind::Network; }

}  // namespace

void CustodyClient::on_restart(std::function<void()> told) {
    std::scoped_lock const lock(mutex_);
    told_ = std::move(told);
}

void CustodyClient::on_loss(std::function<void()> told) {
    std::scoped_lock const lock(mutex_);
    loss_told_ = std::move(told);
}

void CustodyClient::close() {
    std::scoped_lock const lock(mutex_);
    ++generation_;
    is_alive_ = false;
    idle_.clear();
    guardian_.reset();
}

// The lock is free while this waits.
Result<void> CustodyClient::take_new_channels(std::unique_lock<std::mutex>& lock,
                                              net::SteadyTime until) {
    while (!is_alive_) {
        if (!guardian_) return fault(FaultKind::Network, kAsking, "its process has ended");
        const auto now = steady_clock::now();
        auto links = guardian_->receive_links(now);
        if (!links) {
            guardian_.reset();  // nobody is left who could start another
            if (const auto told = std::exchange(loss_told_, {})) told();
            return std::unexpected(links.error());
        }
        if (*links) {
            idle_ = std::move(**links);
            is_alive_ = true;
            is_long_away_ = false;
            if (told_) told_();
            given_back_.notify_all();
        } else if (now >= until) {
            return fault(FaultKind::Network, kAsking, "its process has ended; a new one is coming");
        } else {
            given_back_.wait_until(lock, std::min(until, now + kLook));
        }
    }
    return {};
}

Result<CustodyClient::Lease> CustodyClient::borrow(net::SteadyTime deadline, bool is_sign) {
    std::unique_lock lock(mutex_);
    const auto patience = !is_sign        ? kOtherPatience
                          : is_long_away_ ? Duration::zero()
                                          : kSignPatience;
    const auto until = steady_clock::now() + patience;
    while (true) {
        if (auto taken = take_new_channels(lock, until); !taken) {
            is_long_away_ = is_long_away_ || is_sign;
            return std::unexpected(taken.error());
        }
        if (!idle_.empty()) break;
        if (given_back_.wait_until(lock, deadline) == std::cv_status::timeout) {
            return fault(FaultKind::Timeout, kAsking, "it has too much to do");
        }
    }
    Lease lease{.channel = std::move(idle_.back()), .generation = generation_};
    idle_.pop_back();
    return lease;
}

void CustodyClient::give_back(Lease lease) {
    {
        std::scoped_lock const lock(mutex_);
        if (lease.generation == generation_) idle_.push_back(std::move(lease.channel));
    }
    given_back_.notify_one();
}

void CustodyClient::lost(unsigned generation) {
    {
        std::scoped_lock const lock(mutex_);
        if (generation != generation_) return;
        ++generation_;
        idle_.clear();
        is_alive_ = false;
    }
    given_back_.notify_all();
}

Result<Answer> CustodyClient::call_once(const std::string& message, bool is_sign) {
    const auto deadline = steady_clock::now() + (is_sign ? kSignLimit : kOtherLimit);
    auto lease = borrow(deadline, is_sign);
    if (!lease) return std::unexpected(lease.error());
    const auto sent = lease->channel.send(message, deadline);
    auto got = sent ? lease->channel.receive(kLargestMessage, deadline)
                    : Result<std::string>(std::unexpected(sent.error()));
    auto answer = got ? decode_answer(*got) : std::nullopt;
    if (!got || !answer) {
        lost(lease->generation);
        if (!got) return std::unexpected(got.error());
        return fault(FaultKind::System, kAsking, "its answer cannot be read");
    }
    give_back(std::move(*lease));
    if (answer->fault) return std::unexpected(std::move(*answer->fault));
    return std::move(*answer);
}

Result<Answer> CustodyClient::call(const Ask& ask) {
    const bool is_sign = ask.call == Call::Sign;
    std::string message = encode(ask);
    const Cleansed cleansed{message};
    if (message.size() > kLargestMessage) return fault(FaultKind::Input, kAsking, "too much");
    auto answer = call_once(message, is_sign);
    // Only what changes nothing is asked twice.
    const bool may_repeat = ask.call == Call::Sign || ask.call == Call::Open ||
                            ask.call == Call::List || ask.call == Call::Read ||
                            ask.call == Call::Locate;
    if (!answer && has_ended(answer.error()) && may_repeat) {
        return call_once(message, is_sign);
    }
    return answer;
}

Result<KeyHandle> CustodyClient::key_of(const std::string& name, const Result<Answer>& answer) {
    if (!answer) return std::unexpected(answer.error());
    return remote_key(shared_from_this(), name, answer->bytes);
}

Result<std::string> CustodyClient::sign(const std::string& name, const std::string& id,
                                        Padding padding, Hash hash, std::string digest) {
    Ask ask = about(Call::Sign, name);
    ask.id = id;
    ask.padding = padding;
    ask.hash = hash;
    ask.bytes = std::move(digest);
    auto answer = call(ask);
    if (!answer) return std::unexpected(answer.error());
    return std::move(answer->bytes);
}

Result<KeyHandle> CustodyClient::create(const std::string& name, KeyType type, Export may) {
    Ask ask = about(Call::Create, name);
    ask.type = type;
    ask.may = may;
    return key_of(name, call(ask));
}

Result<KeyHandle> CustodyClient::import(const std::string& name, std::string_view file,
                                        std::string_view password, Export may) {
    Ask ask = with_file(Call::Import, name, file, password);
    const Cleansed bytes{ask.bytes};
    const Cleansed secret{ask.password};
    ask.may = may;
    return key_of(name, call(ask));
}

Result<KeyFile> CustodyClient::examine(std::string_view file, std::string_view password) {
    Ask ask = with_file(Call::Read, {}, file, password);
    const Cleansed bytes{ask.bytes};
    const Cleansed secret{ask.password};
    auto answer = call(ask);
    if (!answer) return std::unexpected(answer.error());
    KeyFile read{.certificates = {},
                 .key = {},
                 .format = std::move(answer->format),
                 .notes = std::move(answer->texts)};
    for (const std::string& der : answer->chain) {
        auto one = x509::Certificate::from_der(der);
        if (!one) return std::unexpected(one.error());
        read.certificates.push_back(std::move(*one));
    }
    if (answer->bytes.empty()) return read;
    auto key = public_key_of(answer->bytes);
    if (!key) return std::unexpected(key.error());
    read.key = std::move(*key);
    return read;
}

// It cannot sign: it has no name yet.
Result<KeyHandle> CustodyClient::locate(const std::string& uri) {
    const auto answer = call(with_file(Call::Locate, {}, uri, {}));
    return answer ? public_key_of(answer->bytes) : std::unexpected(answer.error());
}

Result<KeyHandle> CustodyClient::attach(const std::string& name, const std::string& uri) {
    return key_of(name, call(with_file(Call::Attach, name, uri, {})));
}

Result<KeyHandle> CustodyClient::open(const std::string& name) {
    return key_of(name, call(about(Call::Open, name)));
}

Result<KeyHandle> CustodyClient::key_for(const std::string& name, const x509::Certificate& leaf) {
    auto key = open(name);
    return key && !key->belongs_to(leaf) ? not_its_key(name) : key;
}

Result<Export> CustodyClient::may_leave(const std::string& name) {
    const auto answer = call(about(Call::Open, name));
    if (!answer) return std::unexpected(answer.error());
    return answer->may;
}

Result<std::string> CustodyClient::export_sealed(const std::string& name, const SealedCopy& copy) {
    Ask ask = about(Call::Seal, name);
    ask.friendly_name = copy.friendly_name;
    ask.password = copy.password;
    const Cleansed secret{ask.password};
    for (const x509::Certificate& one : copy.chain) ask.chain.push_back(one.der());
    auto answer = call(ask);
    if (!answer) return std::unexpected(answer.error());
    return std::move(answer->bytes);
}

Result<std::vector<std::string>> CustodyClient::list() {
    auto answer = call(about(Call::List, {}));
    if (!answer) return std::unexpected(answer.error());
    return std::move(answer->texts);
}

Result<void> CustodyClient::remove(const std::string& name) {
    const auto answer = call(about(Call::Remove, name));
    if (!answer) return std::unexpected(answer.error());
    return {};
}

}  // namespace valija::keystore::internal
