// Bodies in files: written once, published under their final name.
#include "transport/queue/body_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/temporary_directory.hpp"

namespace valija::queue {
namespace {

TEST(BodyFile, IsReadBackInPiecesAfterItWasPublished) {
    const test::TemporaryDirectory directory;
    auto file = BodyFile::create(directory.path("a.part"));
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE(file->append("hello ").has_value());
    ASSERT_TRUE(file->append("").has_value());
    ASSERT_TRUE(file->append("world").has_value());
    ASSERT_TRUE(file->publish(directory.path("a.part"), directory.path("A")).has_value());
    EXPECT_EQ(directory.names(), std::set<std::string>{"A"});
    auto reader = BodyFile::open(directory.path("A"));
    ASSERT_TRUE(reader.has_value());
    std::string text;
    char buffer[4];
    while (true) {
        const auto got = reader->read(buffer, sizeof buffer);
        ASSERT_TRUE(got.has_value());
        if (*got == 0) break;
        text.append(buffer, *got);
    }
    EXPECT_EQ(text, "hello world");
}

TEST(BodyFile, NeverOpensAFileThatIsThereAlready) {
    const test::TemporaryDirectory directory;
    directory.write("a.part", "another's");
    std::filesystem::create_symlink(directory.path("elsewhere"), directory.path("b.part"));
    EXPECT_FALSE(BodyFile::create(directory.path("a.part")).has_value());
    EXPECT_FALSE(BodyFile::create(directory.path("b.part")).has_value());
    EXPECT_EQ(directory.read("a.part"), "another's");
    EXPECT_FALSE(std::filesystem::exists(directory.path("elsewhere")));
}

TEST(BodyFile, IsNotReadableByEverybody) {
    const test::TemporaryDirectory directory;
    ASSERT_TRUE(BodyFile::create(directory.path("a")).has_value());
    const auto mode = std::filesystem::status(directory.path("a")).permissions();
    EXPECT_EQ(mode & std::filesystem::perms::others_all, std::filesystem::perms::none);
}

TEST(BodyFile, WhatIsMissingIsAFaultWithItsPath) {
    const auto file = BodyFile::open("/nowhere/at/all");
    ASSERT_FALSE(file.has_value());
    EXPECT_EQ(file.error().kind, FaultKind::System);
    EXPECT_NE(file.error().text().find("/nowhere/at/all"), std::string::npos);
}

TEST(FreeSpace, IsKnownForADirectoryAndAFaultForNone) {
    const test::TemporaryDirectory directory;
    EXPECT_GT(free_space(directory.path()).value(), 0U);
    EXPECT_FALSE(free_space("/nowhere/at/all").has_value());
}

}  // namespace
}  // namespace valija::queue
