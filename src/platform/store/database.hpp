// SQLite behind RAII (stack.md 6: WAL, synchronous FULL, secure_delete off).
//
// Promise: every failure is a Fault with SQLite's words, kind Full for lack of space, Input where a
// page of the file is damaged; a Transaction that is not committed rolls back. Not here: any table
// (each folder that stores has one *_records.cpp). Thread: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "platform/base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace valija::store {

class Database;

// A prepared statement: bind in order, step, read columns, reset.
class Statement {
  public:
    Statement& bind(int64_t value);
    Statement& bind_text(std::string_view text);
    Statement& bind_blob(std::string_view bytes);
    Statement& bind_null();
    Result<bool> step();  // true: a row is there
    Result<void> run();   // to the end, then reset
    int64_t integer(int column) const;
    std::string text(int column) const;  // also for blobs
    bool is_null(int column) const;
    void reset();
    ~Statement();
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&&) = delete;

  private:
    friend class Database;
    Statement(sqlite3* database, sqlite3_stmt* statement);
    sqlite3* database_;
    sqlite3_stmt* statement_;
    int next_ = 1;
};

class Database {
  public:
    static Result<Database> open(const std::string& path, int page_size = 16384);
    Database(Database&& other) noexcept;
    Database& operator=(Database&&) = delete;
    ~Database();

    Result<void> execute(const std::string& sql);  // statements without results
    Result<Statement> prepare(std::string_view sql);
    int64_t last_id() const;

    // Numbered migrations: brings user_version from what it is to `count`, one transaction each.
    Result<void> migrate(const char* const* steps, int count);

  private:
    explicit Database(sqlite3* handle) : handle_(handle) {}

    sqlite3* handle_;
};

class Transaction {
  public:
    static Result<Transaction> begin(Database& database);
    Result<void> commit();
    Transaction(Transaction&& other) noexcept;
    Transaction& operator=(Transaction&&) = delete;
    ~Transaction();

  private:
    explicit Transaction(Database* database) : database_(database) {}

    Database* database_;
};

}  // namespace valija::store
