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

// RFC 2047: header fields are ASCII; the body says what it is.
TEST(Letter, ItsHeaderIsAsciiAndSaysWhatTheBodyIs) {
    LetterFacts inbound = facts();
    inbound.direction = identity::Direction::Inbound;
    inbound.occasion = Occasion::File;
    const std::string text =
        letter(ladder_of(StepName::Revocation, Reason::Revoked), inbound, Language::Spanish);
    const std::string_view header = std::string_view(text).substr(0, text.find("\n\n"));
    EXPECT_TRUE(std::ranges::all_of(header, [](char c) {
        return c == '\n' || (c >= ' ' && c <= '~');
    })) << header;
    for (const std::string_view line : split(header, '\n')) EXPECT_LE(line.size(), 84U) << line;
    EXPECT_THAT(std::string(header), HasSubstr("=?utf-8?q?Correo_seguro_con_woodgrovebank.com"));
    EXPECT_THAT(std::string(header), HasSubstr("verific"));
    EXPECT_THAT(std::string(header), HasSubstr("\nContent-Type: text/plain; charset=utf-8"));
    const std::string english =
        letter(ladder_of(StepName::Chain, Reason::Revoked), inbound, Language::English);
    EXPECT_THAT(english,
                HasSubstr("\nSubject: Secure mail with woodgrovebank.com: your certificate "
                          "as a client could not be verified (chain)\n"));
}

// Whether a CA is a root or one in between we cannot know: the letter asks, it does not accuse.
TEST(Letter, WhereWeMayLackTheAnchorItAsksWhoIssuedTheCertificate) {
    Ladder ladder = ladder_of(StepName::Chain, Reason::IncompleteChain);
    EXPECT_THAT(letter(ladder, facts(), Language::English),
                HasSubstr("Please let your server send"));
    ladder.steps.front().actor = identity::Actor::You;
    EXPECT_THAT(letter(ladder, facts(), Language::English),
                HasSubstr("Please tell us which CA issued your certificate."));
}

TEST(Letter, WhatWasNotLookedAtIsNotCalledGood) {
    Ladder ladder;
    for (const StepName name : {StepName::Chain, StepName::Dates, StepName::Usage}) {
        ladder.add({.name = name, .state = StepState::Pass});
    }
    ladder.conclude();
    EXPECT_THAT(letter(ladder, facts(), Language::English),
                HasSubstr("What was looked at is in order (chain, dates, usage); nothing"));
    for (const StepName name : {StepName::Revocation, StepName::Identity}) {
        ladder.add({.name = name, .state = StepState::Pass});
    }
    EXPECT_THAT(letter(ladder, facts(), Language::English), HasSubstr("verified in every step"));
}

TEST(Letter, MoreThatIsNotInOrderIsNamed) {
    LetterFacts more = facts();
    more.others = {"branch.woodgrovebank.com (dns)"};
    EXPECT_THAT(letter(ladder_of(StepName::Chain, Reason::Revoked), more, Language::English),
                HasSubstr("Not in order either: branch.woodgrovebank.com (dns)"));
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
