#include "transport/queue/spool.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "platform/store/file.hpp"
#include "transport/queue/content.hpp"
#include "transport/queue/spool_records.hpp"
#include "transport/queue/writer.hpp"

namespace valija::queue {

struct Spool::Work {
    SpoolOptions options;
    observe::Log log;
    store::LockFile lock;
    std::atomic<int64_t> last_id;
    std::set<Claim> leased;  // the writer thread's
    std::function<void()> wake;
    std::mutex wake_mutex;
    mutable std::mutex aside_mutex;
    std::vector<std::string> set_aside;
    std::unique_ptr<Writer> writer;

    Work(SpoolOptions o, observe::Log l, store::LockFile f, int64_t highest)
        : options(std::move(o)), log(std::move(l)), lock(std::move(f)), last_id(highest) {}

    std::string bodies() const { return options.directory + "/bodies"; }

    std::string body_path(int64_t id) const { return bodies() + "/" + id_text(id); }

    void wake_up() {
        std::function<void()> call;
        {
            std::scoped_lock const guard(wake_mutex);
            call = wake;
        }
        if (call) {
            call();
        }
    }

    void forget(const std::vector<Lease>& leases) {
        for (const Lease& lease : leases) {
            leased.erase(Claim(*id_number(lease.id), lease.domain));
        }
    }

    void copy_set_aside(const Records& records) {
        std::scoped_lock const guard(aside_mutex);
        set_aside = records.set_aside();
    }

