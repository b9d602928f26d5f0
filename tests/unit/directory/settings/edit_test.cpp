#include "directory/settings/edit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/directory/settings/home.hpp"

namespace valija::settings {
namespace {

using test::Home;
using testing::HasSubstr;

const std::string file = "etc/partners.d/a.toml";

class Edit : public testing::Test {
  protected:
    Edit() { home_.write("etc/valija.toml", "hostname = \"mail.contoso.com\"\n"); }

    std::string after(const std::string& before, const std::vector<Change>& changes) {
        home_.write(file, before);
        const auto done = change_file(home_.path(), file, changes);
        EXPECT_TRUE(done) << (done ? "" : done.error().front().where());
        return home_.read(file);
    }

    Home home_;
};

TEST_F(Edit, ChangesOnlyTheBytesOfTheValue) {
    const std::string before =
        "# The bank\r\ndomains   = [ \"a.example\",  # old\r\n  \"b.example\" ]\r\n"
        "send = 'monitor'   # since \xC3\xA1 2026\r\n\r\n# end";
    std::string wanted = before;
    wanted.replace(wanted.find("'monitor'"), 9, "\"enforce\"");
    EXPECT_EQ(after(before, {{"send", "\"enforce\""}}), wanted);
}

TEST_F(Edit, ReplacesAListOverSeveralLines) {
    EXPECT_EQ(after("domains = [\n  \"a.example\", # one\n] # all\nsend = \"off\"\n",
                    {{"domains", "[\"c.example\"]"}}),
              "domains = [\"c.example\"] # all\nsend = \"off\"\n");
}

TEST_F(Edit, AddsANewKeyBehindTheLastOne) {
    EXPECT_EQ(after("domains = [\"a.example\"]", {{"send", "\"off\""}}),
              "domains = [\"a.example\"]\nsend = \"off\"\n");
    EXPECT_EQ(after("# note\ndomains = [\"a.example\"] # x\n\n# end\n", {{"send", "\"off\""}}),
              "# note\ndomains = [\"a.example\"] # x\nsend = \"off\"\n\n# end\n");
}

TEST_F(Edit, RemovesAKeyWithItsLine) {
    EXPECT_EQ(after("domains = [\"a.example\"]\nsend = \"off\" # for now\n# end\n",
                    {{"send", std::nullopt}}),
              "domains = [\"a.example\"]\n# end\n");
}

TEST_F(Edit, KnowsSectionsAndDottedKeys) {
    const auto server = [&](const std::string& before, const Change& change) {
        home_.write("etc/valija.toml", before);
        const auto done = change_file(home_.path(), "etc/valija.toml", {change});
        EXPECT_TRUE(done) << (done ? "" : done.error().front().where());
        return home_.read("etc/valija.toml");
    };
    EXPECT_EQ(server("hostname = \"a.b\"\n[queue]\nlife = \"1d\"\n\n[dns]\n",
                     {"queue.reserve", "\"1M\""}),
              "hostname = \"a.b\"\n[queue]\nlife = \"1d\"\nreserve = \"1M\"\n\n[dns]\n");
    EXPECT_EQ(server("hostname = \"a.b\"\n[queue]\n[dns]\n", {"dns.deadline", "\"2s\""}),
              "hostname = \"a.b\"\n[queue]\n[dns]\ndeadline = \"2s\"\n");
    EXPECT_EQ(server("hostname = \"a.b\"\n# q\n[queue]\n", {"smtp_port", "2525"}),
              "hostname = \"a.b\"\nsmtp_port = 2525\n# q\n[queue]\n");
    EXPECT_EQ(server("hostname = \"a.b\"\nqueue.life = \"1d\"\n", {"queue.reserve", "\"1M\""}),
              "hostname = \"a.b\"\nqueue.life = \"1d\"\nqueue.reserve = \"1M\"\n");
}

TEST_F(Edit, AnInvalidChangeWritesNothing) {
    home_.write(file, "domains = [\"a.example\"]\n");
    const auto done = change_file(home_.path(), file, {{"send", "\"always\""}});
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().front().where(), HasSubstr("a.toml:2:8"));
    EXPECT_EQ(home_.read(file), "domains = [\"a.example\"]\n");
    EXPECT_FALSE(change_file(home_.path(), "etc/partners.d/b.toml", {{"send", "\"off\""}}));
    EXPECT_FALSE(home_.has("etc/partners.d/b.toml"));
}

TEST_F(Edit, WhatStandsWithinBracesIsLeftToAPerson) {
    home_.write("etc/valija.toml", "hostname = \"a.b\"\nqueue = { life = \"1d\" }\n");
    EXPECT_FALSE(change_file(home_.path(), "etc/valija.toml", {{"queue.reserve", "\"1M\""}}));
    EXPECT_FALSE(change_file(home_.path(), "etc/valija.toml", {{"queue.life", std::nullopt}}));
    EXPECT_TRUE(change_file(home_.path(), "etc/valija.toml", {{"queue.life", "\"2d\""}}));
    EXPECT_EQ(home_.read("etc/valija.toml"), "hostname = \"a.b\"\nqueue = { life = \"2d\" }\n");
}

TEST_F(Edit, NoFileOutsideTheDirectoryIsTouched) {
    for (const std::string name : {"etc/partners.d/../../x.toml", "x.toml", "etc/partners.d/.toml",
                                   "etc/partners.d/a/b.toml", "/tmp/x.toml"}) {
        EXPECT_FALSE(change_file(home_.path(), name, {{"domains", "[\"a.example\"]"}})) << name;
        EXPECT_FALSE(remove_file(home_.path(), name)) << name;
    }
}

TEST_F(Edit, RemovingAFileIsValidatedToo) {
    home_.write(file, "domains = [\"a.example\"]\n");
    EXPECT_TRUE(remove_file(home_.path(), file));
    EXPECT_FALSE(home_.has(file));
    EXPECT_FALSE(remove_file(home_.path(), "etc/valija.toml"));
    EXPECT_TRUE(home_.has("etc/valija.toml"));
}

TEST(TomlValue, FollowsTheTypeOfTheRow) {
    const auto value = [](const std::string& key, const std::string& words) -> std::string {
        for (const SettingRow& row : setting_rows()) {
            if (row.key != key) continue;
            const auto made = toml_value(row, words);
            return made ? *made : made.error().text();
        }
        return "no row";
    };
    EXPECT_EQ(value("send", "enforce"), "\"enforce\"");
    EXPECT_EQ(value("domains", "a.example, b.example,"), "[\"a.example\", \"b.example\"]");
    EXPECT_EQ(value("trust", ""), "[]");
    EXPECT_EQ(value("protect_header_from", "true"), "true");
    EXPECT_THAT(value("protect_header_from", "yes"), HasSubstr("true or false"));
    EXPECT_EQ(value("smtp_port", "25"), "25");
    EXPECT_THAT(value("smtp_port", "1K"), HasSubstr("a number"));
    EXPECT_THAT(value("smtp_port", "25\nx = 1"), HasSubstr("a number"));
    EXPECT_EQ(value("queue.life", "5d"), "\"5d\"");
    EXPECT_EQ(value("contact", "a\"b\\"), "\"a\\\"b\\\\\"");
}

}  // namespace
}  // namespace valija::settings
