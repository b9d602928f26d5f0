#include "trust/revocation/keeper.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <thread>

#include "platform/base/snapshot.hpp"
#include "platform/base/text.hpp"
#include "platform/store/file.hpp"
#include "trust/revocation/internal/shelf.hpp"

namespace valija::revocation {
namespace {

using internal::Kept;

constexpr size_t kLargestWant = 1U << 20U;
constexpr size_t kLargestList = 64UL << 20U;
constexpr int kJitterPercent = 10;
constexpr Duration kSaveAgain = std::chrono::seconds(5);

struct Fetched {
    std::string key;
    Result<std::string> bytes;
};

// Where answers of Fetch arrive; outlives the keeper, because a fetch may.
struct Mailbox {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Fetched> arrived;
    bool stopping = false;
    bool changed_wants = false;
};

// The same new bytes for the world: newer than what is in force, and not from the future.
Result<void> check_newness(const Kept& current, const Kept& loaded, Time now) {
    const auto refused = [](const char* why) {
        return fault(FaultKind::Input, "reading a revocation list", why);
    };
    if (current.is_loaded() && loaded.this_update() < current.this_update()) {
        return refused("it is older than the one in force");
    }
    if (loaded.this_update() > now) {
        return refused("it is dated in the future; check the clocks");
    }
    return {};
}

std::string stem_of(const std::string& file) {
    return file.substr(0, file.size() - std::string_view(".want").size());
}

// `unused`: why the copy on disk is not used, where there is one that cannot be.
Result<Kept> read_kept(const std::string& base, Time now, std::string& unused) {
    const auto text = store::read_file(base + ".want", kLargestWant);
    auto entry = text ? internal::read_want(*text) : std::unexpected(text.error());
    if (!entry || !base.ends_with("/" + entry->stem())) {
        return fault(FaultKind::Input, "reading " + base + ".want", "it is damaged");
    }
    if (const auto bytes = store::read_file(base + ".crl", kLargestList)) {
        if (const auto loaded = entry->load(*bytes, now); !loaded) {
            unused = loaded.error().text();
        }
    }
    return entry;
}

}  // namespace

struct Keeper::Work {
    Work(KeeperOptions o, Fetch f, const Clock& c, observe::Log l)
        : options(std::move(o)), fetch(std::move(f)), clock(c), log(std::move(l)), shelf(log) {}

    KeeperOptions options;
    Fetch fetch;
    const Clock& clock;
    observe::Log log;
    std::shared_ptr<Mailbox> mailbox = std::make_shared<Mailbox>();
    internal::Shelf shelf;  // under mailbox->mutex
    Snapshot<Book> book{std::make_shared<const Book>()};
    std::minstd_rand random{std::random_device{}()};  // keeper's thread only
    std::thread thread;

