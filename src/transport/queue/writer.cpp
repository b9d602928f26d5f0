#include "transport/queue/writer.hpp"

#include <algorithm>
#include <utility>

#include "platform/store/file.hpp"

namespace valija::queue {

Writer::Writer(Records records, size_t max_batch, std::string body_directory)
    : records_(std::move(records)),
      max_batch_(max_batch),
      body_directory_(std::move(body_directory)),
      thread_([this] { work(); }) {}

Writer::~Writer() {
    {
        std::scoped_lock const lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    thread_.join();
}

void Writer::submit(Job job) {
    std::scoped_lock const lock(mutex_);
    waiting_.push_back(std::move(job));
    changed_.notify_one();
}

void Writer::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (waiting_.empty()) {
            return;
        }
        std::deque<Job> batch;
        while (!waiting_.empty() && batch.size() < max_batch_) {
            batch.push_back(std::move(waiting_.front()));
            waiting_.pop_front();
        }
        lock.unlock();
        perform(batch);
        lock.lock();
    }
}

// Readers and writers keep their order within the one transaction; a batch of readers needs none.
void Writer::perform(std::deque<Job>& batch) {
    std::deque<Job> jobs = prepared(batch);
    if (jobs.empty()) {
        return;
    }
    const Result<void> together = perform_group(jobs);
    if (together || jobs.size() == 1) {
        for (Job& job : jobs) {
            job.finish(together);
        }
        return;
    }
    for (Job& job : jobs) {
        std::deque<Job> alone;
        alone.push_back(std::move(job));
        const Result<void> result = perform_group(alone);
        alone.front().finish(result);
    }
}

// Those whose preparation failed are finished here and drop out.
std::deque<Job> Writer::prepared(std::deque<Job>& batch) {
    std::deque<Job> jobs;
    for (Job& job : batch) {
        const Result<void> ready = job.prepare ? job.prepare() : Result<void>();
        if (ready) {
            jobs.push_back(std::move(job));
        } else {
            job.finish(ready);
        }
    }
    return jobs;
}

Result<void> Writer::perform_group(std::deque<Job>& jobs) {
    const bool writes = std::ranges::any_of(jobs, &Job::writes);
    const bool has_files =
        std::ranges::any_of(jobs, [](const Job& job) { return static_cast<bool>(job.prepare); });
    if (has_files) {
        if (auto synced = store::sync_directory(body_directory_); !synced) {
            return synced;
        }
    }
    std::optional<store::Transaction> transaction;
    if (writes) {
        auto begun = records_.begin();
        if (!begun) {
            return std::unexpected(begun.error());
        }
        transaction.emplace(std::move(*begun));
    }
    for (Job& job : jobs) {
        if (auto done = job.run(records_); !done) {
            return done;
        }
    }
    return transaction ? transaction->commit() : Result<void>();
}

}  // namespace valija::queue
