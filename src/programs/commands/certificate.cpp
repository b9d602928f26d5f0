// valija certificate verify.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "control/explain/letter.hpp"
#include "control/explain/rendering.hpp"
#include "control/explain/verify.hpp"
#include "control/explain/verify_text.hpp"
#include "directory/settings/values.hpp"
#include "platform/base/text.hpp"
#include "platform/net/fetcher.hpp"
#include "platform/store/file.hpp"
#include "programs/commands/commands.hpp"
#include "trust/dane/tlsa_text.hpp"

namespace valija::programs {
namespace {

using explain::NamedBytes;
using explain::Verdict;
using explain::VerifyAnswer;
using explain::VerifyQuestion;

constexpr size_t kLargestFile = 64UL << 20U;
constexpr size_t kMostIntermediates = 100;
constexpr size_t kMostNames = 100;

// A command line that cannot be obeyed: the text, and the exit status.
struct Refusal {
    std::string text;
    int exit_status = status::usage;
};

using Step = std::expected<void, Refusal>;

std::unexpected<Refusal> misused(std::string text) {
    return std::unexpected(Refusal{std::move(text)});
}

Step read_files(const std::vector<std::string>& paths, std::vector<NamedBytes>& into) {
    for (const std::string& path : paths) {
        auto bytes = store::read_file(path, kLargestFile);
        if (!bytes) {
            return std::unexpected(Refusal{
                .text = fmt::format("{}: {}", escape_peer_text(path, 300), bytes.error().text()),
                .exit_status = status::unknown});
        }
        into.push_back({.name = path, .bytes = std::move(*bytes)});
    }
    return {};
}

// 4 or 16 bytes; empty: no address.
std::string ip_bytes(const std::string& text) {
    std::string bytes(16, '\0');
    if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) {
        return bytes;
    }
    bytes.resize(4);
    return inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ? bytes : "";
}

// As certificates write it. What is no host name stays as it is: nothing will match it.
std::string reference_name(const std::string& text) {
    std::string name = lower(text);
    if (name.ends_with('.')) {
        name.pop_back();
    }
    return settings::a_label_of(name).value_or(name);
}

Step take_references(const Invocation& invocation, VerifyQuestion& question) {
    for (const std::string& text : invocation.all("--name")) {
        const std::string bytes = ip_bytes(text);
        const std::string name = reference_name(text);
        if (name.empty()) {
            return misused("--name wants a DNS name");
        }
        if (bytes.empty()) {
            question.names.push_back(name);
        } else {
            question.ip_addresses.push_back(bytes);
        }
    }
    for (const std::string& text : invocation.all("--ip")) {
        const std::string bytes = ip_bytes(text);
        if (bytes.empty()) {
            return misused(fmt::format("--ip wants an IPv4 or IPv6 address, not \"{}\"",
                                       escape_peer_text(text, 60)));
        }
        question.ip_addresses.push_back(bytes);
    }
    for (const std::string& text : invocation.all("--email")) {
        if (!text.contains('@')) {
            return misused(fmt::format("--email wants a mail address, not \"{}\"",
                                       escape_peer_text(text, 60)));
        }
        question.emails.push_back(text);
    }
    if (question.names.size() + question.ip_addresses.size() + question.emails.size() >
        kMostNames) {
        return misused(fmt::format("at most {} names and addresses", kMostNames));
    }
    return {};
}

Step take_tlsa(const Invocation& invocation, VerifyQuestion& question) {
    std::vector<NamedBytes> files;
    if (Step read = read_files(invocation.all("--tlsa"), files); !read) {
        return read;
    }
    for (const NamedBytes& file : files) {
        const auto records = dane::read_tlsa_lines(file.bytes);
        if (!records) {
            return misused(
                fmt::format("{}: {}", escape_peer_text(file.name, 300), records.error().text()));
        }
        question.tlsa.insert(question.tlsa.end(), records->begin(), records->end());
    }
    return {};
}

// Nothing is said of what the certificate is for: its path alone, by RFC 5280 and no more.
bool is_of_path_alone(const Invocation& invocation) {
    return !invocation.has("--name") && !invocation.has("--ip") && !invocation.has("--email") &&
           !invocation.has("--purpose");
}

std::string usual_profile(const Invocation& invocation) {
    if (invocation.has("--tlsa")) return "dane";
    if (invocation.has("--pin")) return "pinned";
    return is_of_path_alone(invocation) ? "exchange" : "strict";
}

Step take_profile(const Invocation& invocation, VerifyQuestion& question) {
    using identity::Profile;
    const bool has_tlsa = invocation.has("--tlsa");
    const bool has_pins = invocation.has("--pin");
    const std::string word =
        invocation.has("--profile") ? invocation.one("--profile") : usual_profile(invocation);
    const auto profile = identity::profile_of(word);
    if (!profile) {
        return misused(
            "--profile is strict, exchange, pinned, direct, cisco-verify, cisco-hosted or dane");
    }
    if (*profile == Profile::Direct && !invocation.has("--trust")) {
        return misused("--profile direct wants the certificates themselves in --trust");
    }
    question.profile = *profile;
    if ((*profile == Profile::Dane) != has_tlsa) {
        return misused("--tlsa and --profile dane belong together");
    }
    if ((*profile == Profile::Pinned) != has_pins) {
        return misused("--pin and --profile pinned belong together");
    }
    for (const std::string& text : invocation.all("--pin")) {
        const auto pin = settings::read_pin(text);
        if (!pin) {
            return misused("--pin wants the SHA-256 of a public key: 64 digits or sha256/BASE64");
        }
        question.pins.push_back(*pin);
    }
    return take_tlsa(invocation, question);
}

Step take_circumstances(const Invocation& invocation, VerifyQuestion& question) {
    const std::string purpose =
        invocation.has("--purpose") ? invocation.one("--purpose") : "server";
    if (purpose != "server" && purpose != "client") {
        return misused("--purpose is server or client");
    }
    question.direction =
        purpose == "server" ? identity::Direction::Outbound : identity::Direction::Inbound;
    question.at = SystemClock().now();
    if (invocation.has("--at")) {
        const auto at = parse_iso_time(invocation.one("--at"));
        if (!at) {
            return misused("--at wants a time such as 2026-11-24T12:00:00Z");
        }
        question.at = *at;
    }
    // Certificates know whole seconds, and their last second belongs to them.
    question.at = std::chrono::floor<std::chrono::seconds>(question.at);
    if (invocation.has("--max-intermediates")) {
        const std::string text = invocation.one("--max-intermediates");
        const char* const end = text.data() + text.size();
        const auto [at, error] = std::from_chars(text.data(), end, question.most_intermediates);
        if (error != std::errc() || at != end || question.most_intermediates > kMostIntermediates) {
            return misused(
                fmt::format("--max-intermediates wants a number up to {}", kMostIntermediates));
        }
    }
    return {};
}

Step take_files(const Invocation& invocation, VerifyQuestion& question) {
    std::vector<NamedBytes> file;
    if (Step read = read_files({invocation.one("FILE")}, file); !read) {
        return read;
    }
    question.file = std::move(file.front());
    question.system_roots = !invocation.has("--trust");
    for (const auto& [option, into] :
         {std::pair{"--trust", &question.trust}, std::pair{"--untrusted", &question.untrusted},
          std::pair{"--crl", &question.lists}}) {
        if (Step read = read_files(invocation.all(option), *into); !read) {
            return read;
        }
    }
    return {};
}

// All at once; the fetcher bounds each in size and time.
std::vector<Result<std::string>> fetch_all(const net::Proxy& proxy,
                                           const std::vector<explain::FetchOrder>& orders) {
    std::mutex mutex;
    std::condition_variable arrived;
    size_t left = orders.size();
    std::vector<Result<std::string>> all(orders.size());
    net::Fetcher fetcher(proxy);
    for (size_t i = 0; i < orders.size(); ++i) {
        fetcher.fetch(orders[i].url, orders[i].body, [&, i](Result<std::string> bytes) {
            const std::lock_guard lock(mutex);
            all[i] = std::move(bytes);
            --left;
            arrived.notify_one();
        });
    }
    std::unique_lock lock(mutex);
    arrived.wait(lock, [&] { return left == 0; });
    return all;
}

// Through the proxy of the directory, where one is named (EX-36).
Step take_fetching(const Invocation& invocation, VerifyQuestion& question) {
    if (!invocation.has("--fetch")) {
        return {};
    }
    if (invocation.has("--crl")) {
        return misused("either --crl or --fetch");
    }
    net::Proxy proxy;
    if (!invocation.home.empty()) {
        const auto directory = settings::load(invocation.home);
        if (!directory) {
            refuse(directory.error());
            return std::unexpected(Refusal{.text = invocation.home + ": its settings are wrong",
                                           .exit_status = status::configuration});
        }
        proxy = {.url = directory->server.proxy_url, .bypass = directory->server.proxy_bypass};
    }
    question.fetch = [proxy](const std::vector<explain::FetchOrder>& orders) {
        return fetch_all(proxy, orders);
    };
    return {};
}

std::expected<VerifyQuestion, Refusal> question_of(const Invocation& invocation) {
    VerifyQuestion question;
    for (const auto take : {take_references, take_profile, take_circumstances, take_files}) {
        if (Step taken = take(invocation, question); !taken) {
            return std::unexpected(taken.error());
        }
    }
    if (Step taken = take_fetching(invocation, question); !taken) {
        return std::unexpected(taken.error());
    }
    return question;
}

// Nothing: there is nobody to write to.
std::optional<std::string> letter_of(const VerifyQuestion& question, const VerifyAnswer& answer,
                                     Language language) {
    explain::LetterFacts facts{
        .direction = question.direction, .profile = question.profile, .at = question.at};
    // A name that we asked for, or one of the certificate: only what is a host name may stand in an
    // address.
    std::vector<std::string> names = question.names;
    if (answer.leaf) {
        names.insert(names.end(), (*answer.leaf)->dns_names.begin(),
                     (*answer.leaf)->dns_names.end());
    }
    for (const std::string& name : names) {
        const std::string host = name.starts_with("*.") ? name.substr(2) : name;
        if (is_host_name(host)) {
            facts.domain = host;
            break;
        }
    }
    if (facts.domain.empty()) return std::nullopt;
    facts.recipient = "postmaster@" + facts.domain;
    if (answer.leaf) {
        facts.certificate = (*answer.leaf)->subject;
        facts.fingerprint = (*answer.leaf)->sha256;
    }
    return explain::letter(answer.ladder, facts, language);
}

int status_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::Accepted:
            return status::yes;
        case Verdict::Rejected:
            return status::no;
        case Verdict::Unknown:
            break;
    }
    return status::unknown;
}