    void set_damaged_aside(int64_t id);
    Result<void> check_space(uint64_t size) const;
    Result<std::vector<Lease>> take_leases(Records& records, Time now, size_t limit,
                                           const std::function<bool(const std::string&)>& blocked);
    Result<void> record_outcome(Records& records, int64_t id,
                                const std::vector<Settlement>& settlements,
                                const std::optional<NewMessage>& report, int64_t report_id,
                                bool* is_done);
};

namespace {

// What the writer does for one call.
template <class T>
struct Order {
    bool writes = true;
    std::function<Result<void>()> prepare = nullptr;
    std::function<Result<T>(Records&)> run;
    std::function<void()> then = nullptr;       // on the writer thread, once the result is durable
    std::function<void()> otherwise = nullptr;  // on the writer thread, after a Fault
};

// Runs on the writer; the value comes back on the caller's executor. Not cancellable: what was
// handed to the writer happens, also where the caller is gone by then.
template <class T>
Task<Result<T>> on_writer(Writer* writer, Order<T> order) {
    auto executor = co_await boost::asio::this_coro::executor;
    auto slot = std::make_shared<std::optional<Result<T>>>();
    co_await boost::asio::async_initiate<decltype(boost::asio::use_awaitable), void()>(
        [&](auto handler) {
            auto shared = std::make_shared<decltype(handler)>(std::move(handler));
            writer->submit(
                {.writes = order.writes,
                 .prepare = std::move(order.prepare),
                 .run = [slot, run = std::move(order.run)](Records& records) -> Result<void> {
                     slot->emplace(run(records));
                     return slot->value() ? Result<void>() : std::unexpected(slot->value().error());
                 },
                 .finish =
                     [slot, shared, executor, then = std::move(order.then),
                      otherwise = std::move(order.otherwise)](Result<void> result) {
                         if (!result) {
                             slot->emplace(std::unexpected(result.error()));
                         }
                         if (const auto& last = result ? then : otherwise; last) {
                             last();
                         }
                         boost::asio::post(executor, [shared]() mutable { (*shared)(); });
                     }});
        },
        boost::asio::use_awaitable);
    co_return std::move(slot->value());
}

Result<std::set<int64_t>> ids_of_files(const std::string& directory) {
    const auto files = store::list_files(directory, "");
    if (!files) {
        return std::unexpected(files.error());
    }
    std::set<int64_t> ids;
    for (const std::string& file : *files) {
        if (const auto id = id_number(file)) {
            ids.insert(*id);
        }
    }
    return ids;
}

// What a crash left: parts, and files of messages that are no more or never came to be.
Result<void> clean_bodies(const std::string& directory, const std::set<int64_t>& known) {
    const auto files = store::list_files(directory, "");
    if (!files) {
        return std::unexpected(files.error());
    }
    for (const std::string& file : *files) {
        const auto id = id_number(file);
        if (id && known.contains(*id)) {
            continue;
        }
        if (auto removed = store::remove_file(directory + "/" + file); !removed) {
            return removed;
        }
    }
    return {};
}

int64_t millis_now() { return to_millis(SystemClock().now()); }

}  // namespace

Spool::Spool(std::unique_ptr<Work> work) : work_(std::move(work)) {}

Spool::~Spool() {
    on_work(nullptr);
    work_->writer.reset();
}

Result<std::unique_ptr<Spool>> Spool::open(SpoolOptions options, observe::Log log) {
    const std::string bodies = options.directory + "/bodies";
    if (const auto made = store::make_directories(bodies); !made) {
        return std::unexpected(made.error());
    }
    auto lock = store::LockFile::take(options.directory + "/lock");
    if (!lock) {
        Fault taken = lock.error();
        taken.cause += "; a server is running in this home already, it seems";
        return std::unexpected(std::move(taken));
    }
    const auto files = ids_of_files(bodies);
    if (!files) {
        return std::unexpected(files.error());
    }
    auto records = Records::open(options.directory + "/queue.db", log, *files);
    if (!records) {
        return std::unexpected(records.error());
    }
    const auto highest = records->highest_id();
    const auto known = records->ids_in_files();
    if (!highest || !known) {
        return std::unexpected(!highest ? highest.error() : known.error());
    }
    if (const auto cleaned = clean_bodies(bodies, *known); !cleaned) {
        return std::unexpected(cleaned.error());
    }
    const size_t max_batch = std::max<size_t>(options.max_batch, 1);
    auto work =
        std::make_unique<Work>(std::move(options), std::move(log), std::move(*lock), *highest);
    work->copy_set_aside(*records);
    work->writer = std::make_unique<Writer>(std::move(*records), max_batch, bodies);
    return std::unique_ptr<Spool>(new Spool(std::move(work)));
}

void Spool::on_work(std::function<void()> wake) {
    std::scoped_lock const lock(work_->wake_mutex);
    work_->wake = std::move(wake);
}

Draft Spool::begin() {
    auto state = std::make_unique<Draft::State>();
    state->directory = work_->bodies();
    state->memory_bound = work_->options.memory_bound;
    return Draft(std::move(state));
}

// Milliseconds in the upper bits keep ids in order of arrival; the counter makes them unique.
QueueId Spool::new_id() {
    const int64_t by_time = millis_now() << 20U;
    int64_t last = work_->last_id.load();
    int64_t next = 0;
    do {
        next = std::max(last + 1, by_time);
    } while (!work_->last_id.compare_exchange_weak(last, next));
    return id_text(next);
}

Result<void> Spool::Work::check_space(uint64_t size) const {
    const auto free = free_space(options.directory);
    if (!free) {
        return std::unexpected(free.error());
    }
    if (*free < options.reserve_bytes || *free - options.reserve_bytes < size) {
        return fault(FaultKind::Full, "storing a message",
                     "less free space than queue.reserve keeps back");
    }
    return {};
}

Task<Result<void>> Spool::commit(QueueId id, Draft draft, mail::Envelope envelope,
                                 Arrival arrival) {
    const auto number = id_number(id);
    VALIJA_ENSURE(number.has_value(), "a queue id comes from new_id()");
    std::shared_ptr<Draft::State> content(std::move(draft.state_));
    Work* work = work_.get();
    auto prepare = [work, content, number]() -> Result<void> {
        if (content->failure) {
            return std::unexpected(*content->failure);
        }
        if (auto space = work->check_space(content->memory.size()); !space || !content->file) {
            return space;
        }
        auto published = content->file->publish(content->part, work->body_path(*number));
        if (published) {
            content->part = work->body_path(*number);
        }
        return published;
    };
    auto run = [content, number, envelope = std::move(envelope),
                arrival = std::move(arrival)](Records& records) {
        StoredMessage message{.id = *number,
                              .envelope = &envelope,
                              .arrival = &arrival,
                              .size = content->size,
                              .checksum = content->checksum.value(),
                              .bytes = std::nullopt};
        if (!content->file) {
            message.bytes = content->memory;
        }
        return records.insert(message, arrival.time);
    };
    auto then = [work, content] {
        content->part.clear();  // the record owns the file now
        work->wake_up();
    };
    co_return co_await on_writer<void>(
        work->writer.get(),
        {.prepare = std::move(prepare), .run = std::move(run), .then = std::move(then)});
}

Result<std::vector<Lease>> Spool::Work::take_leases(
    Records& records, Time now, size_t limit,
    const std::function<bool(const std::string&)>& blocked) {
    const auto claims = records.due(
        now, limit, [&](const Claim& claim) { return leased.contains(claim); }, blocked);
    if (!claims) {
        return std::unexpected(claims.error());
    }
    std::vector<Lease> leases;
    for (const Claim& claim : *claims) {
        auto message = records.read(claim.first, claim.second, now);
        if (!message) {
            return std::unexpected(message.error());
        }
        if (!*message || (*message)->recipients.empty()) {
            continue;
        }
        leases.push_back(
            {.id = id_text(claim.first), .domain = claim.second, .message = std::move(**message)});
    }
    for (const Lease& lease : leases) {
        leased.emplace(*id_number(lease.id), lease.domain);
    }
    copy_set_aside(records);
    return leases;
}

Task<Result<std::vector<Lease>>> Spool::lease(Time now, size_t limit,
                                              std::function<bool(const std::string&)> is_blocked) {
    Work* work = work_.get();
    auto taken = std::make_shared<std::vector<Lease>>();
    auto run = [work, now, limit, taken,
                blocked = std::move(is_blocked)](Records& records) -> Result<std::vector<Lease>> {
        work->forget(*taken);  // of a first try whose transaction failed
        auto leases = work->take_leases(records, now, limit, blocked);
        if (leases) {
            *taken = *leases;
        }
        return leases;
    };
    // Counted as a writer: a damaged record is set aside on the way.
    auto otherwise = [work, taken] { work->forget(*taken); };
    co_return co_await on_writer<std::vector<Lease>>(
        work->writer.get(), {.run = std::move(run), .otherwise = std::move(otherwise)});
}

Task<Result<std::optional<Time>>> Spool::next_due() {
    Work* work = work_.get();
    auto run = [work](Records& records) {
        return records.next_due(
            [work](const Claim& claim) { return work->leased.contains(claim); });
    };
    co_return co_await on_writer<std::optional<Time>>(work->writer.get(),
                                                      {.writes = false, .run = std::move(run)});
}

Result<void> Spool::Work::record_outcome(Records& records, int64_t id,
                                         const std::vector<Settlement>& settlements,
                                         const std::optional<NewMessage>& report, int64_t report_id,
                                         bool* is_done) {
    if (auto settled = records.settle(id, settlements); !settled) {
        return settled;
    }
    if (report) {
        Checksum checksum;
        checksum.add(report->content);
        const StoredMessage message{.id = report_id,
                                    .envelope = &report->envelope,
                                    .arrival = &report->arrival,
                                    .size = report->content.size(),
                                    .checksum = checksum.value(),
                                    .bytes = report->content};
        if (auto inserted = records.insert(message, report->arrival.time); !inserted) {
            return inserted;
        }
    }
    const auto waiting = records.has_waiting(id);
    if (!waiting) {
        return std::unexpected(waiting.error());
    }
    *is_done = !*waiting;
    return *waiting ? Result<void>() : records.remove(id);
}

Task<Result<void>> Spool::settle(Lease lease, std::vector<Settlement> settlements,
                                 std::optional<NewMessage> report) {
    Work* work = work_.get();
    const auto number = id_number(lease.id);
    VALIJA_ENSURE(number.has_value(), "a lease carries an id of ours");
    const auto report_id = id_number(new_id());
    auto done = std::make_shared<bool>(false);
    auto run = [work, number, settlements = std::move(settlements), report = std::move(report),
                report_id, done](Records& records) {
        return work->record_outcome(records, *number, settlements, report, *report_id, done.get());
    };
    auto then = [work, number, domain = lease.domain, done] {
        if (*done) {
            static_cast<void>(store::remove_file(work->body_path(*number)));
        }
        work->leased.erase(Claim(*number, domain));
        work->wake_up();
    };
    co_return co_await on_writer<void>(work->writer.get(),
                                       {.run = std::move(run), .then = std::move(then)});
}

void Spool::release(const Lease& lease) {
    Work* work = work_.get();
    const auto number = id_number(lease.id);
    if (!number) {
        return;
    }
    work->writer->submit({.writes = false,
                          .prepare = nullptr,
                          .run =
                              [work, claim = Claim(*number, lease.domain)](Records&) {
                                  work->leased.erase(claim);
                                  return Result<void>();
                              },
                          .finish = [work](Result<void>) { work->wake_up(); }});
}

// Handed to the writer before the attempt that found it is settled: it is not tried again.
void Spool::Work::set_damaged_aside(int64_t id) {
    writer->submit({.writes = true,
                    .prepare = nullptr,
                    .run =
                        [this, id](Records& records) {
                            auto done = records.put_aside(id, kDamagedContent);
                            copy_set_aside(records);
                            return done;
                        },
                    .finish = [](Result<void>) {}});
}

Task<Result<Body>> Spool::open_body(QueueId id) {
    Work* work = work_.get();
    const auto number = id_number(id);
    if (!number) {
        co_return fault(FaultKind::Input, "opening a queued message", "not a queue id");
    }
    auto place = co_await on_writer<std::optional<BodyPlace>>(
        work->writer.get(),
        {.writes = false, .run = [number](Records& records) { return records.body(*number); }});
    if (!place) {
        co_return std::unexpected(place.error());
    }
    if (!*place) {
        co_return fault(FaultKind::Input, "opening a queued message", id + " is not in the queue");
    }
    auto state = std::make_unique<Body::State>();
    state->size = (*place)->size;
    state->expected = (*place)->checksum;
    state->bytes = std::move((*place)->bytes);
    state->set_aside = [work, number] { work->set_damaged_aside(*number); };
    if (!state->bytes) {
        auto file = BodyFile::open(work->body_path(*number));
        if (!file) {
            co_return std::unexpected(file.error());
        }
        state->file.emplace(std::move(*file));
    }
    co_return Body(std::move(state));
}

Task<Result<std::vector<QueuedMessage>>> Spool::list(QueueId after, size_t limit) {
    const int64_t from = id_number(after).value_or(0);
    Work* work = work_.get();
    auto run = [work, from, limit](Records& records) -> Result<std::vector<QueuedMessage>> {
        const auto ids = records.ids_after(from, limit);
        if (!ids) {
            return std::unexpected(ids.error());
        }
        std::vector<QueuedMessage> messages;
        for (const int64_t id : *ids) {
            auto message = records.read(id, {}, std::nullopt);
            if (!message) {
                return std::unexpected(message.error());
            }
            if (*message) {
                messages.push_back(std::move(**message));
            }
        }
        work->copy_set_aside(records);
        return messages;
    };
    co_return co_await on_writer<std::vector<QueuedMessage>>(work->writer.get(),
                                                             {.run = std::move(run)});
}

Task<Result<std::optional<QueuedMessage>>> Spool::find(QueueId id) {
    const auto number = id_number(id);
    if (!number) {
        co_return std::optional<QueuedMessage>();
    }
    Work* work = work_.get();
    auto run = [work, number](Records& records) {
        auto message = records.read(*number, {}, std::nullopt);
        work->copy_set_aside(records);
        return message;
    };
    co_return co_await on_writer<std::optional<QueuedMessage>>(work->writer.get(),
                                                               {.run = std::move(run)});
}

Task<Result<Summary>> Spool::summary() {
    auto run = [](Records& records) { return records.summary(); };
    co_return co_await on_writer<Summary>(work_->writer.get(),
                                          {.writes = false, .run = std::move(run)});
}

Task<Result<uint64_t>> Spool::retry(QueueId id, Time now) {
    const auto number = id_number(id);
    if (!id.empty() && !number) {
        co_return uint64_t{0};
    }
    Work* work = work_.get();
    auto run = [number, now](Records& records) { return records.make_due(number, now); };
    auto then = [work] { work->wake_up(); };
    co_return co_await on_writer<uint64_t>(work->writer.get(),
                                           {.run = std::move(run), .then = std::move(then)});
}

std::vector<std::string> Spool::set_aside() const {
    std::scoped_lock const lock(work_->aside_mutex);
    return work_->set_aside;
}

}  // namespace valija::queue
