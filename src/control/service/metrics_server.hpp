// The door for Prometheus: GET /metrics over HTTP/1.1, on a loopback address.
//
// Promise: GET and HEAD of /metrics are answered with the text that `text` gives; another path with
// 404, another method with 405, a malformed request with 400, a header beyond 8 KiB with 431 and a
// body with 413; after the last three the connection ends. Bounds: a request and its answer have
// `deadline` each, a connection `requests` requests, the server `connections` at once (one more is
// closed at once). No failure leaves its connection. Not here: that the address is loopback is the
// settings' check. No other server shares the port: two would be one series in Prometheus. Thread:
// everything on the given loop; open() and close() from any thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>

#include "platform/base/result.hpp"
#include "platform/base/task.hpp"
#include "platform/base/time.hpp"
#include "platform/net/task_group.hpp"

namespace valija::service {

struct MetricsLimits {
    Duration deadline = std::chrono::seconds(10);
    size_t connections = 20;
    size_t requests = 100;
};

class MetricsServer {
  public:
    using Text = std::function<Task<std::string>()>;

    // `address` is addr:port; port 0: any. Listens until the returned object is closed.
    static Result<std::unique_ptr<MetricsServer>> open(const boost::asio::any_io_executor& executor,
                                                       const std::string& address,
                                                       net::TaskGroup& tasks, Text text,
                                                       MetricsLimits limits = {});
    const std::string& address() const;  // with the port that it has
    void close();                        // ends the connections, too
    ~MetricsServer();

  private:
    struct State;
    explicit MetricsServer(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace valija::service
