#include "trust/revocation/keeper.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "platform/base/snapshot.hpp"
#include "platform/base/text.hpp"
#include "platform/store/file.hpp"

namespace valija::revocation {
namespace {

constexpr size_t kMostLists = 1000;
constexpr size_t kMostIssuers = 8;
constexpr size_t kLargestWant = 1U << 20U;
constexpr size_t kLargestList = 64UL << 20U;
constexpr size_t kLongestUrl = 2048;

struct Kept {
    std::string url;
    std::vector<x509::Certificate> issuers;  // candidates
    std::shared_ptr<const CrlIndex> list;
    std::string issuer;  // subject of the one that signed
    Time next_fetch;
    int failures = 0;
    bool fetching = false;
    bool is_saved = false;  // the .want file says what is here
    std::string last_error;
};

struct Fetched {
    std::string url;
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

std::string file_stem(const std::string& url) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_Digest(url.data(), url.size(), digest, &length, EVP_sha256(), nullptr);
    return lower(hex({reinterpret_cast<const char*>(digest), length}));
}

struct Loaded {
    CrlIndex list;
    std::string issuer;
};

// The first candidate that signed it; else the first one's reason.
Result<Loaded> load_for(const std::vector<x509::Certificate>& issuers, std::string_view bytes) {
    Result<Loaded> result = fault(FaultKind::Input, "reading a revocation list", "no issuer known");
    for (const x509::Certificate& issuer : issuers) {
        auto list = CrlIndex::load(bytes, issuer);
        if (list) {
            return Loaded{.list = std::move(*list), .issuer = issuer->subject};
        }
        result = std::unexpected(list.error());
    }
    return result;
}

// What the fetcher can ask for: a scheme that it knows, and a host.
bool can_be_fetched(std::string_view url) {
    constexpr std::string_view schemes[] = {"http://", "https://", "ldap://", "ldaps://"};
    return url.size() <= kLongestUrl && std::ranges::any_of(schemes, [url](auto scheme) {
               return starts_with_ignoring_case(url, scheme) && url.size() > scheme.size() &&
                      url[scheme.size()] != '/';
           });
}

}  // namespace

struct Keeper::Work {
    Work(KeeperOptions o, Fetch f, const Clock& c, observe::Log l)
        : options(std::move(o)), fetch(std::move(f)), clock(c), log(std::move(l)) {}

    KeeperOptions options;
    Fetch fetch;
    const Clock& clock;
    observe::Log log;
    std::shared_ptr<Mailbox> mailbox = std::make_shared<Mailbox>();
    std::map<std::string, Kept> kept;  // under mailbox->mutex
    Snapshot<Book> book{std::make_shared<const Book>()};
    std::thread thread;

