#include "programs/lab/lab.hpp"

#include "programs/commands/commands.hpp"

namespace valija::programs {
namespace {

int run_lab(const Invocation& invocation) {
    LabOptions options{.list = invocation.has("--list"),
                       .keep = invocation.has("--keep"),
                       .stop = invocation.has("--stop"),
                       .json = invocation.json,
                       .verbose = invocation.has("--verbose"),
                       .program = invocation.program};
    if (invocation.has("--scenes")) options.scenes = invocation.one("--scenes");
    return lab(options);
}

}  // namespace

std::vector<Command> lab_commands() {
    return {
        {.group = "Lab",
         .noun = "lab",
         .options = {{.name = "--scenes",
                      .value_name = "GROUP",
                      .help = "which scenes to play: a group, \"all\" or \"none\" [path]"},
                     {.name = "--list", .help = "print the groups and their scenes"},
                     {.name = "--keep",
                      .help = "leave the world up until Ctrl-C or `valija lab --stop`"},
                     {.name = "--stop", .help = "take a kept world down"},
                     {.name = "--verbose", .help = "print the sessions' protocol too"}},
         .summary = "see it work: two organisations on this computer",
         .description =
             "Builds two organisations with their certification authorities, DNS, revocation\n"
             "lists and mailboxes on loopback addresses, sends mail between them, breaks\n"
             "things on purpose, and shows what Valija says. Needs no root, touches no other\n"
             "network, leaves nothing behind. Exit status 0 only if every scene went as\n"
             "expected.",
         .examples = {"valija lab", "valija lab --scenes all", "valija lab --keep --scenes none"},
         .handler = run_lab,
         .home = Home::NotNeeded,
         .json = Json::Yes},
    };
}

}  // namespace valija::programs
