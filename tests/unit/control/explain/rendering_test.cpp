#include "control/explain/rendering.hpp"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "support/certificates.hpp"

namespace valija::explain {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Rendering, TheTerminalsLanguageIsThatOfTheFirstVariableThatIsSet) {
    EXPECT_EQ(language_of_terminal("", "", ""), Language::English);
    EXPECT_EQ(language_of_terminal("", "", "es_ES.UTF-8"), Language::Spanish);
    EXPECT_EQ(language_of_terminal("C", "", "es_ES.UTF-8"), Language::English);
    EXPECT_EQ(language_of_terminal("", "es", "en_GB"), Language::Spanish);
}

TEST(Rendering, KeysOfJsonAreEnglishAndSentencesAreInTheLanguageAskedFor) {
    identity::Ladder ladder;
    ladder.add({.name = identity::StepName::Usage,
                .state = identity::StepState::Fail,
                .evidence = say("extended key usage lacks {}", "clientAuth"),
                .actor = identity::Actor::Partner,
                .reason = identity::Reason::UsageInvalid});
    const std::string spanish = boost::json::serialize(json_of(ladder, Language::Spanish));
    EXPECT_EQ(spanish,
              "[{\"step\":\"usage\",\"state\":\"fail\",\"evidence\":\"al uso extendido de clave le "
              "falta clientAuth\",\"fix\":\"\",\"who\":\"partner\",\"reason\":\"UsageInvalid\"}]");
}

// Names of a certificate are a stranger's bytes.
TEST(Rendering, ControlCharactersOfNamesNeverReachTheReader) {
    const auto hostile =
        valija::test::make_certificate({.subject = {{"CN", "a\x1B[2J\nforged"}},
                                        .extensions = valija::test::of_leaf("b.example")});
    Page page(Language::English);
    put_certificate(page, hostile.certificate);
    const std::string text = page.take();
    EXPECT_THAT(text, Not(HasSubstr("\x1B")));
    EXPECT_THAT(text, Not(HasSubstr("\nforged")));
    EXPECT_THAT(boost::json::serialize(json_of(hostile.certificate)), Not(HasSubstr("\\u001B")));
}

}  // namespace
}  // namespace valija::explain
