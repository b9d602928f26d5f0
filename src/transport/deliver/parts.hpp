// What deliveries need from the rest of the house; owned by the program, outlives all of them.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "directory/partners/partners.hpp"
#include "platform/base/snapshot.hpp"
#include "platform/net/resolver.hpp"
#include "platform/observe/counters.hpp"
#include "platform/observe/log.hpp"
#include "platform/observe/protocol_log.hpp"
#include "transport/deliver/told_changes.hpp"
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
    // What is known of the certificate that we show: its own CA's word on it (EX-25, EX-34).
    std::function<identity::OwnStatus(const std::vector<x509::Certificate>& chain)> own;
    std::shared_ptr<ToldChanges> told;
};

}  // namespace valija::deliver
