// `usage selector matching-type hex`, as `valija certificate verify --tlsa` reads it.
#include "trust/dane/tlsa_text.hpp"

#include <gmock/gmock.h>

namespace valija::dane {
namespace {

TEST(TlsaText, ALineIsUsageSelectorMatchingAndHex) {
    const auto records = read_tlsa_lines(
        "3 1 1 00ff7F\n"
        "\n"
        "# a comment\n"
        "; as in zone files\n"
        "  2\t0  0   00 01\t02  \r\n"
        "255 255 255 aa");
    ASSERT_TRUE(records) << records.error().text();
    ASSERT_EQ(records->size(), 3U);
    EXPECT_EQ((*records)[0].usage, 3U);
    EXPECT_EQ((*records)[0].selector, 1U);
    EXPECT_EQ((*records)[0].matching, 1U);
    EXPECT_EQ((*records)[0].data, std::string("\x00\xFF\x7F", 3));
    EXPECT_EQ((*records)[1].data, std::string("\x00\x01\x02", 3));
    EXPECT_EQ((*records)[2].usage, 255U);
}

TEST(TlsaText, AnythingElseIsAFaultWithItsLine) {
    for (const char* bad : {"3 1 1", "3 1", "3 1 1 0", "3 1 1 xx", "256 1 1 aa", "-1 1 1 aa",
                            "3 1 1 aa zz", "a b c dd", "3 1 1aa", "3,1,1 aa", "3 1 1 0x00"}) {
        const auto records = read_tlsa_lines(std::string("3 1 1 aa\n") + bad);
        ASSERT_FALSE(records) << bad;
        EXPECT_EQ(records.error().kind, FaultKind::Input);
        EXPECT_THAT(records.error().text(), testing::HasSubstr("line 2")) << bad;
    }
}

TEST(TlsaText, NothingIsNoRecord) {
    EXPECT_TRUE(read_tlsa_lines("")->empty());
    EXPECT_TRUE(read_tlsa_lines("\n#x\n")->empty());
}

TEST(TlsaText, CountAndLengthAreBounded) {
    std::string lines;
    for (int i = 0; i < 100; ++i) lines += "3 1 1 aa\n";
    EXPECT_EQ(read_tlsa_lines(lines)->size(), 100U);
    EXPECT_FALSE(read_tlsa_lines(lines + "3 1 1 aa\n"));
    EXPECT_TRUE(read_tlsa_lines("2 0 0 " + std::string(2 * 65536, 'a')));
    EXPECT_FALSE(read_tlsa_lines("2 0 0 " + std::string(2 * 65536 + 2, 'a')));
}

}  // namespace
}  // namespace valija::dane