    void restore();
    void restore_one(const std::string& stem);
    void forget_files(const std::string& stem) const;
    void run();
    void start_fetch(const Kept& entry);
    void take_in(Fetched fetched);
    void succeed(Kept loaded, const std::string& bytes);
    void fail(const std::string& key, const Fault& why);
    void want(const Kept& wanted);
    void want_locked(const Kept& wanted);
    Duration next_wait(Kept& entry) const;
    Duration a_little_earlier(Duration wait);
    void publish();
    void save_want(const Kept& entry);
    std::string path(const std::string& stem, const char* suffix) const;
};

std::string Keeper::Work::path(const std::string& stem, const char* suffix) const {
    return options.directory + "/" + stem + suffix;
}

// Without it the list on disk is nobody's after a restart: it is tried again.
void Keeper::Work::save_want(const Kept& entry) {
    const auto written = store::write_file(path(entry.stem(), ".want"), want_text(entry));
    if (written) {
        return;
    }
    log.emit(observe::Event::CrlFailed, {{"url", entry.url}, {"text", written.error().text()}});
    std::scoped_lock const lock(mailbox->mutex);
    const auto found = shelf.kept.find(entry.key());
    if (found != shelf.kept.end()) {
        found->second.is_saved = false;
        found->second.next_save = clock.now() + std::max(options.shortest, kSaveAgain);
    }
}

void Keeper::Work::forget_files(const std::string& stem) const {
    static_cast<void>(store::remove_file(path(stem, ".want")));
    static_cast<void>(store::remove_file(path(stem, ".crl")));
}

// Files of ours are as hostile as the network: what does not fit is reported and forgotten.
void Keeper::Work::restore() {
    const auto files = store::list_files(options.directory, ".want");
    for (size_t i = 0; files && i < files->size(); ++i) {
        restore_one(stem_of(files->at(i)));
    }
    shelf.forget_expired(clock.now());
    for (const std::string& stem : shelf.take_forgotten()) {
        forget_files(stem);
    }
    publish();
}

void Keeper::Work::restore_one(const std::string& stem) {
    std::string unused;
    auto entry = read_kept(path(stem, ""), clock.now(), unused);
    if (!entry) {
        log.emit(observe::Event::CrlFailed,
                 {{"text", "damaged file forgotten: " + path(stem, ".want")}});
        forget_files(stem);
        return;
    }
    entry->next_fetch = clock.now();
    entry->is_saved = true;
    entry->failures = entry->is_loaded() ? 0 : 1;  // it had its time
    if (!unused.empty()) {
        log.emit(observe::Event::CrlFailed,
                 {{"url", entry->url}, {"text", "the copy on disk is not used: " + unused}});
    }
    if (shelf.make_room(*entry)) {
        shelf.kept.emplace(entry->key(), std::move(*entry));
    } else {
        forget_files(stem);
    }
}

void Keeper::Work::publish() {
    book.set(std::make_shared<const Book>(internal::book_of(shelf.kept)));
}

void Keeper::Work::start_fetch(const Kept& entry) {
    FetchRequest request{.url = entry.url};
    if (entry.certificate) {
        request.body = ocsp_request(*entry.certificate, entry.issuers.front());
    }
    fetch(std::move(request), [box = mailbox, key = entry.key()](Result<std::string> bytes) {
        std::scoped_lock const lock(box->mutex);
        if (!box->stopping) {
            box->arrived.push_back({key, std::move(bytes)});
            box->changed.notify_all();
        }
    });
}

void Keeper::Work::run() {
    std::unique_lock lock(mailbox->mutex);
    while (!mailbox->stopping) {
        std::deque<Fetched> arrived = std::exchange(mailbox->arrived, {});
        shelf.forget_expired(clock.now());
        const std::vector<Kept> due = shelf.take_due(clock.now());
        const std::vector<Kept> unsaved = shelf.take_unsaved(clock.now());
        const std::vector<std::string> gone = shelf.take_forgotten();
        if (!gone.empty()) {
            publish();
        }
        mailbox->changed_wants = false;
        if (arrived.empty() && due.empty() && unsaved.empty() && gone.empty()) {
            mailbox->changed.wait_for(lock, shelf.until_next(clock.now()), [this] {
                return mailbox->stopping || mailbox->changed_wants || !mailbox->arrived.empty();
            });
            continue;
        }
        lock.unlock();
        std::ranges::for_each(gone, [this](const std::string& stem) { forget_files(stem); });
        for (const Kept& entry : unsaved) {  // after that: it may be wanted again
            save_want(entry);
        }
        for (const Kept& entry : due) {
            start_fetch(entry);
        }
        for (Fetched& fetched : arrived) {
            take_in(std::move(fetched));
        }
        lock.lock();
    }
    std::ranges::for_each(shelf.take_forgotten(),
                          [this](const std::string& stem) { forget_files(stem); });
}

// Parsing and checking happen here, without the lock: a big list takes a while.
void Keeper::Work::take_in(Fetched fetched) {
    Kept current;
    {
        std::scoped_lock const lock(mailbox->mutex);
        const auto found = shelf.kept.find(fetched.key);
        if (found == shelf.kept.end()) {
            return;
        }
        current = found->second;
    }
    if (!fetched.bytes) {
        fail(fetched.key, fetched.bytes.error());
        return;
    }
    Kept loaded = current;
    auto checked = loaded.load(*fetched.bytes, clock.now());
    if (checked) {
        checked = check_newness(current, loaded, clock.now());
    }
    if (checked) {
        succeed(std::move(loaded), *fetched.bytes);
    } else {
        fail(fetched.key, checked.error());
    }
}

void Keeper::Work::succeed(Kept loaded, const std::string& bytes) {
    const auto saved = store::write_file(path(loaded.stem(), ".crl"), bytes);
    const Time now = clock.now();
    {
        std::scoped_lock const lock(mailbox->mutex);
        const auto found = shelf.kept.find(loaded.key());
        if (found == shelf.kept.end()) {
            shelf.forget_files_of(loaded);  // given up meanwhile
            return;
        }
        Kept& entry = found->second;
        entry.list = loaded.list;
        entry.answer = loaded.answer;
        entry.issuer = loaded.issuer;
        entry.fetching = false;
        entry.last_error = saved ? std::string() : saved.error().text();
        entry.lack = Lack::None;
        if (loaded.next_update() > now) {
            entry.failures = 0;
            const Duration life = (loaded.next_update() - now) * 3 / 4;
            entry.next_fetch =
                now + std::max(a_little_earlier(std::min(life, options.longest)), options.shortest);
        } else {
            entry.next_fetch = now + next_wait(entry);  // its CA is late: no reason to storm it
        }
        publish();
    }
    log.emit(observe::Event::CrlFetched,
             {{"url", loaded.url},
              {"entries", std::to_string(loaded.list ? loaded.list->size() : 1)},
              {"next_update", iso_time(loaded.next_update())}});
    for (size_t i = 0; loaded.list && i < loaded.list->facts().freshest_urls.size(); ++i) {
        want({.url = loaded.list->facts().freshest_urls[i], .issuers = loaded.issuers});
    }
}

Duration Keeper::Work::a_little_earlier(Duration wait) {
    std::uniform_int_distribution<int> percent(0, kJitterPercent);
    return wait - wait * percent(random) / 100;
}

// Doubles with each failure.
Duration Keeper::Work::next_wait(Kept& entry) const {
    const int doublings = std::min(entry.failures++, 20);
    return std::min<Duration>(options.shortest * (1LL << doublings), options.longest);
}

void Keeper::Work::fail(const std::string& key, const Fault& why) {
    std::scoped_lock const lock(mailbox->mutex);
    const auto found = shelf.kept.find(key);
    if (found == shelf.kept.end()) {
        return;
    }
    Kept& entry = found->second;
    entry.fetching = false;
    entry.last_error = why.text();
    entry.lack = why.kind == FaultKind::Input ? Lack::Unusable : Lack::Unreachable;
    entry.next_fetch = clock.now() + next_wait(entry);
    publish();
    log.emit(observe::Event::CrlFailed,
             {{"url", entry.url}, {"text", why.text()}, {"next", iso_time(entry.next_fetch)}});
}

void Keeper::Work::want(const Kept& wanted) {
    std::scoped_lock const lock(mailbox->mutex);
    want_locked(wanted);
}

void Keeper::Work::want_locked(const Kept& wanted) {
    if (!internal::can_be_fetched(wanted.url)) {
        return;
    }
    const std::string key = wanted.key();
    const auto found = shelf.kept.find(key);
    if (found == shelf.kept.end() && !shelf.make_room(wanted)) {
        return;
    }
    Kept& entry = shelf.kept[key];
    entry.is_named = entry.is_named || wanted.is_named;
    bool is_new = false;
    for (const x509::Certificate& issuer : wanted.issuers) {
        if (std::ranges::find(entry.issuers, issuer) == entry.issuers.end() &&
            entry.issuers.size() < internal::kMostIssuers) {
            entry.issuers.push_back(issuer);
            is_new = true;
        }
    }
    if (!is_new) {
        return;
    }
    entry.url = wanted.url;
    entry.certificate = wanted.certificate;
    entry.next_fetch = clock.now();
    entry.is_saved = false;
    mailbox->changed_wants = true;
    mailbox->changed.notify_all();
}

Result<std::unique_ptr<Keeper>> Keeper::start(KeeperOptions options, Fetch fetch,
                                              const Clock& clock, observe::Log log) {
    if (const auto made = store::make_directories(options.directory); !made) {
        return std::unexpected(made.error());
    }
    auto work = std::make_unique<Work>(std::move(options), std::move(fetch), clock, std::move(log));
    work->restore();
    work->thread = std::thread([raw = work.get()] { raw->run(); });
    return std::unique_ptr<Keeper>(new Keeper(std::move(work)));
}

std::optional<Book> Keeper::read(const std::string& directory, Time now) {
    const auto files = store::list_files(directory, ".want");
    if (!files || files->empty()) {
        return std::nullopt;
    }
    std::map<std::string, Kept> kept;
    for (size_t i = 0; i < std::min(files->size(), internal::kMostKept); ++i) {
        std::string unused;
        if (auto entry = read_kept(directory + "/" + stem_of(files->at(i)), now, unused)) {
            kept.emplace(entry->key(), std::move(*entry));
        }
    }
    return internal::book_of(kept);
}

Keeper::Keeper(std::unique_ptr<Work> work) : work_(std::move(work)) {}

Keeper::~Keeper() {
    {
        std::scoped_lock const lock(work_->mailbox->mutex);
        work_->mailbox->stopping = true;
        work_->mailbox->changed.notify_all();
    }
    work_->thread.join();
}

void Keeper::name(const std::vector<Named>& all) {
    std::scoped_lock const lock(work_->mailbox->mutex);
    for (auto& [key, entry] : work_->shelf.kept) {
        entry.is_named = false;
    }
    for (const Named& one : all) {
        if (!one.about || starts_with_ignoring_case(one.url, "http")) {
            work_->want_locked({.url = one.url,
                                .certificate = one.about,
                                .issuers = {one.issuer},
                                .is_named = true});
        }
    }
    work_->shelf.forget_unnamed();
    work_->mailbox->changed_wants = true;  // what is forgotten leaves its files
    work_->mailbox->changed.notify_all();
}

void Keeper::want(const std::string& url, const x509::Certificate& issuer) {
    work_->want({.url = url, .issuers = {issuer}});
}

void Keeper::want_answer(const std::string& url, const x509::Certificate& certificate,
                         const x509::Certificate& issuer) {
    if (starts_with_ignoring_case(url, "http")) {
        work_->want({.url = url, .certificate = certificate, .issuers = {issuer}});
    }
}

void Keeper::refresh(const std::string& url) {
    std::scoped_lock const lock(work_->mailbox->mutex);
    for (auto& [key, entry] : work_->shelf.kept) {
        if (entry.url == url) {
            entry.next_fetch = work_->clock.now();
            work_->mailbox->changed_wants = true;
            work_->mailbox->changed.notify_all();
        }
    }
}

std::shared_ptr<const Book> Keeper::book() const { return work_->book.get(); }

std::vector<ListState> Keeper::lists() const {
    std::scoped_lock const lock(work_->mailbox->mutex);
    std::vector<ListState> states;
    for (const auto& [key, entry] : work_->shelf.kept) {
        ListState state{.url = entry.url,
                        .about = entry.certificate ? (*entry.certificate)->subject : std::string(),
                        .issuer = entry.issuer,
                        .loaded = entry.is_loaded(),
                        .is_delta = entry.list && entry.list->is_delta(),
                        .entries = entry.list ? entry.list->size() : 0,
                        .this_update = entry.this_update(),
                        .next_update = entry.next_update(),
                        .next_fetch = entry.next_fetch,
                        .last_error = entry.last_error};
        if (entry.issuer.empty() && !entry.issuers.empty()) {
            state.issuer = entry.issuers.front()->subject;
        }
        states.push_back(std::move(state));
    }
    return states;
}

}  // namespace valija::revocation
