#include "transport/queue/salvage_records.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <map>
#include <string_view>
#include <utility>

#include "platform/base/time.hpp"
#include "platform/store/database.hpp"
#include "platform/store/file.hpp"
#include "transport/queue/spool_records.hpp"

namespace valija::queue {
namespace {

using store::Database;
using store::Statement;

// From both ends, and from every tree that has ids: one damaged page hides only what no other
// names.
constexpr const char* kIds[] = {
    "SELECT id FROM message ORDER BY id",
    "SELECT id FROM message ORDER BY id DESC",
    "SELECT id FROM body ORDER BY id",
    "SELECT id FROM body ORDER BY id DESC",
    "SELECT message FROM recipient ORDER BY message, number",
    "SELECT message FROM recipient ORDER BY message DESC, number DESC",
    "SELECT message FROM recipient INDEXED BY recipient_due WHERE state = 0"
    " ORDER BY next_attempt, message",
    "SELECT message FROM recipient INDEXED BY recipient_due WHERE state = 0"
    " ORDER BY next_attempt DESC, message DESC",
};

// How the rows of one message are read and written; `columns`: i integer, t text, n text
// or null, b blob.
struct Table {
    const char* read;
    const char* write;
    std::string_view columns;
};

constexpr Table kTables[] = {
    {.read = "SELECT * FROM message WHERE id = ?",
     .write = "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
     .columns = "iniiiiitttii"},
    {.read = "SELECT * FROM body WHERE id = ?",
     .write = "INSERT INTO body VALUES (?, ?)",
     .columns = "ib"},
    {.read = "SELECT * FROM recipient WHERE message = ?",
     .write = "INSERT OR IGNORE INTO recipient VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
     .columns = "iittttiiitt"},
};

constexpr const char* kIsWhole =
    "SELECT 1 FROM message WHERE id = ?1 AND (in_file <> 0 OR EXISTS (SELECT 1 FROM body WHERE"
    " id = ?1)) AND EXISTS (SELECT 1 FROM recipient WHERE message = ?1)";

// What stands for a lost row: no sender is this one, no recipient has this address.
constexpr const char* kStandInMessage =
    "INSERT OR IGNORE INTO message VALUES (?1, '', 0, 0, 0, NOT EXISTS (SELECT 1 FROM body WHERE"
    " id = ?1), 0, '', '', '', 0, 0)";
constexpr const char* kStandInRecipient =
    "INSERT INTO recipient SELECT ?1, 0, '', '', '', '', 3, 0, 0, '', '' WHERE NOT EXISTS"
    " (SELECT 1 FROM recipient WHERE message = ?1)";
constexpr const char* kSetAside = "UPDATE recipient SET state = 3 WHERE message = ? AND state = 0";

// Also of a table that is not there; nothing of such a database could be read.
Result<void> gather(Database& from, const char* sql, std::set<int64_t>& ids) {
    auto query = from.prepare(sql);
    if (!query) {
        return std::unexpected(query.error());
    }
    while (true) {
        const auto row = query->step();
        if (!row || !*row) {
            return {};  // as far as it can be read
        }
        ids.insert(query->integer(0));
    }
}

// Two connections: SQLite refuses to write anything in a transaction that met a damaged page.
class Copier {
  public:
    Copier(Database& damaged, Database& fresh) : damaged_(damaged), fresh_(fresh) {}

    Result<void> copy(int64_t id, Salvaged& into);

  private:
    using Statements = std::map<const char*, Statement>;

    static Result<Statement*> use(Database& database, Statements& statements, const char* sql);
    // False: there is something that could not be read.
    Result<bool> copy_rows(const Table& table, int64_t id);
    Result<bool> run(const char* sql, int64_t id);  // whether it has a row

