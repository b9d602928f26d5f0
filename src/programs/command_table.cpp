#include "programs/command_table.hpp"

#include "programs/commands/commands.hpp"

namespace valija::programs {
namespace {

void append(std::vector<Command>& all, std::vector<Command> more) {
    for (Command& command : more) all.push_back(std::move(command));
}

}  // namespace

std::string Invocation::one(const std::string& name) const {
    const auto found = values.find(name);
    return found == values.end() || found->second.empty() ? std::string() : found->second.front();
}

std::vector<std::string> Invocation::all(const std::string& name) const {
    const auto found = values.find(name);
    return found == values.end() ? std::vector<std::string>() : found->second;
}

// In the order of `valija --help`.
const std::vector<Command>& command_table() {
    static const std::vector<Command> table = [] {
        std::vector<Command> all;
        append(all, lab_commands());
        append(all, setup_commands());
        append(all, server_commands());
        append(all, config_commands());
        append(all, connector_commands());
        append(all, partner_commands());
        append(all, check_commands());
        append(all, certificate_making_commands());
        append(all, certificate_store_commands());
        append(all, certificate_verify_commands());
        append(all, crl_commands());
        append(all, proxy_commands());
        append(all, queue_commands());
        append(all, counters_commands());
        return all;
    }();
    return table;
}

}  // namespace valija::programs
