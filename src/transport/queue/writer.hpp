// The spool's one writer thread: jobs in order, those that write grouped into one transaction.
//
// Promise: a job is finished exactly once, after its transaction is durable or has failed; if a
// group fails each of its jobs is tried alone, so that one bad job does not take others with it.
// At the end everything that was handed in is finished. A group that meets a damaged page of the
// database is done again after the records were salvaged.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "platform/base/result.hpp"
#include "transport/queue/spool_records.hpp"

namespace valija::queue {

struct Job {
    bool writes = true;
    std::function<Result<void>()> prepare;      // before the transaction; may be empty
    std::function<Result<void>(Records&)> run;  // within it
    std::function<void(Result<void>)> finish;   // after it
};

class Writer {
  public:
    Writer(Records records, size_t max_batch, std::string body_directory);
    ~Writer();

    void submit(Job job);

  private:
    void work();
    void perform(std::deque<Job>& batch);
    Result<void> perform_group(std::deque<Job>& jobs);
    Result<void> try_group(std::deque<Job>& jobs);
    std::deque<Job> prepared(std::deque<Job>& batch) const;

    Records records_;
    size_t max_batch_;
    std::string body_directory_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Job> waiting_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace valija::queue
