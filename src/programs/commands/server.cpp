#include <fmt/format.h>

#include <cstdio>

#include "programs/commands/commands.hpp"
#include "programs/serve.hpp"
#include "programs/version.hpp"

namespace valija::programs {
namespace {

int run_serve(const Invocation& invocation) { return serve(invocation.home); }

int run_reload(const Invocation& invocation) { return ask_server(invocation, "reload"); }

int run_version(const Invocation&) {
    fmt::print(stdout, "valija {}\n", version);
    return status::yes;
}

}  // namespace

std::vector<Command> server_commands() {
    return {
        {.group = "Server",
         .noun = "serve",
         .summary = "run the server until it is told to end",
         .description =
             "Takes and delivers mail as the configuration says. Prints \"valija: ready\" on\n"
             "standard error once mail is taken. SIGTERM ends it in good order, SIGHUP reads\n"
             "the configuration again. Events go to DIR/log/valija.log.",
         .examples = {"valija serve --home /srv/valija"},
         .handler = run_serve},
        {.group = "Server",
         .noun = "reload",
         .summary = "let the running server read its configuration again",
         .description =
             "Configuration, anchors and certificates are read again; no session is dropped.\n"
             "If anything is wrong, everything wrong is printed and the old configuration\n"
             "stays in force (exit status 78).",
         .examples = {"valija reload"},
         .handler = run_reload,
         .runs = Runs::AsksServer},
        {.group = "Server",
         .noun = "version",
         .summary = "print the version",
         .description = "Prints the program's name and version.",
         .examples = {"valija version"},
         .handler = run_version,
         .home = Home::NotNeeded},
    };
}

}  // namespace valija::programs
