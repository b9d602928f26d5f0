// The file under the records: its form, the look at its pages, and what follows damage.
#include "transport/queue/salvage_records.hpp"
#include "transport/queue/spool_records.hpp"

namespace valija::queue {
namespace {

constexpr const char* kMigrations[] = {
    "CREATE TABLE message (id INTEGER PRIMARY KEY, sender TEXT, eight_bit INTEGER NOT NULL,"
    " size INTEGER NOT NULL, checksum INTEGER NOT NULL, in_file INTEGER NOT NULL,"
    " arrived INTEGER NOT NULL, client TEXT NOT NULL, session TEXT NOT NULL,"
    " partner TEXT NOT NULL, secured INTEGER NOT NULL, expires INTEGER NOT NULL);"
    "CREATE TABLE body (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
    "CREATE TABLE recipient (message INTEGER NOT NULL, number INTEGER NOT NULL,"
    " local TEXT NOT NULL, domain TEXT NOT NULL, notify TEXT NOT NULL, original TEXT NOT NULL,"
    " state INTEGER NOT NULL, attempts INTEGER NOT NULL, next_attempt INTEGER NOT NULL,"
    " text TEXT NOT NULL, ladder TEXT NOT NULL, PRIMARY KEY (message, number)) WITHOUT ROWID;"
    "CREATE INDEX recipient_due ON recipient (next_attempt, message, domain) WHERE state = 0;",
    "CREATE INDEX recipient_aside ON recipient (message) WHERE state = 3;",
    "CREATE INDEX recipient_domain ON recipient (domain, next_attempt, message) WHERE state = 0;",
};

// SQLite's own look at every page of a table and its indexes. What it says of values is no damage
// of pages: those are judged row by row when they are read.
Result<void> check_pages(store::Database& database, const std::string& table) {
    auto query = database.prepare("PRAGMA quick_check(" + table + ")");
    if (!query) {
        return std::unexpected(query.error());
    }
    while (true) {
        const auto row = query->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        if (!*row) {
            return {};
        }
        if (std::string said = query->text(0); said.starts_with("*** in database")) {
            return fault(FaultKind::Input, "checking the queue's table " + table, std::move(said));
        }
    }
}

}  // namespace

Result<store::Database> open_tables(const std::string& path) {
    auto database = store::Database::open(path);
    if (!database) {
        return database;
    }
    if (const auto done = database->migrate(kMigrations, std::size(kMigrations)); !done) {
        return std::unexpected(done.error());
    }
    return database;
}

Result<Records> Records::open(const std::string& path, observe::Log log,
                              const std::set<int64_t>& files) {
    Records records(path, std::move(log));
    auto opened = records.open_file();
    if (!opened && opened.error().kind == FaultKind::Input) {
        opened = records.salvage_file(files);
    }
    if (!opened) {
        return std::unexpected(opened.error());
    }
    if (const auto done = records.recall_set_aside(); !done) {
        return std::unexpected(done.error());
    }
    return records;
}

// Fault Input: a page is damaged. Bodies are looked at when they are read: there may be much of
// them, and a start must not wait for it.
Result<void> Records::open_file() {
    auto database = open_tables(path_);
    if (!database) {
        return std::unexpected(database.error());
    }
    for (const char* table : {"message", "recipient"}) {
        if (auto sound = check_pages(*database, table); !sound) {
            return sound;
        }
    }
    database_ = std::make_unique<store::Database>(std::move(*database));
    return {};
}

Result<void> Records::salvage_file(const std::set<int64_t>& files) {
    const auto salvaged = salvage(path_, files);
    if (!salvaged) {
        return std::unexpected(salvaged.error());
    }
    log_.emit(observe::Event::QueueSalvaged,
              {{"file", salvaged->damaged_file},
               {"whole", std::to_string(salvaged->whole)},
               {"set_aside", std::to_string(salvaged->set_aside.size())}});
    for (const int64_t id : salvaged->set_aside) {
        note_aside(id, "a part of it was lost in a damaged database");
    }
    return open_file();
}

Result<void> Records::mend() {
    if (mends_left_ == 0) {
        return fault(FaultKind::System, "salvaging " + path_, "it was damaged too often");
    }
    --mends_left_;
    statements_.clear();
    database_.reset();
    auto mended = salvage_file({});
    if (!database_) {
        if (auto database = open_tables(path_)) {
            database_ = std::make_unique<store::Database>(std::move(*database));
        }
    }
    return mended;
}

Result<store::Database*> Records::database() {
    return database_ ? Result<store::Database*>(database_.get())
                     : fault(FaultKind::System, "using the queue",
                             "its database could not be opened again");
}

Result<store::Transaction> Records::begin() {
    const auto database = this->database();
    if (!database) {
        return std::unexpected(database.error());
    }
    return store::Transaction::begin(**database);
}

}  // namespace valija::queue