int run_verify(const Invocation& invocation) {
    const auto language = language_asked(invocation);
    if (!language) {
        fmt::print(stderr, "valija: --lang is en or es\n");
        return status::usage;
    }
    if (invocation.json && invocation.has("--text-for-partner")) {
        fmt::print(stderr, "valija: --json or --text-for-partner, not both\n");
        return status::usage;
    }
    const auto question = question_of(invocation);
    if (!question) {
        fmt::print(stderr, "valija: {}\n", question.error().text);
        return question.error().exit_status;
    }
    const VerifyAnswer answer = explain::verify(*question);
    const auto show = invocation.has("--all") ? identity::Show::All : identity::Show::Findings;
    if (invocation.json) {
        // Scripts read English unless they say otherwise, whatever the terminal speaks.
        const Language spoken = invocation.has("--lang") ? *language : Language::English;
        fmt::print(stdout, "{}\n",
                   boost::json::serialize(explain::verify_json(*question, answer, spoken)));
    } else if (invocation.has("--text-for-partner")) {
        const auto letter = letter_of(*question, answer, *language);
        if (!letter) {
            fmt::print(stderr,
                       "valija: the certificate names no host to whose postmaster the letter could "
                       "go; say --name DOMAIN\n");
            return status::usage;
        }
        fmt::print(stdout, "{}", *letter);
    } else {
        fmt::print(stdout, "{}", explain::verify_text(*question, answer, show, *language));
    }
    return status_of(answer.verdict);
}

