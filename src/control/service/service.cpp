#include "control/service/service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "control/service/table.hpp"
#include "platform/base/text.hpp"

namespace json = boost::json;

namespace valija::service {
namespace {

constexpr int status_no = 1;
constexpr int status_usage = 64;

Answer printed(const json::value& value) { return {.out = json::serialize(value) + "\n"}; }

int64_t whole(double value) { return static_cast<int64_t>(value); }

double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string label(const observe::Sample& sample, std::string_view name) {
    for (const auto& [key, value] : sample.labels) {
        if (key == name) return value;
    }
    return {};
}

json::value json_of(const observe::Sample& sample) {
    json::object labels;
    for (const auto& [key, value] : sample.labels) labels[key] = value;
    return json::object{{"name", sample.name},
                        {"help", sample.help},
                        {"labels", std::move(labels)},
                        {"value", whole(sample.value)}};
}

std::string_view kind_of(const revocation::ListState& list) {
    return !list.about.empty() ? "ocsp" : (list.is_delta ? "delta" : "crl");
}

bool is_current(const revocation::ListState& list, Time now) {
    return list.loaded && list.next_update >= now;
}

json::value json_of(const revocation::ListState& list, Time now) {
    json::object object{{"url", list.url},
                        {"issuer", list.issuer},
                        {"loaded", list.loaded},
                        {"kind", kind_of(list)},
                        {"entries", list.entries},
                        {"next_fetch", iso_time(list.next_fetch)},
                        {"last_error", list.last_error}};
    if (!list.about.empty()) object["about"] = list.about;
    if (list.loaded) {
        object["this_update"] = iso_time(list.this_update);
        object["next_update"] = iso_time(list.next_update);
        object["current"] = is_current(list, now);
    }
    return object;
}

std::string state_of(const revocation::ListState& list, Time now) {
    const std::string error = list.last_error.empty() ? "" : ": " + list.last_error;
    if (!list.loaded) return error.empty() ? "being fetched" : "missing" + error;
    if (list.next_update < now) return "out of date" + error;
    return error.empty() ? "good" : "good, but the last fetch failed" + error;
}

}  // namespace

Service::Service(ServiceParts parts) : parts_(std::move(parts)) {}

Task<Answer> Service::handle(Request request) {
    if (request.command == "queue list") co_return co_await queue_list(std::move(request));
    if (request.command == "queue show") co_return co_await queue_show(std::move(request));
    if (request.command == "queue retry") co_return co_await queue_retry(std::move(request));
    if (request.command == "counters") co_return counters(request);
    if (request.command == "crl list") co_return crl_list(request);
    if (request.command == "crl fetch") co_return crl_fetch(request);
    if (request.command == "check") co_return co_await check(std::move(request));
    if (request.command == "check client") co_return check_client(request);
    if (request.command == "reload") co_return parts_.reload();
    co_return Answer{.exit_status = status_usage,
                     .err = fmt::format("The running server does not know the command \"{}\"; it "
                                        "may be an older version.\n",
                                        escape_peer_text(request.command, 60))};
}

Answer Service::counters(const Request& request) const {
    const auto samples = parts_.counters.samples();
    if (request.json) {
        json::array all;
        for (const auto& sample : samples) all.push_back(json_of(sample));
        return printed(all);
    }
    Table table({"VALUE", "PARTNER", "CONNECTOR", "WHAT"});
    table.align_right(0);
    for (const auto& sample : samples) {
        table.add({std::to_string(whole(sample.value)), label(sample, "partner"),
                   label(sample, "connector"), sample.help});
    }
    return {.out = table.text()};
}

Task<std::string> Service::metrics() {
    using observe::Gauge;
    std::vector<observe::Reading> readings = parts_.own_readings();
    const auto queue = co_await parts_.spool.summary();
    if (queue) {
        const Time now = parts_.clock.now();
        const Time oldest = std::min(queue->oldest.value_or(now), now);
        readings.push_back({Gauge::QueueMessages, {}, static_cast<double>(queue->messages)});
        readings.push_back({Gauge::QueueOldestAge, {}, seconds_of(now - oldest)});
    }
    for (const auto& list : parts_.keeper.lists()) {
        if (!list.about.empty()) continue;  // OCSP: one address, many certificates
        const Duration end = list.loaded ? list.next_update.time_since_epoch() : Duration::zero();
        readings.push_back({Gauge::CrlNextUpdate, {list.url}, seconds_of(end)});
    }
    co_return parts_.counters.prometheus_text(readings);
}

Answer Service::crl_list(const Request& request) const {
    const auto lists = parts_.keeper.lists();
    const Time now = parts_.clock.now();
    const bool are_good =
        std::ranges::all_of(lists, [now](const auto& list) { return is_current(list, now); });
    const int exit_status = are_good ? 0 : status_no;
    if (request.json) {
        json::array all;
        for (const auto& list : lists) all.push_back(json_of(list, now));
        Answer answer = printed(all);
        answer.exit_status = exit_status;
        return answer;
    }
    if (lists.empty()) return {.out = "No revocation list is kept yet.\n"};
    Table table({"URL", "ENTRIES", "VALID UNTIL", "ISSUER", "STATE"});
    table.align_right(1);
    for (const auto& list : lists) {
        table.add(
            {list.url,
             list.loaded && list.about.empty() ? std::to_string(list.entries)
                                               : std::string(list.loaded ? kind_of(list) : "-"),
             list.loaded ? iso_time(list.next_update) : "-", list.issuer, state_of(list, now)});
    }
    return {.exit_status = exit_status, .out = table.text()};
}

Answer Service::crl_fetch(const Request& request) {
    const auto wanted = request.arguments.find("url");
    std::vector<std::string> urls;
    for (const auto& list : parts_.keeper.lists()) {
        const bool is_wanted = wanted == request.arguments.end() || wanted->second == list.url;
        if (is_wanted && std::ranges::find(urls, list.url) == urls.end()) urls.push_back(list.url);
    }
    if (urls.empty() && wanted != request.arguments.end()) {
        return {.exit_status = status_no,
                .err = fmt::format("No list of the address {} is kept; `valija crl list` shows "
                                   "those that are.\n",
                                   escape_peer_text(wanted->second, 300))};
    }
    for (const std::string& url : urls) parts_.keeper.refresh(url);
    if (request.json) return printed(json::object{{"fetching", json::value_from(urls)}});
    if (urls.empty())
        return {.out = "No revocation list is kept yet; there is nothing to fetch.\n"};
    return {.out = fmt::format("Fetching {} now; `valija crl list` shows the outcome.\n",
                               counted(urls.size(), "list", "lists"))};
}

}  // namespace valija::service
