// From outcomes to the queue: what is settled, what waits until when, and who gets a report.
//
// Promise: a recipient that neither was delivered nor failed waits for the next attempt until the
// message expires; the report about failures is queued in the same transaction. If the spool
// cannot record an outcome the lease is kept and the record tried again: what was delivered is not
// sent a second time while we run. Thread: any loop.
#pragma once

#include <vector>

#include "transport/deliver/host_session.hpp"
#include "transport/deliver/parts.hpp"

namespace valija::deliver {

Task<void> settle(const Parts* parts, queue::Lease lease, std::vector<Outcome> outcomes);

}  // namespace valija::deliver
