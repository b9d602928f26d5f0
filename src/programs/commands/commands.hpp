// The rows of the command table, a function for each noun (or a few small ones), in one file each.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "control/service/control.hpp"
#include "directory/settings/directory.hpp"
#include "directory/settings/edit.hpp"
#include "platform/base/phrase.hpp"
#include "programs/command_table.hpp"

namespace valija::programs {

std::vector<Command> server_commands();  // serve, reload, version
std::vector<Command> setup_commands();
std::vector<Command> lab_commands();
std::vector<Command> partner_commands();
std::vector<Command> config_commands();
std::vector<Command> connector_commands();
std::vector<Command> queue_commands();
std::vector<Command> counters_commands();
std::vector<Command> crl_commands();
std::vector<Command> proxy_commands();
std::vector<Command> certificate_making_commands();  // request, new, clone, import
std::vector<Command> certificate_store_commands();   // list, show, enable, export, remove
std::vector<Command> certificate_verify_commands();
std::vector<Command> check_commands();

// What handlers share.

// Asks the running server and prints its answer; says so if there is none.
int ask_server(const Invocation& invocation, const std::string& command,
               std::map<std::string, std::string> arguments = {},
               std::chrono::seconds patience = std::chrono::seconds(30));

// What became of a change that was written: the server that runs, if one does, reads it again.
struct Reload {
    bool is_running = false;
    bool has_it = false;
    std::string problem;  // for standard error
    int exit_status = 0;
};

Reload reload_server(const Invocation& invocation);

std::string control_socket(const Invocation& invocation);

// `key = value  # origin` a line, aligned.
std::string in_force_text(const std::vector<settings::InForce>& rows);

// Writes a partner's file if the whole configuration, anchors too, is good with it, and tells the
// running server; says what happened and gives the exit status.
int change_partner(const Invocation& invocation, const std::string& file,
                   const std::vector<settings::Change>& changes);

// The partner of this name; null, and a line on standard error with the nearest name.
const settings::Partner* find_partner(const settings::Directory& directory,
                                      const std::string& name);

Command partner_pin_command();

// Of --lang, else of the terminal (LC_ALL, LC_MESSAGES, LANG); nothing where --lang is no language.
std::optional<Language> language_asked(const Invocation& invocation);

// One line each on standard error; gives the exit status for a bad configuration.
int refuse(const std::vector<settings::Problem>& problems);

}  // namespace valija::programs