    Database& damaged_;
    Database& fresh_;
    Statements of_damaged_;
    Statements of_fresh_;
};

Result<Statement*> Copier::use(Database& database, Statements& statements, const char* sql) {
    auto found = statements.find(sql);
    if (found == statements.end()) {
        auto prepared = database.prepare(sql);
        if (!prepared) {
            return std::unexpected(prepared.error());
        }
        found = statements.emplace(sql, std::move(*prepared)).first;
    }
    found->second.reset();
    return &found->second;
}

Result<bool> Copier::run(const char* sql, int64_t id) {
    const auto statement = use(fresh_, of_fresh_, sql);
    if (!statement) {
        return std::unexpected(statement.error());
    }
    auto row = (*statement)->bind(id).step();
    (*statement)->reset();
    return row;
}

Result<bool> Copier::copy_rows(const Table& table, int64_t id) {
    const auto from = use(damaged_, of_damaged_, table.read);
    const auto to = use(fresh_, of_fresh_, table.write);
    if (!from || !to) {
        return std::unexpected(!from ? from.error() : to.error());
    }
    Statement& row = **from;
    row.bind(id);
    while (true) {
        const auto more = row.step();
        if (!more || !*more) {
            row.reset();
            return more.has_value();
        }
        for (int i = 0; i < static_cast<int>(table.columns.size()); ++i) {
            const char kind = table.columns[static_cast<size_t>(i)];
            if (kind == 'i') {
                (*to)->bind(row.integer(i));
            } else if (kind == 'b') {
                (*to)->bind_blob(row.text(i));
            } else if (kind == 'n' && row.is_null(i)) {
                (*to)->bind_null();
            } else {
                (*to)->bind_text(row.text(i));
            }
        }
        if (auto written = (*to)->run(); !written) {
            return std::unexpected(written.error());
        }
    }
}

Result<void> Copier::copy(int64_t id, Salvaged& into) {
    bool is_readable = true;
    for (const Table& table : kTables) {
        const auto copied = copy_rows(table, id);
        if (!copied) {
            return std::unexpected(copied.error());
        }
        is_readable = is_readable && *copied;
    }
    const auto is_whole = run(kIsWhole, id);
    if (!is_whole) {
        return std::unexpected(is_whole.error());
    }
    if (is_readable && *is_whole) {
        ++into.whole;
        return {};
    }
    into.set_aside.push_back(id);
    for (const char* sql : {kStandInMessage, kStandInRecipient, kSetAside}) {
        if (const auto done = run(sql, id); !done) {
            return std::unexpected(done.error());
        }
    }
    return {};
}

// Nothing may be left in the WAL: it would be taken for that of the file that gets the name.
Result<void> empty_wal(Database& database) {
    auto query = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)");
    if (!query) {
        return std::unexpected(query.error());
    }
    const auto row = query->step();
    if (!row) {
        return std::unexpected(row.error());
    }
    return *row && query->integer(0) == 0 ? Result<void>()
                                          : fault(FaultKind::System, "emptying a database's log");
}

Result<void> check_version(Database& damaged, Database& fresh) {
    int64_t versions[2] = {0, 0};
    for (Database* one : {&damaged, &fresh}) {
        auto query = one->prepare("PRAGMA user_version");
        if (!query) {
            return std::unexpected(query.error());
        }
        if (const auto row = query->step(); !row) {
            return std::unexpected(row.error());
        }
        versions[one == &fresh ? 1 : 0] = query->integer(0);
    }
    return versions[0] <= versions[1] ? Result<void>()
                                      : fault(FaultKind::Input, "opening the queue",
                                              "it was written by a newer version of this program");
}

Result<void> copy_all(Database& damaged, Database& fresh, std::set<int64_t> ids, Salvaged& into) {
    for (const char* sql : kIds) {
        if (auto done = gather(damaged, sql, ids); !done) {
            return done;
        }
    }
    auto transaction = store::Transaction::begin(fresh);
    if (!transaction) {
        return std::unexpected(transaction.error());
    }
    Copier copier(damaged, fresh);
    for (const int64_t id : ids) {
        if (auto done = copier.copy(id, into); !done) {
            return done;
        }
    }
    return transaction->commit();
}

Result<void> fill(const std::string& path, const std::string& fresh_path,
                  const std::set<int64_t>& files, Salvaged& into) {
    auto damaged = Database::open(path);
    auto fresh = open_tables(fresh_path);
    if (!damaged || !fresh) {
        return std::unexpected(!damaged ? damaged.error() : fresh.error());
    }
    if (auto same = check_version(*damaged, *fresh); !same) {
        return same;
    }
    if (auto copied = copy_all(*damaged, *fresh, files, into); !copied) {
        return copied;
    }
    if (auto emptied = empty_wal(*fresh); !emptied) {
        return emptied;
    }
    return empty_wal(*damaged);
}

Result<void> remove_all(const std::string& path) {
    for (const char* end : {"", "-wal", "-shm"}) {
        if (auto removed = store::remove_file(path + end); !removed) {
            return removed;
        }
    }
    return {};
}

// The damaged file gets a second name before it loses its first.
Result<void> take_place(const std::string& path, const std::string& fresh_path,
                        const std::string& damaged_path) {
    if (::link(path.c_str(), damaged_path.c_str()) != 0) {
        return system_fault("keeping the damaged " + path, errno);
    }
    for (const char* end : {"-wal", "-shm"}) {
        if (auto removed = store::remove_file(path + end); !removed) {
            return removed;
        }
    }
    if (::rename(fresh_path.c_str(), path.c_str()) != 0) {
        return system_fault("renaming " + fresh_path, errno);
    }
    return store::sync_directory(path.substr(0, path.rfind('/')));
}

}  // namespace

Result<Salvaged> salvage(const std::string& path, const std::set<int64_t>& files) {
    const std::string fresh_path = path + ".new";
    Salvaged salvaged{.damaged_file = path + ".damaged-" + iso_time(SystemClock().now()),
                      .whole = 0,
                      .set_aside = {}};
    if (auto removed = remove_all(fresh_path); !removed) {
        return std::unexpected(removed.error());
    }
    if (auto filled = fill(path, fresh_path, files, salvaged); !filled) {
        return std::unexpected(filled.error());
    }
    if (auto placed = take_place(path, fresh_path, salvaged.damaged_file); !placed) {
        return std::unexpected(placed.error());
    }
    return salvaged;
}

}  // namespace valija::queue
