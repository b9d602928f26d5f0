// The commands: one table from which the parser, `--help` and the manual pages are made.
//
// Promise: every command of `valija` is one row; what is not in a row does not exist. Texts are
// plain English. A handler gets what was parsed and gives the exit status.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace valija::programs {

// Exit statuses; those from 64 on are the words of sysexits.h.
namespace status {
inline constexpr int yes = 0;
inline constexpr int no = 1;       // no, or there are findings
inline constexpr int unknown = 2;  // could not tell
inline constexpr int usage = 64;
inline constexpr int no_server = 69;
inline constexpr int configuration = 78;
}  // namespace status

// A command line that was understood.
struct Invocation {
    std::string program;  // path of this program
    std::string home;     // without a final slash; empty where the command needs none
    bool json = false;
    std::map<std::string, std::vector<std::string>> values;  // by argument or option name

    bool has(const std::string& name) const { return values.contains(name); }

    std::string one(const std::string& name) const;  // the first value or ""
    std::vector<std::string> all(const std::string& name) const;
};

enum class Need { Optional, Required };
enum class Times { Once, Many };

struct Argument {
    std::string name;  // "NAME"
    std::string help;
    Need need = Need::Required;
    Times times = Times::Once;
};

struct Option {
    std::string name;        // "--domain"
    std::string value_name;  // "DOMAIN"; empty: a flag
    std::string help;
    Need need = Need::Optional;
    Times times = Times::Once;
};

enum class Runs { Locally, AsksServer, Both };
enum class Home { Needed, NotNeeded };
enum class Json { No, Yes };

struct Command {
    std::string group;  // heading in `valija --help`
    std::string noun;
    std::string verb;  // empty: the noun alone is the command
    std::vector<Argument> arguments;
    std::vector<Option> options;
    std::string summary;      // one line
    std::string description;  // some sentences, then examples
    std::vector<std::string> examples;
    int (*handler)(const Invocation&);
    Runs runs = Runs::Locally;
    Home home = Home::Needed;
    Json json = Json::No;

    std::string name() const { return verb.empty() ? noun : noun + " " + verb; }
};

const std::vector<Command>& command_table();

// `valija --help`, `valija partner --help`, `valija partner add --help`.
std::string program_help();
std::string noun_help(std::string_view noun);
std::string command_help(const Command& command);

std::string program_manual();  // valija(1), as roff

// Parses and runs; gives the exit status.
int run_command_line(std::vector<std::string> arguments, const std::string& program);

}  // namespace valija::programs
