#include "control/explain/letter.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "platform/base/text.hpp"

namespace valija::explain {
namespace {

using identity::Ladder;
using identity::Reason;
using identity::StepName;
using identity::StepState;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

LetterFacts facts() {
    return {.recipient = "postmaster@woodgrovebank.com",
            .domain = "woodgrovebank.com",
            .our_host = "mail.contoso.com",
            .our_contact = "postmaster@contoso.com",
            .occasion = Occasion::Delivery,
            .host = "mail.woodgrovebank.com",
            .certificate = "CN=mail.other.example",
            .fingerprint = std::string(64, 'A'),
            .at = from_millis(1'787'956'673'323)};
}

Ladder ladder_of(StepName name, Reason reason, StepState state = StepState::Fail) {
    Ladder ladder;
    ladder.add({.name = name,
                .state = state,
                .evidence = Text::verbatim("no name stands for woodgrovebank.com"),
                .fix = Text::verbatim("ours alone"),
                .actor = identity::Actor::Partner,
                .reason = reason});
    ladder.conclude();
    return ladder;
}

TEST(Letter, SaysWhatFailedWithEvidenceAndWhatToDoInBothLanguages) {
    const Ladder ladder = ladder_of(StepName::Identity, Reason::SubjectMismatch);
    const std::string english = letter(ladder, facts(), Language::English);
    EXPECT_THAT(english, StartsWith("To: postmaster@woodgrovebank.com\nSubject: "));
    for (const char* part :
         {"identity", "no name stands for woodgrovebank.com", "2026-08-28 22:37:53 UTC",
          "-connect mail.woodgrovebank.com:25", "postmaster@contoso.com", "mail.contoso.com",
          "CN=mail.other.example", "subjectAltName"}) {
        EXPECT_THAT(english, HasSubstr(part));
    }
    EXPECT_THAT(english, Not(HasSubstr("ours alone")));
    const std::string spanish = letter(ladder, facts(), Language::Spanish);
    for (const char* part : {"identidad", "Qué falló", "Un cordial saludo"}) {
        EXPECT_THAT(spanish, HasSubstr(part));
    }
}

// Who is known by a key is not asked for a name.
TEST(Letter, AsksForWhatTheProfileWants) {
    const Ladder ladder = ladder_of(StepName::Identity, Reason::SubjectMismatch);
    const auto request = [&](identity::Profile profile) {
        LetterFacts given = facts();
        given.profile = profile;
        std::string text = letter(ladder, given, Language::English);
        std::ranges::replace(text, '\n', ' ');
        return text;
    };
    using identity::Profile;
    for (const Profile profile : {Profile::Pinned, Profile::Direct}) {
        EXPECT_THAT(request(profile), HasSubstr("tell us its fingerprint by telephone"));
        EXPECT_THAT(request(profile), Not(HasSubstr("Please use a certificate that names")));
    }
    EXPECT_THAT(request(Profile::Dane), HasSubstr("Please publish the TLSA record"));
    for (const Profile profile : {Profile::Exchange, Profile::Strict, Profile::CiscoVerify}) {
        EXPECT_THAT(request(profile), HasSubstr("that names woodgrovebank.com as a DNS name"));
    }
}

TEST(Letter, IsWrappedForAMailProgram) {
    const std::string text =
        letter(ladder_of(StepName::Chain, Reason::UntrustedRoot), facts(), Language::Spanish);
    for (const std::string_view line : split(text, '\n')) {
        if (line.starts_with("SHA-256") || line.starts_with("Subject:") || line.starts_with("  ")) {
            continue;
        }
        EXPECT_LE(std::ranges::count_if(line, [](char c) { return (c & 0xC0) != 0x80; }), 72)
            << line;
    }
}

TEST(Letter, EveryReasonHasARequestOfItsOwn) {
    std::vector<std::string> letters;
    for (int at = 0; at <= static_cast<int>(Reason::NoTls); ++at) {
        letters.push_back(letter(ladder_of(StepName::Chain, static_cast<Reason>(at)), facts(),
                                 Language::English));
    }
    std::ranges::sort(letters);
    EXPECT_EQ(std::ranges::adjacent_find(letters), letters.end());
}

TEST(Letter, FactsCannotForgeAHeaderLine) {
    LetterFacts hostile = facts();
    hostile.domain = "x\nBcc: all@example.com";
    hostile.recipient = "a\r\nBcc: b";
    const std::string text =
        letter(ladder_of(StepName::Chain, Reason::Revoked), hostile, Language::English);
    EXPECT_THAT(text, Not(HasSubstr("\nBcc:")));
    EXPECT_THAT(text, Not(HasSubstr("\r")));
}

TEST(Letter, SaysWhatWasDoneAndNoMore) {
    const Ladder ladder = ladder_of(StepName::Dns, Reason::None);
    LetterFacts unreached = facts();
    unreached.host.clear();
    unreached.certificate.clear();
    const std::string english = letter(ladder, unreached, Language::English);
    EXPECT_THAT(english,
                HasSubstr("we wanted to deliver mail for woodgrovebank.com on 2026-08-28"));
    EXPECT_THAT(english, Not(HasSubstr("as a file")));
    EXPECT_THAT(english, Not(HasSubstr("openssl")));
    EXPECT_THAT(english, HasSubstr("dig woodgrovebank.com MX"));
    EXPECT_THAT(letter(ladder, unreached, Language::Spanish),
                HasSubstr("quisimos entregar correo para woodgrovebank.com el 2026-08-28"));

    LetterFacts presumed = facts();
    presumed.occasion = Occasion::PresumedClient;
    presumed.direction = identity::Direction::Inbound;
    presumed.host.clear();
    EXPECT_THAT(letter(ladder, presumed, Language::English),
                HasSubstr("we looked at what a server of yours would\nmeet here"));
    EXPECT_THAT(letter(ladder, presumed, Language::English), Not(HasSubstr("as a file")));

    LetterFacts file = facts();
    file.occasion = Occasion::File;
    file.host.clear();
    EXPECT_THAT(letter(ladder, file, Language::English), HasSubstr("as a file"));
}

TEST(Letter, OfAProvenPathThereIsNothingToAsk) {
    const Ladder ladder = ladder_of(StepName::Identity, Reason::None, StepState::Pass);
    EXPECT_THAT(letter(ladder, facts(), Language::English), HasSubstr("nothing needs to be done"));
}

}  // namespace
}  // namespace valija::explain
