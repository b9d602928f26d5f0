#include "programs/commands/commands.hpp"

namespace valija::programs {
namespace {

int run_list(const Invocation& invocation) { return ask_server(invocation, "crl list"); }

int run_fetch(const Invocation& invocation) {
    std::map<std::string, std::string> arguments;
    if (invocation.has("URL")) arguments["url"] = invocation.one("URL");
    return ask_server(invocation, "crl fetch", std::move(arguments));
}

}  // namespace

std::vector<Command> crl_commands() {
    return {
        {.group = "Certificates",
         .noun = "crl",
         .verb = "list",
         .summary = "list the revocation lists; are they good?",
         .description =
             "Lists are fetched ahead of time and refreshed before they end; no session waits\n"
             "for one. A list that is missing or out of date makes an enforced partner's mail\n"
             "wait (RevocationOffline), and this command says why it could not be fetched.",
         .examples = {"valija crl list", "valija crl list --json"},
         .handler = run_list,
         .runs = Runs::AsksServer,
         .json = Json::Yes},
        {.group = "Certificates",
         .noun = "crl",
         .verb = "fetch",
         .arguments = {{.name = "URL",
                        .help = "the address of one list; without it all are fetched",
                        .need = Need::Optional}},
         .summary = "fetch revocation lists again, now",
         .description = "The list in use stays in force until the new one is there and verified.",
         .examples = {"valija crl fetch", "valija crl fetch http://crl.woodgrovebank.com/root.crl"},
         .handler = run_fetch,
         .runs = Runs::AsksServer,
         .json = Json::Yes},
    };
}

}  // namespace valija::programs
