// valija check.
#include <fmt/format.h>

#include <cstdio>

#include "platform/base/phrase.hpp"
#include "platform/store/file.hpp"
#include "programs/commands/commands.hpp"
#include "trust/x509/certificate.hpp"

namespace valija::programs {
namespace {

// The server's own bound is 60 seconds; what it waits for on the way has deadlines too.
constexpr auto kPatience = std::chrono::seconds(100);
constexpr size_t kLargestChain = 40UL << 10U;

using Arguments = std::map<std::string, std::string>;

Arguments common_arguments(const Invocation& invocation) {
    Arguments arguments;
    if (invocation.has("--all")) arguments["all"] = "yes";
    if (invocation.has("--text-for-partner")) arguments["letter"] = "yes";
    const bool is_spanish = language_asked(invocation) == Language::Spanish;
    arguments["lang"] = is_spanish ? "es" : "en";
    return arguments;
}

int usage(const std::string& text) {
    fmt::print(stderr, "valija: {}\n", text);
    return status::usage;
}

// The certificates of the file as PEM, so that one form goes over the control socket.
Result<std::string> chain_of(const std::string& path) {
    const auto bytes = store::read_file(path, kLargestChain);
    if (!bytes) return std::unexpected(bytes.error());
    const auto read = x509::read_certificates(*bytes);
    if (!read) return std::unexpected(read.error());
    std::string pem;
    for (const x509::Certificate& certificate : read->certificates) pem += certificate.pem();
    return pem;
}

int check_client(const Invocation& invocation) {
    if (!invocation.has("--domain")) return usage("--as-client needs --domain DOMAIN too");
    const auto chain = chain_of(invocation.one("--as-client"));
    if (!chain) {
        fmt::print(stderr, "valija: {}: {}\n", invocation.one("--as-client"), chain.error().text());
        return status::unknown;
    }
    Arguments arguments = common_arguments(invocation);
    arguments["chain"] = *chain;
    arguments["domain"] = invocation.one("--domain");
    return ask_server(invocation, "check client", std::move(arguments));
}

int run_check(const Invocation& invocation) {
    if (!language_asked(invocation)) return usage("--lang is en or es");
    if (invocation.json && invocation.has("--text-for-partner")) {
        return usage("--json or --text-for-partner, not both");
    }
    if (invocation.has("--as-client")) {
        if (invocation.has("PARTNER")) return usage("--as-client takes the place of PARTNER");
        return check_client(invocation);
    }
    if (invocation.has("--domain")) return usage("--domain belongs to --as-client");
    Arguments arguments = common_arguments(invocation);
    if (invocation.has("PARTNER")) {
        arguments["target"] = invocation.one("PARTNER");
    } else if (invocation.has("--text-for-partner")) {
        return usage("--text-for-partner wants a PARTNER");
    }
    return ask_server(invocation, "check", std::move(arguments), kPatience);
}

}  // namespace

std::vector<Command> check_commands() {
    return {
        {.group = "Partners",
         .noun = "check",
         .arguments = {{.name = "PARTNER",
                        .help = "a partner's name, or one domain; without it this server itself",
                        .need = Need::Optional}},
         .options =
             {{.name = "--as-client",
               .value_name = "FILE",
               .help = "judge this certificate (PEM, DER or PKCS#7, with its chain) as a client's"},
              {.name = "--domain",
               .value_name = "DOMAIN",
               .help = "for --as-client: the domain in MAIL FROM"},
              {.name = "--all", .help = "show every step and every name, not only findings"},
              {.name = "--text-for-partner",
               .help = "write the letter to the partner's postmaster instead"},
              {.name = "--lang", .value_name = "LANGUAGE", .help = "en or es [the terminal's]"}},
         .summary = "try the path to a partner, in both directions, and say what is wrong",
         .description =
             "The running server connects to every mail server of the partner (at most 10\n"
             "domains, 10 addresses, 60 seconds; what is left out is told), as for a delivery\n"
             "but without a message: policy, DNS, TCP, EHLO, STARTTLS, handshake, certificate,\n"
             "revocation, names, our own certificate. Then it says what becomes of mail now.\n"
             "For mail from the partner it judges what a client with the same certificate would\n"
             "meet. Nothing is counted and no mail is touched.\n"
             "Without a partner it looks at this server: certificates, anchors, lists, resolver,\n"
             "disk, clock, and each enforced partner in a line: is it ready?\n"
             "Exit status: 0 proven (or ready), 1 not proven, 2 could not tell all of it.",
         .examples = {"valija check", "valija check woodgrovebank",
                      "valija check woodgrovebank.com --all",
                      "valija check --as-client client.pem --domain woodgrovebank.com"},
         .handler = run_check,
         .runs = Runs::AsksServer,
         .json = Json::Yes},
    };
}

}  // namespace valija::programs
