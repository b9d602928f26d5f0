#include "platform/store/ownership.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "support/temporary_directory.hpp"

namespace valija::store {
namespace {

namespace fs = std::filesystem;

const Account kNobody{.user = 65534, .group = 65534};

class OwnershipTest : public testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
        fs::create_directories(home.path("tree/below"));
        home.write("tree/below/file", "x");
        home.write("outside", "root's");
    }

    struct stat facts(const std::string& name) const {
        struct stat found{};
        EXPECT_EQ(::lstat(home.path(name).c_str(), &found), 0) << name;
        return found;
    }

    test::TemporaryDirectory home;
};

TEST_F(OwnershipTest, ATreeIsGivenWithAllThatIsInIt) {
    ASSERT_TRUE(give_tree(home.path("tree"), kNobody));
    for (const std::string name : {"tree", "tree/below", "tree/below/file"}) {
        EXPECT_EQ(facts(name).st_uid, kNobody.user) << name;
    }
    EXPECT_EQ(facts("outside").st_uid, 0U);
}

// Neither way leads to a file of root's elsewhere.
TEST_F(OwnershipTest, LinksOfBothKindsAreLeftAlone) {
    fs::create_symlink(home.path("outside"), home.path("tree/soft"));
    fs::create_hard_link(home.path("outside"), home.path("tree/hard"));
    ASSERT_TRUE(give_tree(home.path("tree"), kNobody));
    ASSERT_TRUE(share_tree(home.path("tree"), kNobody.group));
    EXPECT_EQ(facts("outside").st_uid, 0U);
    EXPECT_EQ(facts("outside").st_gid, 0U);
    EXPECT_EQ(facts("tree/below/file").st_uid, kNobody.user);
}

TEST_F(OwnershipTest, WhatIsSharedTheGroupMayReadAndNothingMore) {
    fs::permissions(home.path("tree/below/file"), fs::perms(0600));
    fs::permissions(home.path("tree/below"), fs::perms(0700));
    ASSERT_TRUE(share_tree(home.path("tree"), kNobody.group));
    EXPECT_EQ(facts("tree/below/file").st_mode & 07777, 0640U);
    EXPECT_EQ(facts("tree/below").st_mode & 07777, 02750U);
    EXPECT_EQ(facts("tree/below/file").st_gid, kNobody.group);
    EXPECT_EQ(facts("tree/below/file").st_uid, 0U);
    home.write("tree/below/later", "y");
    EXPECT_EQ(facts("tree/below/later").st_gid, kNobody.group);
}

TEST_F(OwnershipTest, WhatIsNotThereIsAFaultWithItsName) {
    const auto given = give_tree(home.path("none"), kNobody);
    ASSERT_FALSE(given);
    EXPECT_NE(given.error().text().find("none"), std::string::npos);
}

TEST_F(OwnershipTest, ThereIsNoWayBack) {
    const pid_t child = ::fork();
    if (child == 0) {
        const bool is_nobody = become(kNobody, Keeps::Nothing) && ::geteuid() == kNobody.user &&
                               ::setuid(0) != 0 && ::getgroups(0, nullptr) == 0;
        ::_exit(is_nobody ? 7 : 8);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST(Account, ThatIsNotThereIsNone) {
    EXPECT_FALSE(account_of("no-such-user-of-valija"));
    ASSERT_TRUE(account_of("root"));
    EXPECT_EQ(account_of("root")->user, 0U);
}

}  // namespace
}  // namespace valija::store
