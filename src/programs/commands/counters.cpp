#include "programs/commands/commands.hpp"

namespace valija::programs {
namespace {

int run_counters(const Invocation& invocation) { return ask_server(invocation, "counters"); }

}  // namespace

std::vector<Command> counters_commands() {
    return {
        {.group = "Queue",
         .noun = "counters",
         .summary = "print what was received, sent and refused since the start",
         .description =
             "Domain-secured messages received and sent, failed sessions and refusals, for\n"
             "each partner and connector; then the totals. Every counter exists from the\n"
             "start, at 0.",
         .examples = {"valija counters", "valija counters --json"},
         .handler = run_counters,
         .runs = Runs::AsksServer,
         .json = Json::Yes},
    };
}

}  // namespace valija::programs
