#include "platform/net/fetcher.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "platform/base/text.hpp"
#include "platform/net/ldap_value.hpp"
#include "platform/net/loops.hpp"

namespace valija::net {
namespace {

constexpr size_t size_limit = 64UL << 20U;
constexpr size_t ldap_limit = size_limit / 3 * 4 + (1UL << 20U);  // base64, and what is around it
constexpr long total_millis = 30'000;
constexpr long connect_millis = 10'000;
constexpr int redirect_limit = 3;
constexpr size_t parallel_limit = 32;
constexpr int poll_millis = 1000;

using Done = std::function<void(Result<std::string>)>;

struct Job {
    std::string url;
    std::string body;
    Done done;
    int redirects = 0;
};

struct HeadersFreer {
    void operator()(curl_slist* headers) const { curl_slist_free_all(headers); }
};

struct Transfer {
    Transfer(Job given, CURL* made) : job(std::move(given)), handle(made) {}

    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    ~Transfer() { curl_easy_cleanup(handle); }

    Job job;
    CURL* handle;
    std::string proxy;  // empty: direct
    std::unique_ptr<curl_slist, HeadersFreer> headers;
    std::string bytes;
    size_t limit = size_limit;
    bool too_large = false;
    std::array<char, CURL_ERROR_SIZE> error{};
};

// Called by libcurl, a C library: nothing may be thrown through it.
size_t take_bytes(char* data, size_t one, size_t count, void* user) noexcept {
    auto& transfer = *static_cast<Transfer*>(user);
    if (one * count > transfer.limit - transfer.bytes.size()) {
        transfer.too_large = true;
        return 0;
    }
    try {
        transfer.bytes.append(data, one * count);
    } catch (const std::bad_alloc&) {
        return 0;
    }
    return one * count;
}

bool set_options(Transfer& transfer) {
    auto* const handle = transfer.handle;
    bool good = true;
    auto const set = [&](CURLoption option, auto value) {
        good = good && curl_easy_setopt(handle, option, value) == CURLE_OK;
    };
    set(CURLOPT_URL, transfer.job.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https,ldap,ldaps");
    set(CURLOPT_FOLLOWLOCATION, 0L);  // we follow, as each address may need the proxy or not
    set(CURLOPT_PROXY, transfer.proxy.c_str());
    set(CURLOPT_NOPROXY, "");
    set(CURLOPT_TIMEOUT_MS, total_millis);
    set(CURLOPT_CONNECTTIMEOUT_MS, connect_millis);
    set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(size_limit));
    set(CURLOPT_FAILONERROR, 1L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // stopping does not wait for a name server
    set(CURLOPT_USERAGENT, "valija");
    set(CURLOPT_WRITEFUNCTION, &take_bytes);
    set(CURLOPT_WRITEDATA, &transfer);
    set(CURLOPT_ERRORBUFFER, transfer.error.data());
    if (!transfer.job.body.empty()) {
        transfer.headers.reset(
            curl_slist_append(nullptr, "Content-Type: application/ocsp-request"));
        set(CURLOPT_POSTFIELDS, transfer.job.body.data());
        set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(transfer.job.body.size()));
        set(CURLOPT_HTTPHEADER, transfer.headers.get());
    }
    return good;
}

FaultKind kind_of(CURLcode code) {
    switch (code) {
        case CURLE_OPERATION_TIMEDOUT:
            return FaultKind::Timeout;
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_URL_MALFORMAT:
        case CURLE_FILESIZE_EXCEEDED:
            return FaultKind::Input;
        case CURLE_OUT_OF_MEMORY:
        case CURLE_FAILED_INIT:
            return FaultKind::System;
        default:
            return FaultKind::Network;
    }
}

std::string doing_of(const Transfer& transfer) {
    const std::string way =
        transfer.proxy.empty() ? std::string() : " through the proxy " + transfer.proxy;
    return "fetching " + transfer.job.url + way;
}

// Where the server sends us on to; empty: nowhere.
std::string redirection(CURL* handle, CURLcode code) {
    const char* url = nullptr;
    curl_easy_getinfo(handle, CURLINFO_REDIRECT_URL, &url);
    return code == CURLE_OK && url != nullptr ? std::string(url) : std::string();
}

bool is_http(std::string_view url) {
    return starts_with_ignoring_case(url, "http://") || starts_with_ignoring_case(url, "https://");
}

// 4xx: the server is there and has no such page, unless a proxy says so; else it may recover, as it
// may from 408 (too slow) and 429 (asked too often).
Result<std::string> answered(const Transfer& transfer, std::string doing) {
    long status = 0;
    curl_easy_getinfo(transfer.handle, CURLINFO_RESPONSE_CODE, &status);
    const bool is_final = status < 500 && status != 408 && status != 429 && transfer.proxy.empty();
    return fault(is_final ? FaultKind::Input : FaultKind::Network, std::move(doing),
                 fmt::format("HTTP status {}", status));
}

Result<std::string> outcome(Transfer& transfer, CURLcode code) {
    auto doing = doing_of(transfer);
    if (transfer.too_large || code == CURLE_FILESIZE_EXCEEDED) {
        return fault(FaultKind::Input, std::move(doing), "larger than 64 MiB");
    }
    if (code == CURLE_HTTP_RETURNED_ERROR) return answered(transfer, std::move(doing));
    if (code != CURLE_OK) {
        auto const* const words =
            transfer.error.front() != 0 ? transfer.error.data() : curl_easy_strerror(code);
        return fault(kind_of(code), std::move(doing), words);
    }
    long status = 0;
    const char* scheme = nullptr;
    curl_easy_getinfo(transfer.handle, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer.handle, CURLINFO_SCHEME, &scheme);
    bool const ldap = scheme != nullptr && starts_with_ignoring_case(scheme, "ldap");
    if (ldap) {
        auto value = ldap_value(transfer.bytes);
        if (value && value->size() > size_limit) {
            return fault(FaultKind::Input, std::move(doing), "larger than 64 MiB");
        }
        return value;
    }
    if (status != 200) {
        return fault(FaultKind::Network, std::move(doing), fmt::format("HTTP status {}", status));
    }
    return std::move(transfer.bytes);
}

}  // namespace

struct Fetcher::Work {
    Work();
    ~Work();
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

