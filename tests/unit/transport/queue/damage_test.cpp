// What is read back is as hostile as the network: damaged records are set aside, listed and never
// fatal; damaged bodies are never passed on as whole.
#include <fstream>

#include "transport/queue/spool_records.hpp"
#include "unit/transport/queue/spool_fixture.hpp"

namespace valija::queue {
namespace {

struct Damage {
    const char* name;
    const char* statement;
};

class DamagedRecord : public SpoolTest, public testing::WithParamInterface<Damage> {};

TEST_P(DamagedRecord, IsSetAsideListedOnceAndTheOthersGoOn) {
    const QueueId bad = commit("bad", {"b@b.example", "bb@b.example"});
    const auto number = std::to_string(*id_number(bad));
    std::string statement = GetParam().statement;
    statement.replace(statement.find("ID"), 2, number);
    sql(statement);
    const QueueId good = commit("good", {"c@c.example"});
    for (int round = 0; round < 3; ++round) {
        const auto listed = run(spool_->list("", 100));
        ASSERT_TRUE(listed.has_value()) << listed.error().text();
        for (const auto& message : *listed) EXPECT_EQ(message.id, good);
        const auto leases = lease();
        ASSERT_EQ(leases.size(), 1U);
        EXPECT_EQ(leases[0].id, good);
        spool_->release(leases[0]);
    }
    EXPECT_EQ(spool_->set_aside().size(), 1U);
    EXPECT_EQ(sink_->count("queue.record-set-aside"), 1U);
    open();
    EXPECT_EQ(spool_->set_aside().size(), 1U) << "a restart lists it still";
    EXPECT_EQ(lease().size(), 1U);
    EXPECT_EQ(sink_->count("queue.record-set-aside"), 1U);
}

INSTANTIATE_TEST_SUITE_P(
    All, DamagedRecord,
    testing::Values(
        Damage{"SenderIsNoAddress", "UPDATE message SET sender = 'a b' || x'0d0a' WHERE id = ID"},
        Damage{"SizeIsNegative", "UPDATE message SET size = -1 WHERE id = ID"},
        Damage{"ArrivedBeforeTime",
               "UPDATE message SET arrived = -9223372036854775808 WHERE id = ID"},
        Damage{"ExpiresAfterTime",
               "UPDATE message SET expires = 9223372036854775807 WHERE id = ID"},
        Damage{"ClientIsEndless",
               "UPDATE message SET client = hex(zeroblob(100000)) WHERE id = ID"},
        Damage{"SessionHasANul", "UPDATE message SET session = x'410042' WHERE id = ID"},
        Damage{"MessageIsMissing", "DELETE FROM message WHERE id = ID"},
        Damage{"LocalPartHasALineEnd",
               "UPDATE recipient SET local = 'b' || x'0d0a' || 'DATA' WHERE message = ID"},
        Damage{"DomainIsEmpty",
               "UPDATE recipient SET domain = '' WHERE message = ID AND number = 1"},
        Damage{"DomainIsNotLowerCase",
               "UPDATE recipient SET domain = 'B.example' WHERE message = ID AND number = 1"},
        Damage{"StateIsUnknown",
               "UPDATE recipient SET state = 7 WHERE message = ID AND number = 1"},
        Damage{"AttemptsAreNegative", "UPDATE recipient SET attempts = -1 WHERE message = ID"},
        Damage{"AttemptsAreEndless",
               "UPDATE recipient SET attempts = 9223372036854775807 WHERE message = ID"},
        Damage{"NextAttemptIsBeforeTime",
               "UPDATE recipient SET next_attempt = -9223372036854775808 WHERE message = ID"},
        Damage{"NumberIsNegative",
               "UPDATE recipient SET number = -5 WHERE message = ID AND number = 1"},
        Damage{"NotifyIsEndless",
               "UPDATE recipient SET notify = hex(zeroblob(100000)) WHERE message = ID"},
        Damage{"TextIsABlobWithNul", "UPDATE recipient SET text = x'00ff' WHERE message = ID"}),
    [](const auto& info) { return info.param.name; });

TEST_F(SpoolTest, AnIdThatIsNoneOfOursIsSetAside) {
    for (const char* id : {"0", "-5", "-9223372036854775808"}) {
        const QueueId made = commit("x");
        const auto number = std::to_string(*id_number(made));
        sql("UPDATE message SET id = " + std::string(id) + " WHERE id = " + number +
            "; UPDATE recipient SET message = " + id + " WHERE message = " + number);
        EXPECT_TRUE(lease().empty());
    }
    EXPECT_EQ(spool_->set_aside().size(), 3U);
}

TEST_F(SpoolTest, AnIdAtTheEndOfTheRangeDoesNotEndTheIds) {
    sql("UPDATE message SET id = 9223372036854775807 WHERE id = " +
        std::to_string(*id_number(commit("x"))));
    open();
    const QueueId id = spool_->new_id();
    EXPECT_LT(id, spool_->new_id());
    EXPECT_TRUE(try_commit(spool_->new_id(), "y", {"b@b.example"}).has_value());
}

TEST_F(SpoolTest, ABodyWithOneOtherByteIsNotPassedOnAsWhole) {
    const QueueId small = commit("hello");
    const QueueId large = commit(std::string(200000, 'x'));
    sql("UPDATE body SET bytes = 'hellO' WHERE id = " + std::to_string(*id_number(small)));
    std::fstream file(directory_.path("bodies/" + large), std::ios::in | std::ios::out);
    file.seekp(100000);
    file << 'y';
    file.close();
    for (const QueueId& id : {small, large}) {
        const auto body = read_body(id);
        ASSERT_FALSE(body.has_value());
        EXPECT_EQ(body.error().kind, FaultKind::Input);
    }
}

TEST_F(SpoolTest, ABodyThatIsShorterLongerOrGoneIsAFault) {
    for (const char* change :
         {"UPDATE body SET bytes = 'hell' WHERE id = ",
          "UPDATE body SET bytes = 'hello!' WHERE id = ", "DELETE FROM body WHERE id = ",
          "UPDATE message SET size = 4 WHERE id = ", "UPDATE message SET size = -1 WHERE id = ",
          "UPDATE message SET in_file = 1 WHERE id = "}) {
        const QueueId id = commit("hello");
        sql(change + std::to_string(*id_number(id)));
        EXPECT_FALSE(read_body(id).has_value()) << change;
    }
}

TEST_F(SpoolTest, ALinkInPlaceOfABodyIsNotFollowed) {
    const QueueId id = commit(std::string(5000, 'x'));
    directory_.write("secret", std::string(5000, 'x'));
    std::filesystem::remove(directory_.path("bodies/" + id));
    std::filesystem::create_symlink(directory_.path("secret"), directory_.path("bodies/" + id));
    EXPECT_FALSE(read_body(id).has_value());
}

TEST_F(SpoolTest, AFileThatARecordNamesInAnyWayStaysAtOpen) {
    const QueueId id = commit(std::string(5000, 'x'));
    sql("UPDATE message SET in_file = 2");
    open();
    EXPECT_EQ(read_body(id), std::string(5000, 'x'));
}

TEST_F(SpoolTest, AFileThatIsNoDatabaseIsAFaultAndIsLeftAsItIs) {
    spool_.reset();
    const std::string rubbish(100000, 'r');
    directory_.write("queue.db", rubbish);
    std::filesystem::remove(directory_.path("queue.db-wal"));
    const auto opened = Spool::open(options_in(directory_.path()), observe::Log(sink_));
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(directory_.read("queue.db"), rubbish);
}

TEST(QueueIds, OnlySixteenHexadecimalDigitsAboveZeroAreOne) {
    EXPECT_EQ(id_number("00000000000000FF"), 255);
    EXPECT_EQ(id_text(255), "00000000000000FF");
    EXPECT_EQ(id_text(*id_number("7FFFFFFFFFFFFFFF")), "7FFFFFFFFFFFFFFF");
    for (const char* text : {"", "FF", "0000000000000000", "-0000000000000FF", "00000000000000FG",
                             "8000000000000000", "00000000000000FF0", " 0000000000000FF"}) {
        EXPECT_EQ(id_number(text), std::nullopt) << text;
    }
}

}  // namespace
}  // namespace valija::queue
