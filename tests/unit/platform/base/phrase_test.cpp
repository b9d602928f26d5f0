// Sentences in two languages; the record form that lies in the queue (design decision 14).
#include "platform/base/phrase.hpp"

#include <gtest/gtest.h>

#include <set>

namespace valija {
namespace {

TEST(Phrase, EveryRowIsWholeInBothLanguagesAndStandsOnce) {
    std::set<std::string_view> seen;
    for (const PhraseRow& row : kPhrases) {
        EXPECT_FALSE(row.english.empty());
        EXPECT_FALSE(row.spanish.empty()) << row.english;
        EXPECT_EQ(values_of(row.english), values_of(row.spanish)) << row.english;
        EXPECT_TRUE(seen.insert(row.english).second) << "twice: " << row.english;
    }
}

TEST(Phrase, TheLanguageIsChosenWhenItIsRead) {
    const Text text = say("{} is not valid yet: valid from {}, it is {}", "CN=a",
                          say("{} to {}", "monday", "friday"), "sunday");
    EXPECT_EQ(text.english(), "CN=a is not valid yet: valid from monday to friday, it is sunday");
    EXPECT_EQ(text.in(Language::Spanish),
              "CN=a aún no es válido: válido de monday a friday, ahora es sunday");
}

TEST(Phrase, AValueIsNeverReadAsASentence) {
    const Text text = say("valid from {}", "{} and {0}");
    EXPECT_EQ(text.english(), "valid from {} and {0}");
}

TEST(Phrase, PartsFollowEachOther) {
    Text text = say("exact") + Text::verbatim(" ");
    text += text;
    EXPECT_EQ(text.english(), "exact exact ");
    EXPECT_TRUE(Text().empty());
    EXPECT_TRUE(Text::verbatim("").empty());
}

TEST(Phrase, ARecordGivesTheSameTextBack) {
    const Text text = say("{}: {}", "a\\x1Bb\\n", say("valid from {}", say("{} to {}", 1, 2))) +
                      Text::verbatim("S0:3:abc");
    EXPECT_EQ(text.record().find_first_of("\t\n"), std::string::npos);
    const Text back = Text::from_record(text.record());
    EXPECT_EQ(back.english(), text.english());
    EXPECT_EQ(back.in(Language::Spanish), text.in(Language::Spanish));
}

// Records of earlier versions are plain words; damaged ones must not do harm.
TEST(Phrase, WhatIsNoRecordIsTakenAsWords) {
    for (const std::string record :
         {"connected to a", "S", "S1", "S1:2:ab", "S1:99999999999999999999:x", "V0:9:short",
          "S99:1:a", "S1:1:a1;", "S1:1:a18446744073709551615;V0:1:b", "V0:1:ab"}) {
        EXPECT_EQ(Text::from_record(record).english(), record);
    }
    EXPECT_EQ(Text::from_record("a\\\\x1B").english(), "a\\x1B");
}

// It came from a disk, and goes to a terminal.
TEST(Phrase, ControlCharactersOfARecordAreEscaped) {
    EXPECT_EQ(Text::from_record("a\x1B[2J\\tb").english(), "a\\x1B[2J\\x09b");
    EXPECT_EQ(Text::from_record("V0:2:a\x7F").english(), "a\\x7F");
    EXPECT_EQ(Text::verbatim("a\tb").record(), "V0:4:a\\tb");
}

TEST(Phrase, ADeepRecordIsNotFollowed) {
    std::string record;
    for (int i = 0; i < 1000; ++i) record += "S1:1:a1;";
    EXPECT_EQ(Text::from_record(record).english(), record);
}

TEST(Phrase, ASentenceOutsideTheCatalogueIsShownAsItStands) {
    const Text text = Text::from_record("S1:7:was {} V0:1:b");
    EXPECT_EQ(text.in(Language::Spanish), text.english());
}

TEST(Phrase, LanguagesHaveTheirWords) {
    EXPECT_EQ(language_of("es"), Language::Spanish);
    EXPECT_EQ(language_of("en"), Language::English);
    EXPECT_EQ(language_of("fr"), std::nullopt);
}

}  // namespace
}  // namespace valija
