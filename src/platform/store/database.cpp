#include "platform/store/database.hpp"

#include <sqlite3.h>

#include <utility>

namespace valija::store {
namespace {

std::unexpected<Fault> database_fault(sqlite3* database, std::string doing) {
    const int code = sqlite3_errcode(database) & 0xff;
    const FaultKind kind = code == SQLITE_FULL      ? FaultKind::Full
                           : code == SQLITE_CORRUPT ? FaultKind::Input
                                                    : FaultKind::System;
    return fault(kind, std::move(doing), sqlite3_errmsg(database));
}

}  // namespace

Statement::Statement(sqlite3* database, sqlite3_stmt* statement)
    : database_(database), statement_(statement) {}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      next_(other.next_) {}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(int64_t value) {
    sqlite3_bind_int64(statement_, next_++, value);
    return *this;
}

Statement& Statement::bind_text(std::string_view text) {
    sqlite3_bind_text64(statement_, next_++, text.data() == nullptr ? "" : text.data(), text.size(),
                        SQLITE_TRANSIENT, SQLITE_UTF8);
    return *this;
}

Statement& Statement::bind_blob(std::string_view bytes) {
    sqlite3_bind_blob64(statement_, next_++, bytes.data() == nullptr ? "" : bytes.data(),
                        bytes.size(), SQLITE_TRANSIENT);
    return *this;
}

Statement& Statement::bind_null() {
    sqlite3_bind_null(statement_, next_++);
    return *this;
}

Result<bool> Statement::step() {
    switch (sqlite3_step(statement_)) {
        case SQLITE_ROW:
            return true;
        case SQLITE_DONE:
            return false;
        default:
            return database_fault(database_, std::string("running ") + sqlite3_sql(statement_));
    }
}

Result<void> Statement::run() {
    while (true) {
        const Result<bool> row = step();
        if (!row) {
            reset();
            return std::unexpected(row.error());
        }
        if (!*row) {
            reset();
            return {};
        }
    }
}

int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::text(int column) const {
    const void* bytes = sqlite3_column_blob(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    return bytes == nullptr
               ? std::string()
               : std::string(static_cast<const char*>(bytes), static_cast<size_t>(size));
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

void Statement::reset() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
    next_ = 1;
}

Result<Database> Database::open(const std::string& path, int page_size) {
    sqlite3* handle = nullptr;
    const int opened =
        sqlite3_open_v2(path.c_str(), &handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    Database database(handle);
    if (opened != SQLITE_OK) {
        return database_fault(handle, "opening " + path);
    }
    sqlite3_busy_timeout(handle, 5000);
    const std::string pragmas = "PRAGMA page_size=" + std::to_string(page_size) +
                                ";PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;"
                                "PRAGMA secure_delete=OFF;PRAGMA foreign_keys=ON;"
                                "PRAGMA trusted_schema=OFF;";
    if (const auto set = database.execute(pragmas); !set) {
        return std::unexpected(set.error());
    }
    return database;
}

Database::Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

Database::~Database() { sqlite3_close_v2(handle_); }

Result<void> Database::execute(const std::string& sql) {
    if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
        return database_fault(handle_, "running " + sql);
    }
    return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                           SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
        return database_fault(handle_, "preparing " + std::string(sql));
    }
    return Statement(handle_, statement);
}

int64_t Database::last_id() const { return sqlite3_last_insert_rowid(handle_); }

Result<void> Database::migrate(const char* const* steps, int count) {
    int64_t version = 0;
    {
        auto query = prepare("PRAGMA user_version");
        if (!query) {
            return std::unexpected(query.error());
        }
        const auto row = query->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        version = *row ? query->integer(0) : 0;
    }
    if (version > count) {
        return fault(FaultKind::Input, "opening the database",
                     "it was written by a newer version of this program");
    }
    for (int64_t step = version; step < count; ++step) {
        auto transaction = Transaction::begin(*this);
        if (!transaction) {
            return std::unexpected(transaction.error());
        }
        const std::string sql =
            std::string(steps[step]) + ";PRAGMA user_version=" + std::to_string(step + 1);
        if (auto done = execute(sql); !done) {
            return done;
        }
        if (auto done = transaction->commit(); !done) {
            return done;
        }
    }
    return {};
}

Result<Transaction> Transaction::begin(Database& database) {
    if (const auto begun = database.execute("BEGIN IMMEDIATE"); !begun) {
        return std::unexpected(begun.error());
    }
    return Transaction(&database);
}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

Result<void> Transaction::commit() {
    auto done = database_->execute("COMMIT");
    if (done) {
        database_ = nullptr;
    }
    return done;
}

Transaction::~Transaction() {
    if (database_ != nullptr) {
        static_cast<void>(database_->execute("ROLLBACK"));
    }
}

}  // namespace valija::store
