// Delivery reports (RFC 3464 in RFC 6522, codes RFC 3463).
//
// Promise: a report has the null sender and is made only for a message that has a sender (RFC 5321
// 6.1); text of peers is escaped. The original's header (at most 64 KiB) is returned, its body not.
// Pure: no I/O, time and ids are arguments.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "platform/base/time.hpp"
#include "transport/queue/spool.hpp"

namespace valija::report {

enum class Action { Failed, Delayed };

struct Failure {
    mail::Recipient recipient;
    std::string status;       // "5.4.4"
    std::string diagnostic;   // "smtp; 550 5.1.1 User unknown" or our own words
    std::string remote;       // "dns; mx.example.org", empty if none
    std::string explanation;  // our sentence for people
};

struct ReportRequest {
    Action action = Action::Failed;
    std::string reporting_mta;  // our FQDN
    std::string boundary;       // unique
    std::string message_id;
    Time now;
    const queue::QueuedMessage* message = nullptr;
    std::vector<Failure> failures;
    std::string original_header;
    std::optional<Time> will_retry_until;  // for Delayed
};

// nullopt: nobody may be told (null sender, or every recipient said NOTIFY=NEVER).
std::optional<queue::NewMessage> make_report(const ReportRequest& request);

}  // namespace valija::report
