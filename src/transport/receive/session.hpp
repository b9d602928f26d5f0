// One inbound SMTP session: performs the steps of protocol/smtp's server dialog on a connection.
//
// Promise: replies to pipelined commands leave together; 250 to a message leaves only after the
// spool has it; every wait is under a deadline; a failure of ours ends this session alone.
// Thread: the loop of the socket. Standards: RFC 5321, 3207, 2920.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "platform/base/task.hpp"
#include "transport/receive/receiver.hpp"

namespace valija::receive {

// What is fixed when a session begins.
struct SessionSetting {
    settings::Receive connector;
    bool may_relay = false;
    std::unique_ptr<Admission::Place> place;
};

// `parts` outlives the task.
Task<void> run_session(const Parts* parts, SessionSetting setting,
                       boost::asio::ip::tcp::socket socket);

}  // namespace valija::receive