std::vector<Option> verify_options() {
    return {
        {.name = "--trust",
         .value_name = "FILE",
         .help = "anchors: each certificate in it is one [the system's roots]",
         .times = Times::Many},
        {.name = "--untrusted",
         .value_name = "FILE",
         .help = "further certificates that a path may use",
         .times = Times::Many},
        {.name = "--crl",
         .value_name = "FILE",
         .help = "a revocation list; then every certificate below the anchor must have a status",
         .times = Times::Many},
        {.name = "--fetch", .help = "fetch the lists that the certificates name"},
        {.name = "--name",
         .value_name = "NAME",
         .help = "a DNS name that it must prove; several: each of them",
         .times = Times::Many},
        {.name = "--ip",
         .value_name = "ADDRESS",
         .help = "an IP address that it must carry",
         .times = Times::Many},
        {.name = "--email",
         .value_name = "ADDRESS",
         .help = "a mail address that it must carry",
         .times = Times::Many},
        {.name = "--profile",
         .value_name = "PROFILE",
         .help = "strict, exchange, pinned, direct, cisco-verify, cisco-hosted or dane [strict]"},
        {.name = "--pin",
         .value_name = "SHA256",
         .help = "a public key of profile pinned",
         .times = Times::Many},
        {.name = "--tlsa",
         .value_name = "FILE",
         .help = "TLSA records, `usage selector matching-type hex` a line; taken as validated",
         .times = Times::Many},
        {.name = "--purpose", .value_name = "PURPOSE", .help = "server or client [server]"},
        {.name = "--at", .value_name = "TIME", .help = "judge as of this time (RFC 3339) [now]"},
        {.name = "--max-intermediates",
         .value_name = "NUMBER",
         .help = "certificates between leaf and anchor, at most [8]"},
        {.name = "--all", .help = "show every step, the whole path and every name compared"},
        {.name = "--lang", .value_name = "LANGUAGE", .help = "en or es [the terminal's]"},
        {.name = "--text-for-partner", .help = "print a letter to the partner's postmaster"},
    };
}

}  // namespace

