#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "control/explain/rendering.hpp"
#include "programs/commands/commands.hpp"

namespace valija::programs {

std::string control_socket(const Invocation& invocation) {
    return invocation.home + "/run/control.sock";
}

int ask_server(const Invocation& invocation, const std::string& command,
               std::map<std::string, std::string> arguments, std::chrono::seconds patience) {
    const auto answer = service::ask(
        control_socket(invocation),
        {.command = command, .arguments = std::move(arguments), .json = invocation.json}, patience);
    if (!answer && answer.error().kind == FaultKind::Network) {
        fmt::print(stderr,
                   "valija: no server is running for {}; start it with: valija serve --home {}\n",
                   invocation.home, invocation.home);
        return status::no_server;
    }
    if (!answer) {
        fmt::print(stderr, "valija: {}\n", answer.error().text());
        return status::unknown;
    }
    fmt::print(stdout, "{}", answer->out);
    fmt::print(stderr, "{}", answer->err);
    return answer->exit_status;
}

Reload reload_server(const Invocation& invocation) {
    const auto answer = service::ask(control_socket(invocation), {.command = "reload"});
    if (!answer && answer.error().kind == FaultKind::Network) {
        return {};
    }
    if (!answer) {
        return {.is_running = true,
                .problem = fmt::format("valija: the running server was not told: {}\n",
                                       answer.error().text()),
                .exit_status = status::unknown};
    }
    return {.is_running = true,
            .has_it = answer->exit_status == 0,
            .problem = answer->err,
            .exit_status = answer->exit_status};
}

std::optional<Language> language_asked(const Invocation& invocation) {
    if (invocation.has("--lang")) return language_of(invocation.one("--lang"));
    const auto set = [](const char* name) {
        const char* value = std::getenv(name);
        return std::string_view(value == nullptr ? "" : value);
    };
    return explain::language_of_terminal(set("LC_ALL"), set("LC_MESSAGES"), set("LANG"));
}

std::string in_force_text(const std::vector<settings::InForce>& rows) {
    size_t widest = 0;
    for (const auto& row : rows) widest = std::max(widest, row.key.size());
    std::string text;
    for (const auto& row : rows) {
        text += fmt::format("{:{}} = {:40}  # {}\n", row.key, widest, row.value, row.origin);
    }
    return text;
}

int refuse(const std::vector<settings::Problem>& problems) {
    for (const settings::Problem& problem : problems) {
        fmt::print(stderr, "{}\n", problem.where());
    }
    return status::configuration;
}

}  // namespace valija::programs
