// Files: bounded reads, writes that are there as a whole or not at all, locks.
#include "platform/store/file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <optional>

#include "support/temporary_directory.hpp"

namespace valija::store {
namespace {

unsigned mode_of(const std::string& path) {
    struct stat status{};
    EXPECT_EQ(stat(path.c_str(), &status), 0);
    return status.st_mode & 07777U;
}

TEST(ReadFile, GivesAllUpToTheLimitAndAFaultBeyondIt) {
    const test::TemporaryDirectory directory;
    const std::string content(200000, 'x');
    directory.write("a", content);
    EXPECT_EQ(read_file(directory.path("a"), content.size()), content);
    const auto larger = read_file(directory.path("a"), content.size() - 1);
    ASSERT_FALSE(larger.has_value());
    EXPECT_EQ(larger.error().kind, FaultKind::Input);
    EXPECT_EQ(read_file("/dev/zero", 1000).error().kind, FaultKind::Input);
    directory.write("empty", "");
    EXPECT_EQ(read_file(directory.path("empty"), 0), "");
}

// In one of our folders it would stop the server's start; on a command line it is `<(…)`.
TEST(ReadFile, APipeIsReadToItsEndAndNeverWaitedForWhereNobodyWrites) {
    const test::TemporaryDirectory directory;
    const std::string pipe = directory.path("pipe");
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_EQ(read_file(pipe, 100), "");
    const pid_t writer = ::fork();
    ASSERT_GE(writer, 0);
    if (writer == 0) {
        const int end = ::open(pipe.c_str(), O_WRONLY);
        const bool written = end >= 0 && ::write(end, "ab", 2) == 2 && ::write(end, "c", 1) == 1;
        ::_exit(written ? 0 : 1);
    }
    std::string read;
    while (read.empty()) {  // until the writer is there
        const auto piece = read_file(pipe, 100);
        ASSERT_TRUE(piece);
        read = *piece;
    }
    EXPECT_EQ(read, "abc");
    int status = -1;
    EXPECT_EQ(::waitpid(writer, &status, 0), writer);
    EXPECT_EQ(status, 0);
}

TEST(ReadFile, WhatIsMissingOrADirectoryIsAFaultWithItsPath) {
    const test::TemporaryDirectory directory;
    for (const std::string& path : {directory.path("missing"), directory.path()}) {
        const auto read = read_file(path, 100);
        ASSERT_FALSE(read.has_value());
        EXPECT_EQ(read.error().kind, FaultKind::System);
        EXPECT_NE(read.error().text().find(path), std::string::npos);
    }
}

TEST(WriteFile, ReplacesTheWholeAndLeavesNothingBeside) {
    const test::TemporaryDirectory directory;
    ASSERT_TRUE(write_file(directory.path("a"), std::string("one\0two", 7)).has_value());
    EXPECT_EQ(directory.read("a"), std::string("one\0two", 7));
    ASSERT_TRUE(write_file(directory.path("a"), "new").has_value());
    EXPECT_EQ(directory.read("a"), "new");
    EXPECT_EQ(directory.names(), std::set<std::string>{"a"});
}

TEST(WriteFile, TheModeIsExactlyTheOneAskedFor) {
    const test::TemporaryDirectory directory;
    const mode_t before = umask(0077);
    EXPECT_TRUE(write_file(directory.path("a"), "x").has_value());
    EXPECT_TRUE(write_file(directory.path("key"), "x", 0600).has_value());
    umask(before);
    EXPECT_EQ(mode_of(directory.path("a")), 0640U);
    EXPECT_EQ(mode_of(directory.path("key")), 0600U);
}

TEST(WriteFile, AFailedOneLeavesTheOldContentAndNoTemporaryFile) {
    const test::TemporaryDirectory directory;
    std::filesystem::create_directory(directory.path("a"));
    directory.write("a/b", "in the way");  // a rename cannot replace a directory with content
    EXPECT_FALSE(write_file(directory.path("a"), "x").has_value());
    EXPECT_EQ(directory.names(), std::set<std::string>{"a"});
    EXPECT_FALSE(write_file(directory.path("missing/a"), "x").has_value());
}

TEST(WriteFile, AReaderOfTheOldFileKeepsIt) {
    const test::TemporaryDirectory directory;
    ASSERT_TRUE(write_file(directory.path("a"), "old").has_value());
    std::ifstream reader(directory.path("a"));
    ASSERT_TRUE(write_file(directory.path("a"), "new").has_value());
    std::string text;
    reader >> text;
    EXPECT_EQ(text, "old");
}

TEST(Directories, AreMadeWithAllAboveThemAndMayBeThere) {
    const test::TemporaryDirectory directory;
    ASSERT_TRUE(make_directories(directory.path("a/b/c"), 0700).has_value());
    EXPECT_EQ(mode_of(directory.path("a/b/c")), 0700U);
    EXPECT_TRUE(make_directories(directory.path("a/b/c")).has_value());
    EXPECT_TRUE(sync_directory(directory.path("a/b/c")).has_value());
    directory.write("file", "x");
    EXPECT_FALSE(make_directories(directory.path("file/below")).has_value());
    EXPECT_FALSE(sync_directory(directory.path("file")).has_value());
}

TEST(RemoveFile, AMissingOneIsNoFaultAndADirectoryIs) {
    const test::TemporaryDirectory directory;
    directory.write("a", "x");
    EXPECT_TRUE(remove_file(directory.path("a")).has_value());
    EXPECT_TRUE(remove_file(directory.path("a")).has_value());
    EXPECT_TRUE(directory.names().empty());
    EXPECT_FALSE(remove_file(directory.path()).has_value());
}

TEST(ListFiles, AreSortedOfTheSuffixAndWithoutHiddenOnes) {
    const test::TemporaryDirectory directory;
    for (const char* name : {"b.toml", "a.toml", ".hidden.toml", "a.toml~", "toml"}) {
        directory.write(name, "");
    }
    EXPECT_EQ(list_files(directory.path(), ".toml"),
              (std::vector<std::string>{"a.toml", "b.toml"}));
    EXPECT_EQ(list_files(directory.path(), "")->size(), 4U);
    EXPECT_FALSE(list_files(directory.path("missing"), "").has_value());
}

TEST(LockFile, IsHeldByOneAtATimeAsLongAsTheObjectLives) {
    const test::TemporaryDirectory directory;
    std::optional<LockFile> first(std::move(LockFile::take(directory.path("lock")).value()));
    const auto second = LockFile::take(directory.path("lock"));
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().kind, FaultKind::System);
    const LockFile moved(std::move(*first));
    first.reset();
    EXPECT_FALSE(LockFile::take(directory.path("lock")).has_value()) << "it went on by the move";
}

TEST(LockFile, GoesWithItsProcessHoweverThatEnds) {
    const test::TemporaryDirectory directory;
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        const auto lock = LockFile::take(directory.path("lock"));
        const char answer = lock ? 'y' : 'n';
        static_cast<void>(write(ready[1], &answer, 1) == 1);
        while (true) pause();
    }
    char answer = 0;
    ASSERT_EQ(read(ready[0], &answer, 1), 1);
    EXPECT_EQ(answer, 'y');
    EXPECT_FALSE(LockFile::take(directory.path("lock")).has_value());
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_TRUE(LockFile::take(directory.path("lock")).has_value());
    close(ready[0]);
    close(ready[1]);
}

}  // namespace
}  // namespace valija::store
