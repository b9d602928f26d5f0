// Our certificates with the TLS contexts made for them.
//
// Promise: one context for each certificate (of a client: each set of them) and direction, made at
// the first use and shared by all sessions. Replaced as a whole when certificates are reloaded:
// sessions keep what they took. Any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "platform/base/result.hpp"
#include "platform/base/time.hpp"
#include "trust/channel/connection.hpp"
#include "trust/keystore/keystore.hpp"

namespace valija::channel {

class Credentials {
  public:
    // `helpers`: see TlsContext.
    explicit Credentials(keystore::KeyStore store, net::Helpers* helpers = nullptr);

    // The context that shows our certificate for `name` (see KeyStore::select). A null pointer:
    // no certificate fits, so STARTTLS is not offered.
    Result<std::shared_ptr<const TlsContext>> server(std::string_view name, Time now) const;

    // The same for our client side; where no certificate fits, a context that shows none.
    // AsServerAsks: of several for this name the one that the server takes (KeyStore::choices).
    enum class Choice { Best, AsServerAsks };
    Result<std::shared_ptr<const TlsContext>> client(std::string_view name, Time now,
                                                     Choice choice) const;

    const keystore::KeyStore& store() const { return store_; }

  private:
    using Owns = std::vector<std::shared_ptr<const keystore::OwnCertificate>>;
    using Contexts = std::map<Owns, std::shared_ptr<const TlsContext>>;
    using Make = Result<std::shared_ptr<const TlsContext>> (*)(Owns, net::Helpers*);

    Result<std::shared_ptr<const TlsContext>> shared(Contexts& contexts, const Owns& owns,
                                                     Make make) const;

    keystore::KeyStore store_;
    net::Helpers* helpers_;
    mutable std::mutex mutex_;
    mutable Contexts servers_;
    mutable Contexts clients_;
};

}  // namespace valija::channel
