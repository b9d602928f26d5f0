#include "platform/observe/protocol_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "platform/base/text.hpp"

namespace valija::observe {
namespace {

namespace fs = std::filesystem;

constexpr size_t kDayDigits = 8;
constexpr size_t kLongestField = 2000;

struct SideWords {
    std::string_view folder;
    std::string_view prefix;
    std::string_view type;
};

constexpr SideWords kReceive{"SmtpReceive", "RECV", "SMTP Receive Protocol Log"};
constexpr SideWords kSend{"SmtpSend", "SEND", "SMTP Send Protocol Log"};

// "20261124" of "2026-11-24T…".
std::string day_of(Time time) {
    const std::string iso = iso_time(time);
    return iso.substr(0, 4) + iso.substr(5, 2) + iso.substr(8, 2);
}

std::string header_lines(const SideWords& words, Time time) {
    return fmt::format(
        "#Software: Valija\r\n#Version: 1.0\r\n#Log-type: {}\r\n#Date: {}\r\n"
        "#Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,"
        "remote-endpoint,event,data,context\r\n",
        words.type, iso_time(time));
}

// Quoted where a comma or a quote asks for it.
void append_quoted(std::string& row, std::string_view plain) {
    if (plain.find_first_of(",\"") == std::string::npos) {
        row += plain;
        return;
    }
    row += '"';
    for (const char c : plain) {
        row += c;
        if (c == '"') row += '"';
    }
    row += '"';
}

void append_peer_text(std::string& row, std::string_view text) {
    append_quoted(row, escape_peer_text(text, kLongestField));
}

// A file of the set that lies on the disk.
struct Found {
    std::string path;
    std::string day;
    unsigned number = 0;
    uint64_t size = 0;

    friend bool operator<(const Found& a, const Found& b) {
        return std::pair(a.day, a.number) < std::pair(b.day, b.number);
    }
};

// PREFIXyyyymmdd-n.log; nothing else in the folder is ours.
std::optional<Found> parse_name(const std::string& name, std::string_view prefix) {
    const size_t dash = prefix.size() + kDayDigits;
    if (!name.starts_with(prefix) || !name.ends_with(".log") || name.size() < dash + 6 ||
        name[dash] != '-') {
        return std::nullopt;
    }
    Found found{.path = {}, .day = name.substr(prefix.size(), kDayDigits)};
    const char* end = name.data() + name.size() - 4;
    const auto [stop, error] = std::from_chars(name.data() + dash + 1, end, found.number);
    const bool is_day = std::ranges::all_of(found.day, [](char c) { return c >= '0' && c <= '9'; });
    return is_day && error == std::errc() && stop == end ? std::optional(found) : std::nullopt;
}

}  // namespace

// The files of one side; all of it under the mutex.
struct ProtocolLog::Files {
    const SideWords& words;
    ProtocolLogOptions options;
    Log log;
    std::mutex mutex;
    int descriptor = -1;
    std::string day;
    unsigned number = 0;
    uint64_t size = 0;
    bool has_failed = false;

    std::string folder() const { return fmt::format("{}/{}", options.directory, words.folder); }

    std::string path_of(const std::string& of_day, unsigned of_number) const {
        return fmt::format("{}/{}{}-{}.log", folder(), words.prefix, of_day, of_number);
    }

    std::vector<Found> list() const {
        std::vector<Found> all;
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(folder(), ignored)) {
            if (auto found = parse_name(entry.path().filename().string(), words.prefix)) {
                found->path = entry.path().string();
                found->size = entry.file_size(ignored);
                all.push_back(std::move(*found));
            }
        }
        std::ranges::sort(all, std::less());
        return all;
    }

    // Room for one more full file, and nothing older than the limit.
    void remove_old(Time now) {
        std::vector<Found> all = list();
        uint64_t total = options.file_size;
        for (const Found& found : all) total += found.size;
        const std::string oldest = options.age > Duration(0) ? day_of(now - options.age) : "";
        for (const Found& found : all) {
            if (found.day >= oldest && total <= options.folder_size) continue;
            std::error_code ignored;
            fs::remove(found.path, ignored);
            total -= found.size;
        }
    }

