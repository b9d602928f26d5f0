// SQLite behind RAII: values go round, migrations are all or nothing, faults have words.
#include "platform/store/database.hpp"

#include <gtest/gtest.h>

#include <cstdint>

#include "support/temporary_directory.hpp"

namespace valija::store {
namespace {

class DatabaseTest : public testing::Test {
  protected:
    Database open() {
        auto database = Database::open(directory_.path("a.db"));
        EXPECT_TRUE(database.has_value());
        return std::move(*database);
    }

    static int64_t number(Database& database, std::string_view sql) {
        auto query = database.prepare(sql);
        EXPECT_TRUE(query.has_value()) << sql;
        const auto row = query->step();
        EXPECT_TRUE(row.has_value() && *row) << sql;
        return query->integer(0);
    }

    static std::string text(Database& database, std::string_view sql) {
        auto query = database.prepare(sql);
        EXPECT_TRUE(query.has_value() && query->step().value_or(false)) << sql;
        return query->text(0);
    }

    test::TemporaryDirectory directory_;
};

TEST_F(DatabaseTest, IsOpenedForDurabilityAndWithoutOverwritingWhatIsDeleted) {
    Database database = open();
    EXPECT_EQ(text(database, "PRAGMA journal_mode"), "wal");
    EXPECT_EQ(number(database, "PRAGMA synchronous"), 2);  // FULL
    EXPECT_EQ(number(database, "PRAGMA secure_delete"), 0);
    EXPECT_EQ(number(database, "PRAGMA page_size"), 16384);
    EXPECT_EQ(number(database, "PRAGMA trusted_schema"), 0);
}

TEST_F(DatabaseTest, ValuesComeBackAsTheyWere) {
    Database database = open();
    ASSERT_TRUE(database.execute("CREATE TABLE t (a INTEGER, b TEXT, c BLOB, d TEXT)").has_value());
    auto insert = database.prepare("INSERT INTO t VALUES (?, ?, ?, ?)");
    ASSERT_TRUE(insert.has_value());
    const std::string bytes("\0\xff'; DROP TABLE t; --", 22);
    for (const int64_t value : {INT64_MIN, int64_t{0}, INT64_MAX}) {
        insert->bind(value).bind_text("it's").bind_blob(bytes).bind_null();
        ASSERT_TRUE(insert->run().has_value());
    }
    EXPECT_EQ(database.last_id(), 3);
    auto query = database.prepare("SELECT a, b, c, d FROM t ORDER BY a");
    ASSERT_TRUE(query.has_value());
    for (const int64_t value : {INT64_MIN, int64_t{0}, INT64_MAX}) {
        ASSERT_TRUE(query->step().value());
        EXPECT_EQ(query->integer(0), value);
        EXPECT_EQ(query->text(1), "it's");
        EXPECT_EQ(query->text(2), bytes);
        EXPECT_TRUE(query->is_null(3));
        EXPECT_EQ(query->text(3), "");
    }
    EXPECT_FALSE(query->step().value());
}

TEST_F(DatabaseTest, EmptyTextAndEmptyBlobAreNotNull) {
    Database database = open();
    ASSERT_TRUE(database.execute("CREATE TABLE t (a TEXT NOT NULL, b BLOB NOT NULL)").has_value());
    auto insert = database.prepare("INSERT INTO t VALUES (?, ?)");
    ASSERT_TRUE(insert.has_value());
    EXPECT_TRUE(insert->bind_text(std::string_view()).bind_blob(std::string_view()).run());
}

TEST_F(DatabaseTest, ATransactionThatIsNotCommittedRollsBack) {
    Database database = open();
    ASSERT_TRUE(database.execute("CREATE TABLE t (a)").has_value());
    {
        auto transaction = Transaction::begin(database);
        ASSERT_TRUE(transaction.has_value());
        ASSERT_TRUE(database.execute("INSERT INTO t VALUES (1)").has_value());
        const Transaction moved(std::move(*transaction));
    }
    EXPECT_EQ(number(database, "SELECT count(*) FROM t"), 0);
    {
        auto transaction = Transaction::begin(database);
        ASSERT_TRUE(database.execute("INSERT INTO t VALUES (1)").has_value());
        ASSERT_TRUE(transaction->commit().has_value());
    }
    Database other = open();
    EXPECT_EQ(number(other, "SELECT count(*) FROM t"), 1);
}

TEST_F(DatabaseTest, MigrationsRunOnceAndFromWhereTheDatabaseStands) {
    static constexpr const char* steps[] = {"CREATE TABLE a (x)", "INSERT INTO a VALUES (1)",
                                            "CREATE TABLE b (x); INSERT INTO a VALUES (2)"};
    {
        Database database = open();
        ASSERT_TRUE(database.migrate(steps, 2).has_value());
        EXPECT_EQ(number(database, "PRAGMA user_version"), 2);
    }
    Database database = open();
    ASSERT_TRUE(database.migrate(steps, 3).has_value());
    ASSERT_TRUE(database.migrate(steps, 3).has_value());
    EXPECT_EQ(number(database, "PRAGMA user_version"), 3);
    EXPECT_EQ(number(database, "SELECT sum(x) FROM a"), 3);
}

TEST_F(DatabaseTest, AMigrationThatFailsLeavesItsStepUndone) {
    static constexpr const char* steps[] = {
        "CREATE TABLE a (x)", "INSERT INTO a VALUES (1); INSERT INTO nowhere VALUES (1)"};
    Database database = open();
    const auto done = database.migrate(steps, 2);
    ASSERT_FALSE(done.has_value());
    EXPECT_NE(done.error().text().find("nowhere"), std::string::npos);
    EXPECT_EQ(number(database, "PRAGMA user_version"), 1);
    EXPECT_EQ(number(database, "SELECT count(*) FROM a"), 0);
}

TEST_F(DatabaseTest, ADatabaseOfANewerProgramIsRefused) {
    Database database = open();
    ASSERT_TRUE(database.execute("PRAGMA user_version=7").has_value());
    static constexpr const char* steps[] = {"CREATE TABLE a (x)"};
    const auto done = database.migrate(steps, 1);
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().kind, FaultKind::Input);
}

TEST_F(DatabaseTest, FaultsSayWhatWeDidAndWhatSqliteSaid) {
    Database database = open();
    const auto run = database.execute("SELECT nonsense");
    ASSERT_FALSE(run.has_value());
    EXPECT_EQ(run.error().text(), "running SELECT nonsense: no such column: nonsense");
    EXPECT_FALSE(database.prepare("SELEC").has_value());
    EXPECT_FALSE(Database::open(directory_.path("missing/a.db")).has_value());
    directory_.write("rubbish.db", std::string(5000, 'r'));
    EXPECT_FALSE(Database::open(directory_.path("rubbish.db")).has_value());
}

TEST_F(DatabaseTest, AStatementThatFailedCanBeUsedAgain) {
    Database database = open();
    ASSERT_TRUE(database.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)").has_value());
    auto insert = database.prepare("INSERT INTO t VALUES (?)");
    ASSERT_TRUE(insert->bind(1).run().has_value());
    const auto twice = insert->bind(1).run();
    ASSERT_FALSE(twice.has_value());
    EXPECT_EQ(twice.error().kind, FaultKind::System);
    EXPECT_TRUE(insert->bind(2).run().has_value());
    EXPECT_EQ(number(database, "SELECT count(*) FROM t"), 2);
}

TEST_F(DatabaseTest, LackOfSpaceIsItsOwnKindOfFaultAndTakesNothing) {
    Database database = open();
    ASSERT_TRUE(database.execute("CREATE TABLE t (a); PRAGMA max_page_count=4").has_value());
    const auto done = database.execute("INSERT INTO t VALUES (zeroblob(1000000))");
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().kind, FaultKind::Full);
    EXPECT_EQ(number(database, "SELECT count(*) FROM t"), 0);
}

}  // namespace
}  // namespace valija::store
