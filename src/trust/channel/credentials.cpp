#include "trust/channel/credentials.hpp"

namespace valija::channel {
namespace {

using Context = std::shared_ptr<const TlsContext>;
using Own = std::shared_ptr<const keystore::OwnCertificate>;

}  // namespace

Credentials::Credentials(keystore::KeyStore store, net::Helpers* helpers)
    : store_(std::move(store)), helpers_(helpers) {}

Result<Context> Credentials::server(std::string_view name, Time now) const {
    auto const own = store_.select(name, now);
    if (!own) return Context();
    return shared(servers_, own, &TlsContext::server);
}

Result<Context> Credentials::client(std::string_view name, Time now) const {
    return shared(clients_, store_.select(name, now), &TlsContext::client);
}

// One context for each certificate; made under the lock, which costs a millisecond once.
Result<Context> Credentials::shared(Contexts& contexts, const Own& own, Make make) const {
    std::scoped_lock const lock(mutex_);
    auto const found = contexts.find(own.get());
    if (found != contexts.end()) return found->second;
    auto made = make(own, helpers_);
    if (made) contexts.emplace(own.get(), *made);
    return made;
}

}  // namespace valija::channel