std::vector<Command> certificate_verify_commands() {
    return {
        {.group = "Certificates",
         .noun = "certificate",
         .verb = "verify",
         .arguments = {{.name = "FILE",
                        .help = "DER, PEM or PKCS#7; the first certificate is judged, the rest "
                                "are untrusted"}},
         .options = verify_options(),
         .summary = "judge a certificate from a file, as a session would",
         .description =
             "Needs no server and no directory, and fetches nothing unless told to. Without\n"
             "--name, --ip and --email only the path is judged; without --crl and --fetch\n"
             "nothing is looked up in revocation lists. Profile strict compares by RFC 9525\n"
             "and holds certificates to the rules of public CAs; the other profiles do as\n"
             "partners' files say. Where neither a name nor --purpose is given, RFC 5280 alone\n"
             "is asked (as profile exchange does). Exit status: 0 accepted, 1 rejected, 2 could "
             "not tell.",
         .examples = {"valija certificate verify mail.cer --trust woodgrove-root.pem \\\n"
                      "    --name mail.woodgrovebank.com --fetch",
                      "valija certificate verify chain.pem --trust root.pem --crl root.crl --json",
                      "valija certificate verify mail.cer --name woodgrovebank.com \\\n"
                      "    --profile exchange --text-for-partner --lang es"},
         .handler = run_verify,
         .home = Home::NotNeeded,
         .json = Json::Yes}};
}

}  // namespace valija::programs
