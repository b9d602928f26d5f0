// What a running server answers to operators: queue, counters, crl, reload; and to Prometheus.
//
// Promise: one handler for each command of the command table that needs the server; texts and JSON
// are made here, once. An unknown command is answered with exit status 64, a fault of ours with 2.
// Thread: the control loop.
//
// Commands and their arguments: "queue list" (limit), "queue show" (id), "queue retry" (id or
// all=yes), "counters", "crl list", "crl fetch" (url; none = all), "check" (target; none = this
// server, all, lang, letter), "check client" (chain as PEM, domain, all, lang, letter), "reload".
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "control/explain/check.hpp"
#include "control/service/control.hpp"
#include "platform/observe/counters.hpp"
#include "transport/queue/spool.hpp"
#include "trust/revocation/keeper.hpp"

namespace valija::service {

struct ServiceParts {
    queue::Spool& spool;
    observe::Counters& counters;
    revocation::Keeper& keeper;
    const Clock& clock;
    std::function<std::vector<observe::Reading>()> own_readings;  // of our certificates
    explain::CheckParts check;
    std::function<Answer()> reload;  // reads the directory again; the answer is what to print
};

class Service {
  public:
    explicit Service(ServiceParts parts);
    Task<Answer> handle(Request request);

    // Counters and gauges for Prometheus; what cannot be measured now is left out.
    Task<std::string> metrics();

  private:
    Task<Answer> queue_list(Request request);
    Task<Answer> queue_show(Request request);
    Task<Answer> queue_retry(Request request);
    Task<Answer> check(Request request);
    Answer check_client(const Request& request) const;
    Answer counters(const Request& request) const;
    Answer crl_list(const Request& request) const;
    Answer crl_fetch(const Request& request);
    ServiceParts parts_;
};

}  // namespace valija::service
