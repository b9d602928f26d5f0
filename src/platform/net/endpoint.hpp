// Addresses of sockets as text and value; connecting and listening.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "platform/base/result.hpp"
#include "platform/base/task.hpp"
#include "platform/base/time.hpp"

namespace valija::net {

// "192.0.2.1:25" or "[2001:db8::1]:25".
Result<boost::asio::ip::tcp::endpoint> parse_endpoint(std::string_view text);
std::string endpoint_text(const boost::asio::ip::tcp::endpoint& endpoint);

// An address range "192.0.2.0/24", "::1/128" or a single address.
struct Range {
    boost::asio::ip::address address;
    unsigned prefix = 0;
    bool covers(const boost::asio::ip::address& candidate) const;  // v4-mapped is seen through
};

Result<Range> parse_range(std::string_view text);

// A connected socket on the calling task's executor, or Fault Network/Timeout. `source` may be
// empty or a local address to bind. Fault Stopped when the task is cancelled.
Task<Result<boost::asio::ip::tcp::socket>> connect(boost::asio::ip::tcp::endpoint endpoint,
                                                   std::string source, Duration deadline);

// Fault System if somebody listens there already. With SO_REUSEPORT, as Listener does, another
// process of the same user would not fail but take every second connection.
Result<void> check_unused(const boost::asio::ip::tcp::endpoint& endpoint);

// Listens with SO_REUSEPORT and accepts until closed. Out of descriptors: waits a moment and goes
// on, no busy loop.
class Listener {
  public:
    static Result<Listener> open(const boost::asio::any_io_executor& executor,
                                 const boost::asio::ip::tcp::endpoint& endpoint);
    // Runs until close(); hands each socket over at once.
    Task<void> accept_all(std::function<void(boost::asio::ip::tcp::socket)> handle);
    void close();  // on the listener's loop; again and again is harmless
    boost::asio::ip::tcp::endpoint local() const;

  private:
    explicit Listener(boost::asio::ip::tcp::acceptor acceptor);
    std::shared_ptr<boost::asio::ip::tcp::acceptor> acceptor_;
};

}  // namespace valija::net