    void run();
    bool start_waiting();  // false: stop was asked for
    void start(Job job);
    void finish(Transfer& transfer, CURLcode code);
    void finish_done();
    void stop_all();

    CURLM* multi = nullptr;
    std::map<CURL*, std::unique_ptr<Transfer>> running;  // own thread only

    std::mutex mutex;
    std::deque<Job> waiting;
    Proxy proxy;
    bool stopping = false;

    std::thread thread;
};

Fetcher::Work::Work() {
    static auto const global = curl_global_init(CURL_GLOBAL_DEFAULT);
    VALIJA_ENSURE(global == CURLE_OK, "libcurl starts");
    ignore_broken_pipes();
    multi = curl_multi_init();
    VALIJA_ENSURE(multi != nullptr, "libcurl gives a handle");
    thread = std::thread([this] { run(); });
}

Fetcher::Work::~Work() {
    {
        std::scoped_lock const lock(mutex);
        stopping = true;
    }
    curl_multi_wakeup(multi);
    thread.join();
    curl_multi_cleanup(multi);
}

void Fetcher::Work::run() {
    while (start_waiting()) {
        int still = 0;
        curl_multi_perform(multi, &still);
        finish_done();
        bool idle = false;
        {
            std::scoped_lock const lock(mutex);
            idle = !stopping && (waiting.empty() || running.size() >= parallel_limit);
        }
        if (idle) curl_multi_poll(multi, nullptr, 0, poll_millis, nullptr);
    }
    stop_all();
}

bool Fetcher::Work::start_waiting() {
    while (running.size() < parallel_limit) {
        Job job;
        {
            std::scoped_lock const lock(mutex);
            if (stopping) return false;
            if (waiting.empty()) return true;
            job = std::move(waiting.front());
            waiting.pop_front();
        }
        start(std::move(job));
    }
    std::scoped_lock const lock(mutex);
    return !stopping;
}

void Fetcher::Work::start(Job job) {
    auto transfer = std::make_unique<Transfer>(std::move(job), curl_easy_init());
    if (starts_with_ignoring_case(transfer->job.url, "ldap")) transfer->limit = ldap_limit;
    {
        std::scoped_lock const lock(mutex);
        transfer->proxy = proxy_for(proxy, transfer->job.url);
    }
    bool const good = transfer->handle != nullptr && set_options(*transfer) &&
                      curl_multi_add_handle(multi, transfer->handle) == CURLM_OK;
    if (good) {
        auto* const handle = transfer->handle;
        running.emplace(handle, std::move(transfer));
        return;
    }
    transfer->job.done(
        fault(FaultKind::System, "fetching " + transfer->job.url, "libcurl refused"));
}

void Fetcher::Work::finish_done() {
    int left = 0;
    while (auto const* const message = curl_multi_info_read(multi, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        auto const code = message->data.result;  // the message is gone once the handle is removed
        auto node = running.extract(message->easy_handle);
        VALIJA_ENSURE(!node.empty(), "each transfer is known and finished once");
        auto& transfer = *node.mapped();
        curl_multi_remove_handle(multi, transfer.handle);
        finish(transfer, code);
    }
}

void Fetcher::Work::finish(Transfer& transfer, CURLcode code) {
    std::string next = redirection(transfer.handle, code);
    if (next.empty()) {
        transfer.job.done(outcome(transfer, code));
        return;
    }
    if (!is_http(next)) {
        transfer.job.done(fault(FaultKind::Input, doing_of(transfer),
                                "redirected to an address that is neither http nor https"));
        return;
    }
    if (transfer.job.redirects == redirect_limit) {
        transfer.job.done(fault(FaultKind::Network, doing_of(transfer), "redirected too often"));
        return;
    }
    Job job = std::move(transfer.job);
    job.url = std::move(next);
    ++job.redirects;
    std::scoped_lock const lock(mutex);
    waiting.push_back(std::move(job));
}

void Fetcher::Work::stop_all() {
    auto const stopped = [](Job& job) {
        job.done(fault(FaultKind::Stopped, "fetching " + job.url, "stopped"));
    };
    while (!running.empty()) {
        auto node = running.extract(running.begin());
        curl_multi_remove_handle(multi, node.key());
        stopped(node.mapped()->job);
    }
    while (true) {
        Job job;
        {
            std::scoped_lock const lock(mutex);
            if (waiting.empty()) return;
            job = std::move(waiting.front());
            waiting.pop_front();
        }
        stopped(job);
    }
}

Fetcher::Fetcher(Proxy proxy) : work_(std::make_unique<Work>()) { set_proxy(std::move(proxy)); }

Fetcher::~Fetcher() = default;

void Fetcher::fetch(std::string url, std::function<void(Result<std::string>)> done) {
    fetch(std::move(url), {}, std::move(done));
}

void Fetcher::fetch(std::string url, std::string body,
                    std::function<void(Result<std::string>)> done) {
    {
        std::scoped_lock const lock(work_->mutex);
        work_->waiting.push_back(
            {.url = std::move(url), .body = std::move(body), .done = std::move(done)});
    }
    curl_multi_wakeup(work_->multi);
}

void Fetcher::set_proxy(Proxy proxy) {
    std::scoped_lock const lock(work_->mutex);
    work_->proxy = std::move(proxy);
}

}  // namespace valija::net
