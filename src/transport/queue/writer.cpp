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

// Those whose preparation failed are finished here and drop out. The directory is synced once for
// all: after a failure nobody asks again, since a second sync may say yes to what the first lost.
std::deque<Job> Writer::prepared(std::deque<Job>& batch) const {
    std::deque<Job> jobs;
    for (Job& job : batch) {
        const Result<void> ready = job.prepare ? job.prepare() : Result<void>();
        if (ready) {
            jobs.push_back(std::move(job));
        } else {
            job.finish(ready);
        }
    }
    const auto has_file = [](const Job& job) { return static_cast<bool>(job.prepare); };
    if (std::ranges::none_of(jobs, has_file)) {
        return jobs;
    }
    const Result<void> synced = store::sync_directory(body_directory_);
    if (synced) {
        return jobs;
    }
    std::deque<Job> others;
    for (Job& job : jobs) {
        if (has_file(job)) {
            job.finish(synced);
        } else {
            others.push_back(std::move(job));
        }
    }
    return others;
}

Result<void> Writer::perform_group(std::deque<Job>& jobs) {
    auto done = try_group(jobs);
    if (done || done.error().kind != FaultKind::Input || !records_.mend()) {
        return done;
    }
    return try_group(jobs);
}

Result<void> Writer::try_group(std::deque<Job>& jobs) {
    const bool writes = std::ranges::any_of(jobs, &Job::writes);
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
