// One domain's due messages, tried now: plan, hosts in order, one session for as many messages as
// it takes.
//
// Promise: every lease handed over is settled or released, whatever happens on the way.
// Thread: one loop, that of the task.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "transport/deliver/parts.hpp"

namespace valija::deliver {

// The leases of a batch; those still in it when it ends are released.
class Batch {
  public:
    Batch(queue::Spool& spool, std::string domain, std::vector<queue::Lease> leases);
    ~Batch();
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    const std::string& domain() const { return domain_; }

    bool is_empty() const { return leases_.empty(); }

    const queue::Lease& front() const { return leases_.back(); }

    queue::Lease take();

  private:
    queue::Spool& spool_;
    std::string domain_;
    std::vector<queue::Lease> leases_;  // the first one last
};

Task<void> deliver_batch(const Parts* parts, std::shared_ptr<Batch> batch);

}  // namespace valija::deliver
