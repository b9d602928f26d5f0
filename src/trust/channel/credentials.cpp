#include "trust/channel/credentials.hpp"

namespace valija::channel {
namespace {

using Context = std::shared_ptr<const TlsContext>;
using Owns = std::vector<std::shared_ptr<const keystore::OwnCertificate>>;

Result<Context> make_server(Owns owns, net::Helpers* helpers) {
    return TlsContext::server(std::move(owns.front()), helpers);
}

}  // namespace

Credentials::Credentials(keystore::KeyStore store, net::Helpers* helpers)
    : store_(std::move(store)), helpers_(helpers) {}

Result<Context> Credentials::server(std::string_view name, Time now) const {
    auto const own = store_.select(name, now);
    if (!own) return Context();
    return shared(servers_, {own}, &make_server);
}

Result<Context> Credentials::client(std::string_view name, Time now, Choice choice) const {
    Owns owns = store_.choices(name, now);
    if (choice == Choice::Best && owns.size() > 1) owns.resize(1);
    return shared(clients_, owns, &TlsContext::client);
}

// One context for each set of certificates; made under the lock, which costs a millisecond once.
Result<Context> Credentials::shared(Contexts& contexts, const Owns& owns, Make make) const {
    std::scoped_lock const lock(mutex_);
    auto const found = contexts.find(owns);
    if (found != contexts.end()) return found->second;
    auto made = make(owns, helpers_);
    if (made) contexts.emplace(owns, *made);
    return made;
}

}  // namespace valija::channel
