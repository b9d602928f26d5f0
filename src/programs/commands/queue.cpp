#include <fmt/format.h>

#include <cstdio>

#include "programs/commands/commands.hpp"

namespace valija::programs {
namespace {

int run_list(const Invocation& invocation) {
    std::map<std::string, std::string> arguments;
    if (invocation.has("--limit")) arguments["limit"] = invocation.one("--limit");
    return ask_server(invocation, "queue list", std::move(arguments));
}

int run_show(const Invocation& invocation) {
    const auto language = language_asked(invocation);
    if (!language) {
        fmt::print(stderr, "valija: --lang is en or es\n");
        return status::usage;
    }
    return ask_server(
        invocation, "queue show",
        {{"id", invocation.one("ID")}, {"lang", *language == Language::Spanish ? "es" : "en"}});
}

int run_retry(const Invocation& invocation) {
    std::map<std::string, std::string> arguments;
    if (invocation.has("ID")) arguments["id"] = invocation.one("ID");
    if (invocation.has("--all")) arguments["all"] = "yes";
    return ask_server(invocation, "queue retry", std::move(arguments));
}

}  // namespace

std::vector<Command> queue_commands() {
    return {
        {.group = "Queue",
         .noun = "queue",
         .verb = "list",
         .options = {{.name = "--limit",
                      .value_name = "NUMBER",
                      .help = "show at most this many messages [1000]"}},
         .summary = "list what waits, oldest first",
         .description =
             "One line a message: id, age, size, recipients that wait, next attempt, sender,\n"
             "and why the last attempt did not succeed.",
         .examples = {"valija queue list", "valija queue list --json"},
         .handler = run_list,
         .runs = Runs::AsksServer,
         .json = Json::Yes},
        {.group = "Queue",
         .noun = "queue",
         .verb = "show",
         .arguments = {{.name = "ID", .help = "the message's id, as `queue list` prints it"}},
         .options = {{.name = "--lang",
                      .value_name = "LANGUAGE",
                      .help = "of the steps: en or es [the terminal's]"}},
         .summary = "show one message and what its last attempt met",
         .description =
             "For a partner the steps of the last judgement are printed: which step failed,\n"
             "the evidence, what to do, and who must do it.",
         .examples = {"valija queue show 00065F1C2B3A4D5E"},
         .handler = run_show,
         .runs = Runs::AsksServer,
         .json = Json::Yes},
        {.group = "Queue",
         .noun = "queue",
         .verb = "retry",
         .arguments = {{.name = "ID", .help = "the message to try", .need = Need::Optional}},
         .options = {{.name = "--all", .help = "all messages that wait"}},
         .summary = "try a message, or all, now",
         .description =
             "Makes waiting recipients due at once. Nothing else changes: the rules for a\n"
             "partner's path hold as before.",
         .examples = {"valija queue retry 00065F1C2B3A4D5E", "valija queue retry --all"},
         .handler = run_retry,
         .runs = Runs::AsksServer,
         .json = Json::Yes},
    };
}

}  // namespace valija::programs
