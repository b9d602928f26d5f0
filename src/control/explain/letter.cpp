#include "control/explain/letter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "platform/base/text.hpp"

namespace valija::explain {
namespace {

using identity::Actor;
using identity::Direction;
using identity::Ladder;
using identity::Profile;
using identity::Reason;
using identity::Step;
using identity::StepName;
using identity::StepState;

constexpr size_t kLine = 72;

size_t width(std::string_view text) {
    return static_cast<size_t>(
        std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

// Words in lines, the first with `first` before it, the others with as many blanks.
std::string wrapped(std::string_view text, std::string_view first = "") {
    const std::string indent(width(first), ' ');
    std::string out(first);
    size_t used = width(first);
    bool begins = true;
    for (const std::string_view word : split(text, ' ')) {
        if (word.empty()) {
            continue;
        }
        if (!begins && used + 1 + width(word) > kLine) {
            out += "\n" + indent;
            used = indent.size();
            begins = true;
        }
        out += begins ? "" : " ";
        out += word;
        used += width(word) + (begins ? 0 : 1);
        begins = false;
    }
    return out + "\n";
}

bool is_failure(const Step& step) {
    return (step.state == StepState::Fail || step.state == StepState::Unknown) &&
           step.name != StepName::Verdict;
}

Text tlsa_request() {
    return say(
        "Please publish the TLSA record of the key that your server uses now, in a zone that is "
        "signed (DNSSEC). The record of a new key must be in DNS before the key is used.");
}

// What proves the partner, by its profile.
Text identity_request(const LetterFacts& facts) {
    switch (facts.profile) {
        case Profile::Pinned:
        case Profile::Direct:
            return say(
                "We know you by a key or certificate that we exchanged, and this is another one. "
                "If "
                "it is yours and new, please tell us its fingerprint by telephone, and tell us "
                "of the next one before you use it. If it is not yours, somebody else shows it in "
                "your place.");
        case Profile::Dane:
            return tlsa_request();
        default:
            return say(
                "Please use a certificate that names {} as a DNS name in its subjectAltName; or "
                "tell us which names your servers carry, so that we can add them.",
                facts.domain);
    }
}

// What the partner has to do, by reason; the fix of the ladder speaks to our own postmaster.
Text request_of(const Step& step, const LetterFacts& facts) {
    const bool inbound = facts.direction == Direction::Inbound;
    switch (step.reason) {
        case Reason::UntrustedRoot:
            return say(
                "Please tell us which CA issued your certificate, and send us its root "
                "certificate; we compare its fingerprint with you by telephone before we "
                "trust it. If the chain that your server sends is not the one you meant, "
                "please correct it.");
        case Reason::IncompleteChain:
            return step.actor == Actor::You
                       ? say("Please tell us which CA issued your certificate. If it is a root, "
                             "send us its certificate; we compare its fingerprint with you by "
                             "telephone before we trust it. If there is another CA above it, let "
                             "your server send the certificates of the CAs in between along with "
                             "its own.")
                       : say("Please let your server send the intermediate certificates of your CA "
                             "along with its own certificate (all but the root).");
        case Reason::SubjectMismatch:
            return identity_request(facts);
        case Reason::DateInvalid:
            return say(
                "Please show a certificate that is valid now: renew it if it has expired, and "
                "check the clock of your server.");
        case Reason::Revoked:
            return say(
                "Your CA has revoked this certificate. Please stop using it, install a new "
                "one, and tell us if you do not know why it was revoked.");
        case Reason::RevocationOffline:
            return say(
                "Please see to it that the revocation list (CRL) or OCSP responder named in "
                "your certificates can be reached from the Internet and is in force.");
        case Reason::NoClientCertificate:
            return inbound ? say("Please let your server show its certificate when it sends mail "
                                 "to us (a TLS client certificate).")
                           : say("Please give your server a certificate.");
        case Reason::UsageInvalid:
            return inbound ? say("Please use a certificate whose extended key usage has clientAuth "
                                 "when your server sends to us. Public CAs no longer issue these; "
                                 "a private CA can.")
                           : say("Please use a certificate whose extended key usage has "
                                 "serverAuth.");
        case Reason::WeakKey:
            return say(
                "Please use a certificate with a key of at least RSA 2048 or P-256, signed "
                "with SHA-256 or better.");
        case Reason::ConstraintViolation:
            return say(
                "Please ask your CA for a new certificate: this one, or one above it, "
                "breaks a rule of RFC 5280.");
        case Reason::DaneRequired:
            return tlsa_request();
        case Reason::DnssecInvalid:
            return say(
                "Please check the DNSSEC signatures of your zone and its TLSA records: they could "
                "not be validated.");
        case Reason::NoTls:
            return say(
                "Please let your server offer and use STARTTLS; if it does, something on "
                "the way (often a firewall that inspects SMTP) removes it.");
        case Reason::None:
            break;
    }
    return say("Please look at your server with this in mind, and tell us what its log says.");
}

// A header field's text; where it has letters beyond ASCII, as encoded words of at most 75
// characters (RFC 2047 5, "Q"), none of which splits a character.
std::string encoded(std::string_view text) {
    constexpr std::string_view kBegin = "=?utf-8?q?";
    constexpr std::string_view kEnd = "?=";
    constexpr size_t kLongestWord = 75 - kBegin.size() - kEnd.size();
    if (std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; })) {
        return std::string(text);
    }
    std::string out;
    std::string word;
    for (size_t at = 0; at < text.size();) {
        size_t end = at + 1;
        while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;
        std::string piece;
        for (; at < end; ++at) {
            const char c = text[at];
            const bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                                  (c >= 'a' && c <= 'z') || c == '.' || c == '-';
            piece += is_plain   ? std::string(1, c)
                     : c == ' ' ? std::string("_")
                                : fmt::format("={:02X}", static_cast<unsigned char>(c));
        }
        if (word.size() + piece.size() > kLongestWord) {
            out += fmt::format("{}{}{}\n ", kBegin, word, kEnd);
            word.clear();
        }
        word += piece;
    }
    return fmt::format("{}{}{}{}", out, kBegin, word, kEnd);
}

std::string header(const Ladder& ladder, const LetterFacts& facts, Language language) {
    const Step* failure = ladder.first_failure();
    const bool inbound = facts.direction == Direction::Inbound;
    const Text step = failure == nullptr ? Text() : identity::step_words(failure->name);
    const Text subject =
        failure == nullptr ? say("Secure mail with {}: all is well", facts.domain)
        : inbound ? say("Secure mail with {}: your certificate as a client could not be verified "
                        "({})",
                        facts.domain, step)
                  : say("Secure mail with {}: your server could not be verified ({})", facts.domain,
                        step);
    return fmt::format(
        "To: {}\nSubject: {}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: 8bit\n\n",
        facts.recipient, encoded(subject.in(language)));
}

// What was looked at; a step that was not is told by leaving it out.
Text what_is_good(const Ladder& ladder, Language language) {
    std::vector<std::string> good;
    bool is_whole = true;
    for (const StepName name : {StepName::Chain, StepName::Dates, StepName::Revocation,
                                StepName::Usage, StepName::Identity}) {
        const Step* step = ladder.find(name);
        const bool passed = step != nullptr && step->state == StepState::Pass;
        is_whole = is_whole && passed;
        if (passed) good.push_back(identity::step_words(name).in(language));
    }
    return is_whole ? say("It was verified in every step; nothing needs to be done.")
                    : say("What was looked at is in order ({}); nothing needs to be done about it.",
                          join(good, ", "));
}

// Read alike in every language: 2026-11-27 09:30:00 UTC.
std::string moment_of(Time time) {
    const std::string iso = iso_time(time);
    return fmt::format("{} {} UTC", iso.substr(0, 10), iso.substr(11, 8));
}

Text what_we_did(const LetterFacts& facts) {
    const std::string at = moment_of(facts.at);
    switch (facts.occasion) {
        case Occasion::Delivery:
            return facts.host.empty()
                       ? say("we wanted to deliver mail for {} on {}.", facts.domain, at)
                       : say("we wanted to deliver mail for {} to your server {} (port {}) on {}.",
                             facts.domain, facts.host, facts.port, at);
        case Occasion::PresumedClient:
            return say(
                "on {1} we looked at what a server of yours would meet here that sends mail from "
                "{0} and shows the certificate of your mail server.",
                facts.domain, at);
        case Occasion::File:
            break;
    }
    return say("we judged the certificate of {} that we have as a file, as of {}.", facts.domain,
               at);
}

std::string failures(const Ladder& ladder, const LetterFacts& facts, Language language) {
    std::string text;
    std::vector<std::string> asked;
    for (const Step& step : ladder.steps) {
        if (!is_failure(step)) {
            continue;
        }
        text += wrapped(identity::step_words(step.name).in(language),
                        say("What failed:").in(language) + " ");
        text += wrapped(step.evidence.in(language), say("What we saw:").in(language) + " ");
        const std::string request = request_of(step, facts).in(language);
        if (std::ranges::find(asked, request) == asked.end()) {
            asked.push_back(request);
            text += "\n" + wrapped(request);
        }
        text += "\n";
    }
    return text;
}

// Commands stand on lines of their own and are not wrapped.
std::string how_to_see(const LetterFacts& facts, Language language) {
    std::string text = wrapped(say("You can see what we see:").in(language)) + "\n";
    if (facts.occasion == Occasion::Delivery && facts.host.empty()) {
        return text + fmt::format("  dig {} MX\n\n", facts.domain);
    }
    if (facts.occasion != Occasion::Delivery) {
        return text +
               "  openssl x509 -in certificate.pem -noout -subject -issuer -dates \\\n"
               "      -ext subjectAltName,extendedKeyUsage,crlDistributionPoints\n\n";
    }
    return text + fmt::format(
                      "  echo QUIT | openssl s_client -connect {}:{} -starttls smtp \\\n"
                      "      -showcerts | openssl x509 -noout -subject -issuer -dates \\\n"
                      "      -ext subjectAltName,extendedKeyUsage,crlDistributionPoints\n\n",
                      facts.host, facts.port);
}

std::string signature(const LetterFacts& facts, Language language) {
    std::string text = wrapped(say("With kind regards").in(language)) + "\n";
    if (!facts.our_contact.empty()) {
        text += facts.our_contact + "\n";
    }
    if (!facts.our_host.empty()) {
        text += facts.our_host + "\n";
    }
    return text;
}

LetterFacts escaped(LetterFacts facts) {
    for (std::string* text : {&facts.recipient, &facts.domain, &facts.our_host, &facts.our_contact,
                              &facts.host, &facts.port, &facts.certificate, &facts.fingerprint}) {
        *text = escape_peer_text(*text);
    }
    return facts;
}

}  // namespace

std::string letter(const Ladder& ladder, const LetterFacts& given, Language language) {
    const LetterFacts facts = escaped(given);
    std::string text = header(ladder, facts, language);
    text += wrapped(say("Dear colleague,").in(language)) + "\n";
    text += wrapped(what_we_did(facts).in(language)) + "\n";
    if (!facts.certificate.empty()) {
        text += wrapped(facts.certificate, say("Certificate:").in(language) + " ");
        text += "SHA-256: " + facts.fingerprint + "\n\n";
    }
    if (ladder.first_failure() == nullptr) {
        text += wrapped(what_is_good(ladder, language).in(language)) + "\n";
        return text + signature(facts, language);
    }
    text += wrapped(say("Between our organisations mail travels only over TLS in which both sides "
                        "have proven who they are. Here that did not succeed, so the mail waits or "
                        "is refused until it does.")
                        .in(language)) +
            "\n";
    text += failures(ladder, facts, language);
    if (!facts.others.empty()) {
        text += wrapped(join(facts.others, ", "), say("Not in order either:").in(language) + " ") +
                "\n";
    }
    text += how_to_see(facts, language);
    text += wrapped(say("Please answer this mail, or call us, when it is done or if you have a "
                        "question.")
                        .in(language)) +
            "\n";
    return text + signature(facts, language);
}

}  // namespace valija::explain