    void restore();
    void restore_one(const std::string& stem);
    void run();
    std::vector<std::string> take_due(Time now);
    std::vector<Kept> take_unsaved();
    Duration until_next(Time now) const;
    void start_fetch(const std::string& url);
    void take_in(Fetched fetched);
    void succeed(const std::string& url, const std::string& bytes, Loaded loaded);
    void fail(const std::string& url, const Fault& why);
    Duration next_wait(Kept& entry) const;
    void publish();
    void save_want(const Kept& entry) const;
    std::string path(const std::string& url, const char* suffix) const;
};

std::string Keeper::Work::path(const std::string& url, const char* suffix) const {
    return options.directory + "/" + file_stem(url) + suffix;
}

void Keeper::Work::save_want(const Kept& entry) const {
    std::string text = entry.url + "\n";
    for (const x509::Certificate& issuer : entry.issuers) {
        text += issuer.pem();
    }
    if (const auto written = store::write_file(path(entry.url, ".want"), text); !written) {
        log.emit(observe::Event::CrlFailed, {{"url", entry.url}, {"text", written.error().text()}});
    }
}

// Files of ours are as hostile as the network: what does not fit is reported and forgotten.
void Keeper::Work::restore() {
    const auto files = store::list_files(options.directory, ".want");
    for (size_t i = 0; files && i < files->size() && kept.size() < kMostLists; ++i) {
        const std::string& file = files->at(i);
        restore_one(file.substr(0, file.size() - std::string_view(".want").size()));
    }
    publish();
}

void Keeper::Work::restore_one(const std::string& stem) {
    const std::string base = options.directory + "/" + stem;
    const auto want = store::read_file(base + ".want", kLargestWant);
    const size_t line = want ? want->find('\n') : std::string::npos;
    const auto issuers = line == std::string::npos
                             ? Result<std::vector<x509::Certificate>>(
                                   fault(FaultKind::Input, "reading " + base + ".want"))
                             : x509::Certificate::from_pem(std::string_view(*want).substr(line));
    const std::string url = line == std::string::npos ? std::string() : want->substr(0, line);
    if (!issuers || issuers->size() > kMostIssuers || file_stem(url) != stem) {
        log.emit(observe::Event::CrlFailed,
                 {{"text", "damaged file forgotten: " + base + ".want"}});
        static_cast<void>(store::remove_file(base + ".want"));
        static_cast<void>(store::remove_file(base + ".crl"));
        return;
    }
    Kept entry{.url = url,
               .issuers = *issuers,
               .list = nullptr,
               .issuer = {},
               .next_fetch = clock.now(),
               .is_saved = true,
               .last_error = {}};
    if (const auto bytes = store::read_file(base + ".crl", kLargestList)) {
        if (auto loaded = load_for(entry.issuers, *bytes)) {
            entry.list = std::make_shared<const CrlIndex>(std::move(loaded->list));
            entry.issuer = loaded->issuer;
        }
    }
    kept.emplace(url, std::move(entry));
}

void Keeper::Work::publish() {
    std::map<std::string, std::shared_ptr<const CrlIndex>> by_url;
    for (const auto& [url, entry] : kept) {
        if (entry.list) {
            by_url.emplace(url, entry.list);
        }
    }
    book.set(std::make_shared<const Book>(std::move(by_url)));
}

std::vector<std::string> Keeper::Work::take_due(Time now) {
    std::vector<std::string> due;
    for (auto& [url, entry] : kept) {
        if (!entry.fetching && entry.next_fetch <= now) {
            entry.fetching = true;
            due.push_back(url);
        }
    }
    return due;
}

std::vector<Kept> Keeper::Work::take_unsaved() {
    std::vector<Kept> unsaved;
    for (auto& [url, entry] : kept) {
        if (!std::exchange(entry.is_saved, true)) {
            unsaved.push_back(entry);
        }
    }
    return unsaved;
}

Duration Keeper::Work::until_next(Time now) const {
    Duration wait = std::chrono::hours(1);
    for (const auto& [url, entry] : kept) {
        if (!entry.fetching) {
            wait = std::min(wait, std::max(entry.next_fetch - now, Duration(10)));
        }
    }
    return wait;
}

void Keeper::Work::start_fetch(const std::string& url) {
    fetch(url, [box = mailbox, url](Result<std::string> bytes) {
        std::scoped_lock const lock(box->mutex);
        if (!box->stopping) {
            box->arrived.push_back({url, std::move(bytes)});
            box->changed.notify_all();
        }
    });
}

void Keeper::Work::run() {
    std::unique_lock lock(mailbox->mutex);
    while (!mailbox->stopping) {
        std::deque<Fetched> arrived = std::exchange(mailbox->arrived, {});
        const std::vector<std::string> due = take_due(clock.now());
        const std::vector<Kept> unsaved = take_unsaved();
        mailbox->changed_wants = false;
        if (arrived.empty() && due.empty() && unsaved.empty()) {
            mailbox->changed.wait_for(lock, until_next(clock.now()), [this] {
                return mailbox->stopping || mailbox->changed_wants || !mailbox->arrived.empty();
            });
            continue;
        }
        lock.unlock();
        for (const Kept& entry : unsaved) {
            save_want(entry);
        }
        for (const std::string& url : due) {
            start_fetch(url);
        }
        for (Fetched& fetched : arrived) {
            take_in(std::move(fetched));
        }
        lock.lock();
    }
}

// Parsing and checking happen here, without the lock: a big list takes a while.
void Keeper::Work::take_in(Fetched fetched) {
    std::vector<x509::Certificate> issuers;
    std::shared_ptr<const CrlIndex> current;
    {
        std::scoped_lock const lock(mailbox->mutex);
        const auto found = kept.find(fetched.url);
        if (found == kept.end()) {
            return;
        }
        issuers = found->second.issuers;
        current = found->second.list;
    }
    if (!fetched.bytes) {
        fail(fetched.url, fetched.bytes.error());
        return;
    }
    auto loaded = load_for(issuers, *fetched.bytes);
    if (loaded && current && loaded->list.this_update() < current->this_update()) {
        loaded = fault(FaultKind::Input, "reading a revocation list",
                       "it is older than the one in force");
    }
    if (loaded) {
        succeed(fetched.url, *fetched.bytes, std::move(*loaded));
    } else {
        fail(fetched.url, loaded.error());
    }
}

void Keeper::Work::succeed(const std::string& url, const std::string& bytes, Loaded loaded) {
    const auto saved = store::write_file(path(url, ".crl"), bytes);
    const Time now = clock.now();
    const auto list = std::make_shared<const CrlIndex>(std::move(loaded.list));
    std::scoped_lock const lock(mailbox->mutex);
    Kept& entry = kept.at(url);
    entry.list = list;
    entry.issuer = loaded.issuer;
    entry.fetching = false;
    entry.last_error = saved ? std::string() : saved.error().text();
    if (list->next_update() > now) {
        entry.failures = 0;
        const Duration life = (list->next_update() - now) * 3 / 4;
        entry.next_fetch = now + std::max(std::min(life, options.longest), options.shortest);
    } else {
        entry.next_fetch = now + next_wait(entry);  // its CA is late: no reason to storm it
    }
    publish();
    log.emit(observe::Event::CrlFetched, {{"url", url},
                                          {"entries", std::to_string(list->size())},
                                          {"next_update", iso_time(list->next_update())}});
}

// Doubles with each failure.
Duration Keeper::Work::next_wait(Kept& entry) const {
    const int doublings = std::min(entry.failures++, 20);
    return std::min<Duration>(options.shortest * (1LL << doublings), options.longest);
}

void Keeper::Work::fail(const std::string& url, const Fault& why) {
    std::scoped_lock const lock(mailbox->mutex);
    Kept& entry = kept.at(url);
    entry.fetching = false;
    entry.last_error = why.text();
    entry.next_fetch = clock.now() + next_wait(entry);
    log.emit(observe::Event::CrlFailed,
             {{"url", url}, {"text", why.text()}, {"next", iso_time(entry.next_fetch)}});
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

Keeper::Keeper(std::unique_ptr<Work> work) : work_(std::move(work)) {}

Keeper::~Keeper() {
    {
        std::scoped_lock const lock(work_->mailbox->mutex);
        work_->mailbox->stopping = true;
        work_->mailbox->changed.notify_all();
    }
    work_->thread.join();
}

void Keeper::want(const std::string& url, const x509::Certificate& issuer) {
    if (!can_be_fetched(url)) {
        return;
    }
    std::scoped_lock const lock(work_->mailbox->mutex);
    auto& kept = work_->kept;
    const auto found = kept.find(url);
    if (found == kept.end() && kept.size() >= kMostLists) {
        return;
    }
    Kept& entry = kept[url];
    if (std::ranges::find(entry.issuers, issuer) != entry.issuers.end() ||
        entry.issuers.size() >= kMostIssuers) {
        return;
    }
    entry.url = url;
    entry.issuers.push_back(issuer);
    entry.next_fetch = work_->clock.now();
    entry.is_saved = false;
    work_->mailbox->changed_wants = true;
    work_->mailbox->changed.notify_all();
}

void Keeper::refresh(const std::string& url) {
    std::scoped_lock const lock(work_->mailbox->mutex);
    const auto found = work_->kept.find(url);
    if (found != work_->kept.end()) {
        found->second.next_fetch = work_->clock.now();
        work_->mailbox->changed_wants = true;
        work_->mailbox->changed.notify_all();
    }
}

std::shared_ptr<const Book> Keeper::book() const { return work_->book.get(); }

std::vector<ListState> Keeper::lists() const {
    std::scoped_lock const lock(work_->mailbox->mutex);
    std::vector<ListState> states;
    for (const auto& [url, entry] : work_->kept) {
        ListState state{.url = url,
                        .issuer = entry.issuer,
                        .loaded = entry.list != nullptr,
                        .last_error = entry.last_error};
        if (entry.issuer.empty() && !entry.issuers.empty()) {
            state.issuer = entry.issuers.front()->subject;
        }
        if (entry.list) {
            state.entries = entry.list->size();
            state.this_update = entry.list->this_update();
            state.next_update = entry.list->next_update();
        }
        states.push_back(std::move(state));
    }
    return states;
}

}  // namespace valija::revocation
