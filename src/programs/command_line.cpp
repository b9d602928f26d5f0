// From the words of a command line to a row of the table and its handler.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "platform/base/text.hpp"
#include "programs/command_table.hpp"

namespace valija::programs {
namespace {

using Words = std::vector<std::string>;

int misused(const std::string& text, const std::string& help) {
    fmt::print(stderr, "valija: {}\n{}\n", text, help);
    return status::usage;
}

// What may stand anywhere on the line; taken out before the rest is parsed.
struct Common {
    std::optional<std::string> home;
    bool json = false;
    bool help = false;
    bool is_home_incomplete = false;
};

Common take_common(Words& words) {
    Common common;
    Words rest;
    for (size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (word == "--json") {
            common.json = true;
        } else if (word == "--help" || word == "-h") {
            common.help = true;
        } else if (word.starts_with("--home=")) {
            common.home = word.substr(7);
        } else if (word == "--home") {
            common.is_home_incomplete = i + 1 == words.size();
            if (!common.is_home_incomplete) common.home = words[++i];
        } else {
            rest.push_back(word);
        }
    }
    words = std::move(rest);
    return common;
}

std::string home_of(const Common& common) {
    std::string home;
    if (common.home) {
        home = *common.home;
    } else if (const char* set = std::getenv("VALIJA_HOME"); set != nullptr) {
        home = set;
    }
    while (home.size() > 1 && home.ends_with('/')) home.pop_back();
    return home;
}

std::string suggestion(std::string_view word, const Words& known) {
    const auto near = nearest(word, known);
    return near ? fmt::format("; did you mean \"{}\"?", *near) : "";
}

int unknown_noun(const std::string& noun) {
    Words known{"help"};
    for (const Command& command : command_table()) known.push_back(command.noun);
    return misused(fmt::format("there is no command \"{}\"{}", escape_peer_text(noun, 60),
                               suggestion(noun, known)),
                   "`valija --help` lists the commands.");
}

int unknown_verb(const std::string& noun, const Words& words) {
    Words known;
    for (const Command& command : command_table()) {
        if (command.noun == noun) known.push_back(command.verb);
    }
    if (words.size() < 2) {
        return misused(fmt::format("\"{}\" needs a verb", noun), noun_help(noun));
    }
    return misused(fmt::format("\"{}\" has no verb \"{}\"{}", noun, escape_peer_text(words[1], 60),
                               suggestion(words[1], known)),
                   noun_help(noun));
}

// Where the values of a parse end up, by name; stays in place while CLI11 fills it.
struct Values {
    std::map<std::string, Words> texts;
    std::map<std::string, bool> flags;
};

void declare(CLI::App& app, const Command& command, Values& values) {
    app.set_help_flag();
    app.allow_extras();  // the arguments: place() gives them their names
    for (const Option& option : command.options) {
        if (option.value_name.empty()) {
            app.add_flag(option.name, values.flags[option.name]);
            continue;
        }
        CLI::Option* made = app.add_option(option.name, values.texts[option.name]);
        made->allow_extra_args(false);
        made->multi_option_policy(option.times == Times::Many ? CLI::MultiOptionPolicy::TakeAll
                                                              : CLI::MultiOptionPolicy::Throw);
    }
}

// Gives the words that are not options to the arguments, in their order; a complaint or "".
std::string place(const Command& command, const Words& words, Values& values) {
    Words known{"--home", "--help", "--json"};
    for (const Option& option : command.options) known.push_back(option.name);
    bool has_options = true;
    auto argument = command.arguments.begin();
    for (const std::string& word : words) {
        if (has_options && word == "--") {
            has_options = false;
            continue;
        }
        if (has_options && word.starts_with('-')) {
            return fmt::format("`{}` has no option \"{}\"{}", command.name(),
                               escape_peer_text(word, 60), suggestion(word, known));
        }
        if (argument == command.arguments.end()) {
            return fmt::format("`{}` does not expect \"{}\"", command.name(),
                               escape_peer_text(word, 60));
        }
        if (word.empty()) return fmt::format("{} is empty", argument->name);
        values.texts[argument->name].push_back(word);
        if (argument->times == Times::Once) ++argument;
    }
    return {};
}

// An unset variable of a script must not become the current directory, or no file at all.
std::string unnamed_file(const Command& command, Values& values) {
    for (const Option& option : command.options) {
        const bool names_file = option.value_name == "FILE" || option.value_name == "DIR";
        if (names_file && std::ranges::count(values.texts[option.name], "") > 0) {
            return fmt::format("the {} of {} is empty", option.value_name, option.name);
        }
    }
    return {};
}

std::string missing(const Command& command, Values& values) {
    for (const Argument& argument : command.arguments) {
        if (argument.need == Need::Required && values.texts[argument.name].empty()) {
            return fmt::format("`{}` needs {}: {}", command.name(), argument.name, argument.help);
        }
    }
    for (const Option& option : command.options) {
        if (option.need == Need::Required && values.texts[option.name].empty()) {
            return fmt::format("`{}` needs {} {}", command.name(), option.name, option.value_name);
        }
    }
    return {};
}

// CLI11 says "--limit: 1 required TEXT missing" or "--limit: At Most 1 required but received 2".
std::string mismatch(std::string_view text) {
    const std::string_view name = text.substr(0, text.find(':'));
    return text.contains("At Most") ? fmt::format("{} may be given once only", name)
                                    : fmt::format("{} needs a value", name);
}

// Gives a complaint, or fills the invocation.
std::string parse(const Command& command, Words words, Invocation& invocation) {
    CLI::App app;
    Values values;
    declare(app, command, values);
    std::ranges::reverse(words);  // CLI11 takes them from the back
    try {
        app.parse(std::move(words));
    } catch (const CLI::ArgumentMismatch& error) {
        return mismatch(error.what());
    } catch (const CLI::ParseError& error) {
        return error.what();
    }
    if (std::string text = place(command, app.remaining(), values); !text.empty()) return text;
    if (std::string text = missing(command, values); !text.empty()) return text;
    if (std::string text = unnamed_file(command, values); !text.empty()) return text;
    for (auto& [name, texts] : values.texts) {
        if (!texts.empty()) invocation.values[name] = std::move(texts);
    }
    for (const auto& [name, is_set] : values.flags) {
        if (is_set) invocation.values[name] = {};
    }
    return {};
}

int run(const Command& command, const Words& words, const Common& common,
        const std::string& program) {
    const std::string more = fmt::format("`valija {} --help` tells more.", command.name());
    Invocation invocation{
        .program = program, .home = home_of(common), .json = common.json, .values = {}};
    if (common.json && command.json == Json::No) {
        return misused(fmt::format("`{}` has no --json", command.name()), more);
    }
    const size_t taken = command.verb.empty() ? 1 : 2;
    const std::string complaint_text =
        parse(command, Words(words.begin() + static_cast<std::ptrdiff_t>(taken), words.end()),
              invocation);
    if (!complaint_text.empty()) return misused(complaint_text, more);
    if (command.home == Home::Needed && invocation.home.empty()) {
        return misused("which instance? Say --home DIR, or set VALIJA_HOME", more);
    }
    return command.handler(invocation);
}

const Command* find_command(const Words& words) {
    for (const Command& command : command_table()) {
        if (command.noun != words[0]) continue;
        if (command.verb.empty() || (words.size() > 1 && command.verb == words[1])) return &command;
    }
    return nullptr;
}

bool is_noun(const std::string& word) {
    return std::ranges::any_of(command_table(),
                               [&](const Command& command) { return command.noun == word; });
}

}  // namespace

int run_command_line(std::vector<std::string> arguments, const std::string& program) {
    Common common = take_common(arguments);
    if (common.is_home_incomplete) return misused("--home needs a directory", "");
    if (!arguments.empty() && arguments[0] == "--version") arguments[0] = "version";
    if (!arguments.empty() && arguments[0] == "help") {
        common.help = true;
        arguments.erase(arguments.begin());
    }
    if (common.help && arguments == Words{"--man"}) {
        fmt::print(stdout, "{}", program_manual());
        return status::yes;
    }
    if (arguments.empty()) {
        fmt::print(common.help ? stdout : stderr, "{}", program_help());
        return common.help ? status::yes : status::usage;
    }
    if (!is_noun(arguments[0])) return unknown_noun(arguments[0]);
    const Command* command = find_command(arguments);
    if (command == nullptr && common.help && arguments.size() == 1) {
        fmt::print(stdout, "{}", noun_help(arguments[0]));
        return status::yes;
    }
    if (command == nullptr) return unknown_verb(arguments[0], arguments);
    if (common.help) {
        fmt::print(stdout, "{}", command_help(*command));
        return status::yes;
    }
    return run(*command, arguments, common, program);
}

}  // namespace valija::programs
