// Damaged pages of the database: each message is delivered whole or set aside, none is forgotten,
// and the damaged file stays.
#include <filesystem>
#include <map>
#include <set>

#include "transport/queue/spool_records.hpp"
#include "unit/transport/queue/spool_fixture.hpp"

namespace valija::queue {
namespace {

constexpr size_t kPage = 16384;

class SalvageTest : public SpoolTest {
  protected:
    // Enough for several pages of each table; every tenth body is a file.
    void fill() {
        for (int i = 0; i < 250; ++i) {
            const std::string content(i % 10 == 0 ? 5000U : 900U, static_cast<char>('a' + i % 26));
            const auto number = std::to_string(i);
            contents_[commit(content, {"b" + number + "@b.example", "c@c.example"})] = content;
        }
        spool_.reset();
        sound_ = directory_.read("queue.db");
        for (const std::string& name : body_files())
            files_[name] = directory_.read("bodies/" + name);
    }

    // The queue as it was filled, with one page overwritten.
    void damage(size_t page, char with) {
        spool_.reset();
        for (const std::string& name : directory_.names()) {
            if (name.starts_with("queue.db")) std::filesystem::remove(directory_.path(name));
        }
        std::string bytes = sound_;
        bytes.replace(page * kPage, kPage, std::string(kPage, with));
        directory_.write("queue.db", bytes);
        for (const auto& [name, content] : files_) directory_.write("bodies/" + name, content);
        sink_ = std::make_shared<test::LinesSink>();
    }

    std::set<QueueId> aside() const {
        std::set<QueueId> ids;
        for (const std::string& line : spool_->set_aside()) ids.insert(line.substr(0, 16));
        return ids;
    }

    size_t damaged_files() const {
        size_t found = 0;
        for (const std::string& name : directory_.names()) {
            found += name.starts_with("queue.db.damaged-") ? 1U : 0U;
        }
        return found;
    }

    // Reads all that may be delivered. Of each message: whole, or set aside by now.
    void expect_all_accounted_for() {
        std::set<QueueId> leased;
        for (const Lease& one : lease(kNow, 1000)) {
            leased.insert(one.id);
            ASSERT_TRUE(contents_.contains(one.id)) << one.id;
            const auto body = read_body(one.id);
            if (body) EXPECT_EQ(*body, contents_[one.id]);
            if (!body) refused_.insert(one.id);
            spool_->release(one);
        }
        summary();  // the writer has done what was handed to it
        const auto set_aside = aside();
        for (const auto& [id, content] : contents_) {
            EXPECT_TRUE(leased.contains(id) || set_aside.contains(id)) << id << " is forgotten";
        }
        for (const QueueId& id : refused_) EXPECT_TRUE(set_aside.contains(id)) << id;
        std::set<QueueId> again;
        for (const Lease& one : lease(kNow, 1000)) again.insert(one.id);
        for (const QueueId& id : set_aside) EXPECT_FALSE(again.contains(id)) << id;
        EXPECT_EQ(sink_->count("queue.record-set-aside"), set_aside.size());
    }

