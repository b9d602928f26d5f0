#include "trust/identity/ladder.hpp"

#include <gmock/gmock.h>

namespace valija::identity {
namespace {

constexpr StepName kAllSteps[] = {StepName::Policy,
                                  StepName::Dns,
                                  StepName::Tcp,
                                  StepName::StartTls,
                                  StepName::Handshake,
                                  StepName::Chain,
                                  StepName::Dates,
                                  StepName::Revocation,
                                  StepName::Usage,
                                  StepName::Identity,
                                  StepName::OwnCertificate,
                                  StepName::Verdict};
constexpr StepState kAllStates[] = {StepState::Pass, StepState::Warn, StepState::Unknown,
                                    StepState::Fail, StepState::NotApplicable};
constexpr Actor kAllActors[] = {Actor::Nobody, Actor::You, Actor::Partner, Actor::Ca};
constexpr Reason kAllReasons[] = {Reason::None,
                                  Reason::UntrustedRoot,
                                  Reason::IncompleteChain,
                                  Reason::SubjectMismatch,
                                  Reason::DateInvalid,
                                  Reason::Revoked,
                                  Reason::RevocationOffline,
                                  Reason::NoClientCertificate,
                                  Reason::UsageInvalid,
                                  Reason::WeakKey,
                                  Reason::ConstraintViolation,
                                  Reason::DaneRequired,
                                  Reason::DnssecInvalid,
                                  Reason::NoTls};

Ladder of(std::initializer_list<StepState> states) {
    Ladder ladder;
    for (const StepState state : states) {
        ladder.add({.name = StepName::Chain, .state = state});
    }
    return ladder;
}

void expect_same(const Ladder& a, const Ladder& b) {
    ASSERT_EQ(a.steps.size(), b.steps.size());
    for (size_t i = 0; i < a.steps.size(); ++i) {
        EXPECT_EQ(a.steps[i].name, b.steps[i].name);
        EXPECT_EQ(a.steps[i].state, b.steps[i].state);
        EXPECT_EQ(a.steps[i].evidence.english(), b.steps[i].evidence.english());
        EXPECT_EQ(a.steps[i].fix.english(), b.steps[i].fix.english());
        EXPECT_EQ(a.steps[i].actor, b.steps[i].actor);
        EXPECT_EQ(a.steps[i].reason, b.steps[i].reason);
    }
}

void expect_round_trip(const Ladder& ladder) {
    const auto back = Ladder::from_record(ladder.record());
    ASSERT_TRUE(back) << back.error().text();
    expect_same(*back, ladder);
}

// The words are part of replies, logs and queue records: they are stable (EX-L10).
TEST(Ladder, WithoutAnyStepNothingIsProven) {
    Ladder ladder;
    ladder.conclude();
    EXPECT_FALSE(ladder.is_proven());
    EXPECT_EQ(ladder.find(StepName::Verdict)->state, StepState::Fail);
}

TEST(Ladder, TheWordsOfTheReplyAreStable) {
    std::vector<std::string_view> words;
    for (const Reason reason : kAllReasons) words.push_back(reason_text(reason));
    EXPECT_THAT(words, testing::ElementsAre("", "UntrustedRoot", "IncompleteChain",
                                            "SubjectMismatch", "DateInvalid", "Revoked",
                                            "RevocationOffline", "NoClientCertificate",
                                            "UsageInvalid", "WeakKey", "ConstraintViolation",
                                            "DaneRequired", "DnssecInvalid", "NoTls"));
}

TEST(Ladder, EveryWordComesBackFromARecord) {
    for (const StepName name : kAllSteps) expect_round_trip({.steps = {{.name = name}}});
    for (const StepState state : kAllStates) expect_round_trip({.steps = {{.state = state}}});
    for (const Actor actor : kAllActors) expect_round_trip({.steps = {{.actor = actor}}});
    for (const Reason reason : kAllReasons) expect_round_trip({.steps = {{.reason = reason}}});
    expect_round_trip({});
}

TEST(Ladder, TextsComeBackFromARecordInBothLanguages) {
    for (const char* text :
         {"a\\b", "\\t", "\\\\n", "ends in \\", "\\", "", " ", "CN=Diversión de Bicicleta"}) {
        expect_round_trip(
            {.steps = {{.evidence = Text::verbatim(text), .fix = say("{}: {}", text, 1)},
                       {.evidence = Text::verbatim("next")}}});
    }
    const Ladder ladder{.steps = {{.evidence = say("there are no TLSA records")}}};
    const auto back = Ladder::from_record(ladder.record());
    ASSERT_TRUE(back);
    EXPECT_EQ(back->steps[0].evidence.in(Language::Spanish), "no hay registros TLSA");
}

// Words that were not escaped must not break the record, and come back escaped.
TEST(Ladder, TabsAndLineEndsComeBackEscapedFromARecord) {
    const Ladder ladder{.steps = {{.evidence = Text::verbatim("a\tb\n\x1B\\")}}};
    const auto back = Ladder::from_record(ladder.record());
    ASSERT_TRUE(back);
    EXPECT_EQ(back->steps[0].evidence.english(), "a\\x09b\\x0A\\x1B\\");
}

TEST(Ladder, ARecordCutAnywhereWithinALineIsRefused) {
    Ladder ladder = of({StepState::Pass, StepState::Fail});
    ladder.steps[1].evidence = Text::verbatim("tab\t and line\n");
    ladder.conclude();
    const std::string record = ladder.record();
    for (size_t length = 1; length < record.size(); ++length) {
        const std::string cut = record.substr(0, length);
        const auto read = Ladder::from_record(cut);
        EXPECT_EQ(read.has_value(), cut.ends_with('\n')) << cut;
        if (read) EXPECT_FALSE(read->is_proven()) << cut;
    }
}

TEST(Ladder, ADamagedRecordIsRefused) {
    const std::string good = "chain\tpass\t\t\tevidence\tfix\n";
    ASSERT_TRUE(Ladder::from_record(good));
    for (const char* bad :
         {"chains\tpass\t\t\tevidence\tfix\n", "\tpass\t\t\tevidence\tfix\n",
          "chain\tpassed\t\t\tevidence\tfix\n", "chain\t\t\t\tevidence\tfix\n",
          "chain\tpass\tthem\t\tevidence\tfix\n", "chain\tpass\t\tWhatever\tevidence\tfix\n",
          "Chain\tpass\t\t\tevidence\tfix\n", "chain\tpass\t\t\tevidence\n",
          "chain\tpass\t\t\tevidence\tfix\tmore\n", "\n", "garbage\n", "chain pass\n"}) {
        const auto read = Ladder::from_record(bad);
        ASSERT_FALSE(read) << bad;
        EXPECT_EQ(read.error().kind, FaultKind::Input);
        EXPECT_FALSE(Ladder::from_record(good + bad)) << bad;
    }
}

TEST(Ladder, ARecordHasBounds) {
    std::string lines;
    for (int i = 0; i < 20; ++i) lines += "chain\tpass\t\t\tevidence\tfix\n";
    EXPECT_TRUE(Ladder::from_record(lines));
    EXPECT_FALSE(Ladder::from_record(lines + "chain\tpass\t\t\tevidence\tfix\n"));

    const auto sized = [](size_t size) {
        const std::string frame = "chain\tpass\t\t\t\tfix\n";
        std::string text = frame;
        return text.insert(frame.find("fix") - 1, size - frame.size(), 'x');
    };
    EXPECT_TRUE(Ladder::from_record(sized(64UL << 10U)));
    EXPECT_FALSE(Ladder::from_record(sized((64UL << 10U) + 1)));
}

TEST(Ladder, NothingIsProvenWithoutAVerdict) {
    EXPECT_FALSE(Ladder{}.is_proven());
    EXPECT_FALSE(of({StepState::Pass, StepState::Pass}).is_proven());
    Ladder other = of({StepState::Pass});
    other.add({.name = StepName::Verdict, .state = StepState::Warn});
    EXPECT_FALSE(other.is_proven());
    EXPECT_FALSE(Ladder::from_record("")->is_proven());
}

TEST(Ladder, AVerdictThatPassedDoesNotOutweighAFailedOrUnknownStep) {
    for (const StepState state : {StepState::Fail, StepState::Unknown}) {
        Ladder ladder = of({StepState::Pass, state});
        ladder.add({.name = StepName::Verdict, .state = StepState::Pass});
        EXPECT_FALSE(ladder.is_proven()) << state_text(state);
    }
}

TEST(Ladder, WarningsAndWhatDoesNotApplyDoNotKeepItFromBeingProven) {
    Ladder ladder = of({StepState::Pass, StepState::Warn, StepState::NotApplicable});
    ladder.conclude();
    EXPECT_TRUE(ladder.is_proven());
    EXPECT_EQ(ladder.first_failure(), nullptr);
}

TEST(Ladder, AFailureIsNamedBeforeWhatIsUnknown) {
    Ladder ladder;
    ladder.add({.name = StepName::Revocation,
                .state = StepState::Unknown,
                .reason = Reason::RevocationOffline});
    ladder.add({.name = StepName::Usage, .state = StepState::Fail, .reason = Reason::UsageInvalid});
    ASSERT_NE(ladder.first_failure(), nullptr);
    EXPECT_EQ(ladder.first_failure()->name, StepName::Usage);
    ladder.conclude();
    const Step* verdict = ladder.find(StepName::Verdict);
    ASSERT_NE(verdict, nullptr);
    EXPECT_EQ(verdict->state, StepState::Fail);
    EXPECT_EQ(verdict->reason, Reason::UsageInvalid);
    EXPECT_EQ(verdict->evidence.english(), "the path is not proven: step usage");
    EXPECT_EQ(ladder.find(StepName::Dns), nullptr);
}

TEST(Ladder, FindingsComeFirstAndWhatPassedIsFolded) {
    Ladder ladder;
    ladder.add(
        {.name = StepName::Chain, .state = StepState::Pass, .evidence = Text::verbatim("a < b")});
    ladder.add({.name = StepName::Usage,
                .state = StepState::Warn,
                .evidence = say("extended key usage lacks {}", "clientAuth")});
    ladder.add({.name = StepName::Identity,
                .state = StepState::Fail,
                .evidence = Text::verbatim("no name"),
                .fix = Text::verbatim("renew"),
                .actor = Actor::Partner,
                .reason = Reason::SubjectMismatch});
    ladder.conclude();
    EXPECT_EQ(ladder_text(ladder, Show::Findings),
              "  fail    identity        no name [SubjectMismatch]\n"
              "                          fix (partner): renew\n"
              "  warn    usage           extended key usage lacks clientAuth\n"
              "  pass    chain\n");
    EXPECT_EQ(ladder_text(ladder, Show::All),
              "  pass    chain           a < b\n"
              "  warn    usage           extended key usage lacks clientAuth\n"
              "  fail    identity        no name [SubjectMismatch]\n"
              "                          fix (partner): renew\n"
              "  fail    verdict         the path is not proven: step identity "
              "[SubjectMismatch]\n");
    EXPECT_EQ(ladder_text(ladder, Show::Findings, Language::Spanish),
              "  fallo   identidad       no name [SubjectMismatch]\n"
              "                          remedio (socio): renew\n"
              "  aviso   uso             al uso extendido de clave le falta clientAuth\n"
              "  bien    cadena\n");
    EXPECT_EQ(ladder_summary(ladder), "chain=pass,usage=warn,identity=fail,verdict=fail");
}

// A queue record is read by people: what stands in it cannot forge a line on their terminal.
TEST(Ladder, ControlCharactersNeverReachTheReader) {
    const auto ladder = Ladder::from_record("chain\tfail\t\t\tx\\n  pass    verdict\x1B[2J\ty\r\n");
    ASSERT_TRUE(ladder);
    const std::string text = ladder_text(*ladder, Show::All);
    EXPECT_EQ(std::ranges::count(text, '\n'), 2);
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("\x1B")));
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("\r")));
}

}  // namespace
}  // namespace valija::identity
