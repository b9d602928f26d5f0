// What deliveries need from the rest of the house; owned by the program, outlives all of them.
#pragma once

#include <functional>
#include <memory>

#include "directory/partners/partners.hpp"
#include "platform/base/snapshot.hpp"
#include "platform/net/resolver.hpp"
#include "platform/observe/counters.hpp"
#include "platform/observe/log.hpp"
#include "platform/observe/protocol_log.hpp"
#include "transport/queue/spool.hpp"
#include "trust/channel/credentials.hpp"
#include "trust/revocation/book.hpp"

namespace valija::deliver {

struct Parts {
    const Snapshot<partners::World>& world;
    const Snapshot<channel::Credentials>& credentials;
    queue::Spool& spool;
    net::Resolver& resolver;
    const Clock& clock;
    observe::Counters& counters;
    observe::Log log;
    observe::ProtocolLog& protocol_log;
    std::function<std::shared_ptr<const revocation::Book>()> book;
    std::function<void(const identity::WantedList&)> want;
};

}  // namespace valija::deliver