    std::map<QueueId, std::string> contents_;
    std::map<std::string, std::string> files_;
    std::string sound_;
    std::set<QueueId> refused_;
};

TEST_F(SalvageTest, WhicheverPageIsDamagedNoMessageIsForgotten) {
    fill();
    size_t at_open = 0;
    size_t later = 0;
    const size_t pages = sound_.size() / kPage;
    ASSERT_GT(pages, 20U);
    for (size_t page = 1; page < pages; ++page) {
        const char with = std::string_view("\0x\xff", 3)[page % 3];
        SCOPED_TRACE("page " + std::to_string(page) + " overwritten by " +
                     std::to_string(int{with}));
        damage(page, with);
        refused_.clear();
        open();
        if (HasFatalFailure()) return;
        const size_t salvaged = sink_->count("queue.salvaged");
        expect_all_accounted_for();
        const size_t all_salvaged = sink_->count("queue.salvaged");
        EXPECT_EQ(damaged_files(), all_salvaged);
        at_open += salvaged;
        later += all_salvaged - salvaged;
        const auto before = aside();
        const QueueId next = commit("new");
        open();
        EXPECT_EQ(sink_->count("queue.salvaged"), all_salvaged) << "the new file is sound";
        EXPECT_EQ(aside(), before);
        EXPECT_EQ(read_body(next), "new");
        if (HasFailure()) return;
    }
    EXPECT_GT(at_open, 5U) << "pages of messages and recipients";
    EXPECT_GT(later, 5U) << "pages of bodies";
}

TEST_F(SalvageTest, ADamagedPageCostsOnlyTheMessagesThatLieOnIt) {
    fill();
    const size_t place = sound_.rfind("b125b.example");
    ASSERT_NE(place, std::string::npos);
    damage(place / kPage, 'x');
    open();
    EXPECT_EQ(sink_->count("queue.salvaged"), 1U);
    EXPECT_GT(aside().size(), 0U);
    EXPECT_LT(aside().size(), 200U);
    expect_all_accounted_for();
}

TEST_F(SalvageTest, TheDamagedFileIsKeptAsItWas) {
    fill();
    damage(sound_.rfind("b125b.example") / kPage, 'x');
    const std::string damaged = directory_.read("queue.db");
    directory_.write("queue.db.new", "of a salvage that did not come to its end");
    open();
    std::string kept;
    for (const std::string& name : directory_.names()) {
        if (name.starts_with("queue.db.damaged-")) kept = directory_.read(name);
    }
    EXPECT_EQ(kept.size(), damaged.size());
    EXPECT_EQ(kept.substr(kPage), damaged.substr(kPage)) << "all but the header's counters";
    EXPECT_FALSE(directory_.names().contains("queue.db.new"));
}

TEST_F(SalvageTest, AFileOfABodyWhoseRowsAreLostIsKeptAndListed) {
    fill();
    const QueueId id = "00000000ABCDEF01";
    damage(sound_.rfind("b125b.example") / kPage, 'x');
    directory_.write("bodies/" + id, "a body that no readable page names");
    open();
    EXPECT_TRUE(aside().contains(id));
    open();
    EXPECT_TRUE(aside().contains(id));
    EXPECT_EQ(directory_.read("bodies/" + id), "a body that no readable page names");
}

TEST_F(SalvageTest, AFileWhoseTablesCannotBeFoundIsAFaultAndIsLeftAsItIs) {
    fill();
    damage(0, 'x');
    std::string bytes = sound_;
    bytes.replace(100, kPage - 100, std::string(kPage - 100, 'x'));
    directory_.write("queue.db", bytes);
    EXPECT_FALSE(Spool::open(options_in(directory_.path()), observe::Log(sink_)).has_value());
    EXPECT_EQ(directory_.read("queue.db"), bytes);
    EXPECT_EQ(damaged_files(), 0U);
    EXPECT_EQ(body_files().size(), files_.size());
}

TEST_F(SalvageTest, AMessageWithADamagedBodyIsNotTriedAgain) {
    const QueueId id = commit("hello");
    const Lease held = lease_one();
    sql("UPDATE body SET bytes = 'hellO'");
    EXPECT_FALSE(read_body(id).has_value());
    EXPECT_FALSE(read_body(id).has_value());
    ASSERT_TRUE(settle(held, RecipientState::Waiting).has_value());
    EXPECT_TRUE(lease().empty());
    EXPECT_EQ(sink_->count("queue.record-set-aside"), 1U);
    EXPECT_EQ(aside(), std::set<QueueId>{id});
    open();
    EXPECT_TRUE(lease().empty());
    EXPECT_EQ(aside(), std::set<QueueId>{id});
}

TEST_F(SalvageTest, WhatWasDeliveredBeforeItWasSetAsideIsRecorded) {
    const QueueId id = commit("hello", {"b@b.example", "c@c.example"});
    const auto leases = lease();
    ASSERT_EQ(leases.size(), 2U);
    sql("UPDATE body SET bytes = 'hellO'");
    EXPECT_FALSE(read_body(id).has_value());
    ASSERT_TRUE(settle(leases[0], RecipientState::Delivered).has_value());
    ASSERT_TRUE(settle(leases[1], RecipientState::Waiting).has_value());
    const auto found = find(id);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->recipients[0].state, RecipientState::Delivered);
    EXPECT_TRUE(lease().empty());
}

}  // namespace
}  // namespace valija::queue
