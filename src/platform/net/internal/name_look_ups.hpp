// Look-ups that take several questions: names of an address, TLSA records of a host.
//
// Promise: as resolver.hpp says; all questions of one look-up share one deadline. The questions are
// asked through a port, so the rules can be tested without a name server.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "platform/base/task.hpp"
#include "platform/base/time.hpp"
#include "platform/net/internal/dns_data.hpp"

namespace valija::net::internal {

// One name, several types: an answer each, in the same order; Fault only where it was stopped.
using Asker = std::function<Task<Result<std::vector<Raw>>>(std::string name, std::vector<int> types,
                                                           Duration deadline)>;

Task<Result<Answer<PtrName>>> look_up_ptr(Asker ask, std::string address, Duration deadline);
Task<Result<TlsaAnswer>> look_up_tlsa(Asker ask, std::string host, uint16_t port,
                                      Duration deadline);

}  // namespace valija::net::internal
