// The rows of the command table, a function for each noun (or a few small ones), in one file each.
#pragma once

#include <vector>

#include "control/service/control.hpp"
#include "directory/settings/directory.hpp"
#include "programs/command_table.hpp"

namespace valija::programs {

std::vector<Command> server_commands();  // serve, reload, version
std::vector<Command> lab_commands();
std::vector<Command> partner_commands();
std::vector<Command> config_commands();
std::vector<Command> queue_commands();
std::vector<Command> counters_commands();
std::vector<Command> crl_commands();

// What handlers share.

// Asks the running server and prints its answer; says so if there is none.
int ask_server(const Invocation& invocation, const std::string& command,
               std::map<std::string, std::string> arguments = {});

std::string control_socket(const Invocation& invocation);

// `key = value  # origin` a line, aligned.
std::string in_force_text(const std::vector<settings::InForce>& rows);

// One line each on standard error; gives the exit status for a bad configuration.
int refuse(const std::vector<settings::Problem>& problems);

}  // namespace valija::programs
