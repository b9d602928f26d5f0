// The queue's tables, and nothing else that knows SQL. Used by the spool's writer thread alone.
//
// Promise: what is read back is checked like input of a stranger; a record that does not hold is
// marked as set aside, reported once, and never handed out. Where a page of the file itself is
// damaged, what can be read moves into a new file (salvage_records.hpp).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "platform/store/database.hpp"
#include "transport/queue/spool.hpp"

namespace valija::queue {

// 16 upper-case hexadecimal digits and the number they stand for.
QueueId id_text(int64_t number);
std::optional<int64_t> id_number(std::string_view text);

// FNV-1a over 64 bits: damage, not malice, is what it finds.
class Checksum {
  public:
    void add(std::string_view bytes);

    int64_t value() const { return static_cast<int64_t>(state_); }

  private:
    uint64_t state_ = 0xcbf29ce484222325ULL;
};

struct StoredMessage {
    int64_t id = 0;
    const mail::Envelope* envelope = nullptr;
    const Arrival* arrival = nullptr;
    uint64_t size = 0;
    int64_t checksum = 0;
    std::optional<std::string_view> bytes;  // nullopt: in a file
};

struct BodyPlace {
    uint64_t size = 0;
    int64_t checksum = 0;
    std::optional<std::string> bytes;  // nullopt: in a file
};

// A message's recipients for one domain.
using Claim = std::pair<int64_t, std::string>;

// The database with its tables, brought to today's form.
Result<store::Database> open_tables(const std::string& path);

class Records {
  public:
    // `files`: the ids of all body files, so that none is taken for rubbish if its row was lost.
    static Result<Records> open(const std::string& path, observe::Log log,
                                const std::set<int64_t>& files = {});

    Result<store::Transaction> begin();

    // After a Fault Input, outside of transactions: salvages and goes on with the new file. Only a
    // few times, since each leaves a copy.
    Result<void> mend();

    Result<int64_t> highest_id();
    Result<std::set<int64_t>> ids_in_files();

    Result<void> insert(const StoredMessage& message, Time now);

    using Skip = std::function<bool(const Claim&)>;

    // Due at `now`, without what is leased or of a blocked domain. Oldest first; where much of a
    // blocked domain lies before, the others' by domain, each in its turn.
    Result<std::vector<Claim>> due(Time now, size_t limit, const Skip& is_leased,
                                   const std::function<bool(const std::string&)>& is_blocked);
    Result<std::optional<Time>> next_due(const Skip& skip);

    // nullopt: it is not there, or was set aside just now. `domain` empty: all recipients.
    Result<std::optional<QueuedMessage>> read(int64_t id, const std::string& domain,
                                              std::optional<Time> due);

    Result<void> settle(int64_t id, const std::vector<Settlement>& settlements);
    Result<bool> has_waiting(int64_t id);
    Result<void> remove(int64_t id);

    Result<std::optional<BodyPlace>> body(int64_t id);
    Result<std::vector<int64_t>> ids_after(int64_t id, size_t limit);
    Result<Summary> summary();
    Result<uint64_t> make_due(std::optional<int64_t> id, Time now);

    Result<void> put_aside(int64_t id, const std::string& why);

    const std::vector<std::string>& set_aside() const { return set_aside_; }

  private:
    Records(std::string path, observe::Log log) : path_(std::move(path)), log_(std::move(log)) {}

    Result<store::Database*> database();
    Result<void> open_file();
    Result<void> salvage_file(const std::set<int64_t>& files);

    struct Search {
        size_t limit;
        Skip skip;
        std::vector<Claim> claims = {};
        std::set<Claim> seen = {};
    };

    Result<store::Statement*> use(const char* sql);
    static Result<bool> walk(store::Statement& query, Search& search, size_t most_skipped);
    Result<bool> walk_domains(Time now, Search& search,
                              const std::function<bool(const std::string&)>& is_blocked);
    Result<void> read_recipients(QueuedMessage& message, int64_t id, const std::string& domain,
                                 std::optional<Time> due, std::string& damage);
    Result<void> recall_set_aside();

    void note_aside(int64_t id, const std::string& why);

    std::string path_;
    observe::Log log_;
    std::unique_ptr<store::Database> database_;
    int mends_left_ = 3;
    std::string last_domain_;  // where the last search by domain ended
    std::unordered_map<const char*, store::Statement> statements_;
    std::vector<std::string> set_aside_;
    std::set<int64_t> aside_ids_;
};

}  // namespace valija::queue
