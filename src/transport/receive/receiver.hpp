// Listening and admission: one Receiver for all receive connectors.
//
// Promise: every accepted socket becomes one task on the loop that accepted it, or is turned away
// with 421 when a limit is reached (sessions in all, sessions of one source, which for IPv6 is a
// /64) or its connector is no longer configured; the counts are exact because a session gives its
// place back when it ends, however it ends.
// Thread: open() and close() on the main thread; the rest on the loops.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "directory/partners/partners.hpp"
#include "platform/base/snapshot.hpp"
#include "platform/net/endpoint.hpp"
#include "platform/net/loops.hpp"
#include "platform/net/resolver.hpp"
#include "platform/net/task_group.hpp"
#include "platform/observe/counters.hpp"
#include "platform/observe/log.hpp"
#include "platform/observe/protocol_log.hpp"
#include "transport/queue/spool.hpp"
#include "trust/channel/credentials.hpp"
#include "trust/revocation/book.hpp"

namespace valija::receive {

// What sessions need from the rest of the house; owned by the program, outlives all sessions.
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
    // The OCSP answer about a certificate of ours, the first of this chain; empty: none.
    std::function<std::string(const std::vector<x509::Certificate>&)> staple;
};

// How many sessions there are, in all and of each source. Any thread.
class Admission {
  public:
    // Gives its place back when destroyed.
    class Place {
      public:
        Place(Admission* admission, std::string source);
        ~Place();
        Place(Place&& other) noexcept;
        Place& operator=(Place&&) = delete;

      private:
        Admission* admission_;
        std::string source_;
    };

    // Null: refused. A source limit of 0 means no limit.
    std::unique_ptr<Place> enter(const std::string& source, int64_t limit, int64_t source_limit);

  private:
    void leave(const std::string& source);

    std::mutex mutex_;
    int64_t all_ = 0;
    std::map<std::string, int64_t> by_source_;
};

class Receiver {
  public:
    Receiver(Parts parts, net::Loops& loops, net::TaskGroup& tasks);

    // Listens on every address of every receive connector, on every loop.
    Result<void> open();

    // No new sessions; those that run go on.
    void close();

    // Where we listen; port 0 in the configuration shows the real port.
    std::vector<boost::asio::ip::tcp::endpoint> addresses() const;

  private:
    Result<void> listen(size_t connector, const boost::asio::ip::tcp::endpoint& endpoint);
    void admit(const std::string& connector, boost::asio::ip::tcp::socket socket);

    struct Door {
        boost::asio::io_context* loop;
        std::shared_ptr<net::Listener> listener;
        boost::asio::ip::tcp::endpoint endpoint;
    };

    Parts parts_;
    net::Loops& loops_;
    net::TaskGroup& tasks_;
    Admission admission_;
    std::vector<Door> doors_;
};

}  // namespace valija::receive
