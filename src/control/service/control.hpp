// The control socket: one request, one answer, one line of JSON each (DIR/run/control.sock, 0660).
//
// Promise: a request larger than 64 KiB or malformed ends its connection, never the server; the
// peer's uid must be ours or root's, else the connection is closed. Answers are what the command
// prints. Thread: server side runs on the given loop; ask() blocks the calling (command) thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "platform/base/result.hpp"
#include "platform/base/task.hpp"
#include "platform/net/task_group.hpp"

namespace valija::service {

struct Request {
    std::string command;  // "queue list"
    std::map<std::string, std::string> arguments;
    bool json = false;

    std::string argument(const std::string& name) const;  // empty: it is not there
};

struct Answer {
    int exit_status = 0;
    std::string out;  // printed on standard output
    std::string err;  // printed on standard error
};

// Listens until the returned object is closed.
class ControlServer {
  public:
    using Handler = std::function<Task<Answer>(Request)>;
    static Result<std::unique_ptr<ControlServer>> open(const boost::asio::any_io_executor& executor,
                                                       const std::string& socket_path,
                                                       net::TaskGroup& tasks, Handler handler);
    void close();
    ~ControlServer();

  private:
    struct State;
    explicit ControlServer(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

// From a command: Fault Network where no server runs, Timeout where the answer takes too long.
Result<Answer> ask(const std::string& socket_path, const Request& request,
                   std::chrono::seconds patience = std::chrono::seconds(30));

}  // namespace valija::service