    void close_file() {
        if (descriptor >= 0) ::close(std::exchange(descriptor, -1));
    }

    // Goes on with the newest file of today if it has room, else begins the next one.
    bool open_file(Time now) {
        close_file();
        std::error_code failed;
        fs::create_directories(folder(), failed);
        const std::string today = day_of(now);
        unsigned newest = day == today ? number : 0;
        for (const Found& found : list()) {
            if (found.day == today) newest = std::max(newest, found.number);
        }
        struct stat facts{};
        const bool has_room = newest > 0 && stat(path_of(today, newest).c_str(), &facts) == 0 &&
                              static_cast<uint64_t>(facts.st_size) < options.file_size;
        if (!has_room) {
            remove_old(now);
            ++newest;
        }
        descriptor =
            ::open(path_of(today, newest).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        if (descriptor < 0) return false;
        day = today;
        number = newest;
        size = has_room ? static_cast<uint64_t>(facts.st_size) : 0;
        return size > 0 || append(header_lines(words, now));
    }

    bool append(std::string_view bytes) {
        const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
        if (count > 0) size += static_cast<uint64_t>(count);
        return count == static_cast<ssize_t>(bytes.size());
    }

    void write(Time time, std::string_view row) {
        std::scoped_lock const lock(mutex);
        const std::string line = fmt::format("{},{}\r\n", iso_time(time), row);
        const bool fits = descriptor >= 0 && size < options.file_size && day == day_of(time);
        const bool written = (fits || open_file(time)) && append(line);
        if (!written) {
            const int error = errno;
            close_file();
            if (!std::exchange(has_failed, true)) {
                log.emit(Event::ServerFault,
                         {{"text", system_fault("writing the protocol log in " + folder(), error)
                                       .error()
                                       .text()}});
            }
            return;
        }
        has_failed = false;
    }
};

ProtocolLog::ProtocolLog(ProtocolSide side, ProtocolLogOptions options, Log log)
    : files_(new Files{.words = side == ProtocolSide::Receive ? kReceive : kSend,
                       .options = std::move(options),
                       .log = std::move(log)}) {}

ProtocolLog::~ProtocolLog() { files_->close_file(); }

void ProtocolLog::write(Time time, std::string_view row) { files_->write(time, row); }

std::string new_session_id(Time now) {
    // As Exchange's: steps of 100 ns since the year 1, made unique by going on where time stands.
    constexpr uint64_t kYear1970 = 621'355'968'000'000'000;
    static std::atomic<uint64_t> last{0};
    const uint64_t ticks = kYear1970 + static_cast<uint64_t>(to_millis(now)) * 10'000;
    uint64_t before = last.load();
    uint64_t id = 0;
    do {
        id = std::max(ticks, before + 1);
    } while (!last.compare_exchange_weak(before, id));
    return fmt::format("{:016X}", id);
}

void SessionRows::row(char event, std::string_view data, std::string_view context) {
    if (log_ == nullptr) return;
    std::string text;
    append_quoted(text, connector_);
    text += fmt::format(",{},{},{},{},{},", session_, sequence_++, local_, remote_, event);
    append_peer_text(text, data);
    text += ',';
    append_peer_text(text, context);
    log_->write(clock_->now(), text);
}

void SessionRows::connected(std::string local) {
    local_ = std::move(local);
    row('+', {}, {});
}

void SessionRows::disconnected(std::string_view context) { row('-', {}, context); }

void SessionRows::sent(std::string_view line) { row('>', line, {}); }

void SessionRows::received(std::string_view line) { row('<', line, {}); }

void SessionRows::note(std::string_view data, std::string_view context) { row('*', data, context); }

void SessionRows::message_begins(std::string_view context) {
    if (log_ == nullptr) return;
    row('*', fmt::format("{};{};{}", session_, iso_time(clock_->now()), ++messages_), context);
}

}  // namespace valija::observe
