// The help texts, made from the command table.
#include <fmt/format.h>

#include <algorithm>

#include "platform/base/text.hpp"
#include "programs/command_table.hpp"

namespace valija::programs {
namespace {

constexpr size_t width = 80;
constexpr size_t widest_left = 26;

// Two columns; the right one is wrapped. A long left part has its line for itself.
std::string row(const std::string& left, std::string_view right, size_t column) {
    std::string text = "  " + left;
    const std::string margin(column, ' ');
    if (text.size() + 2 > column) {
        text += "\n" + margin;
    } else {
        text.resize(column, ' ');
    }
    size_t at = column;
    for (const std::string_view word : split(right, ' ')) {
        if (at > column && at + 1 + word.size() > width) {
            text += "\n" + margin;
            at = column;
        }
        if (at > column) {
            text += ' ';
            ++at;
        }
        text += word;
        at += word.size();
    }
    return text + "\n";
}

std::string option_left(const Option& option) {
    return option.value_name.empty() ? option.name : option.name + " " + option.value_name;
}

std::string usage_of(const Command& command) {
    std::string usage = "Usage: valija " + command.name();
    for (const Argument& argument : command.arguments) {
        const std::string name = argument.name + (argument.times == Times::Many ? "..." : "");
        usage += argument.need == Need::Required ? " " + name : " [" + name + "]";
    }
    for (const Option& option : command.options) {
        if (option.need == Need::Required) usage += " " + option_left(option);
    }
    const bool has_more = std::ranges::any_of(
        command.options, [](const Option& option) { return option.need == Need::Optional; });
    return usage + (has_more ? " [OPTIONS]" : "") + "\n";
}

std::string_view home_help() {
    return "the instance's directory: configuration, keys, queue, logs [$VALIJA_HOME]";
}

std::string common_rows(size_t column, bool has_home, bool has_json) {
    std::string text;
    if (has_home) text += row("--home DIR", home_help(), column);
    if (has_json) text += row("--json", "print JSON, for programs", column);
    return text + row("--help", "print this help", column);
}

std::string examples_of(const Command& command) {
    std::string text = command.examples.size() == 1 ? "\nExample:\n" : "\nExamples:\n";
    for (const std::string& example : command.examples) {
        for (const std::string_view line : split(example, '\n')) {
            text += fmt::format("  {}\n", line);
        }
    }
    return text;
}

size_t column_of(const Command& command) {
    size_t widest = 12;
    for (const Argument& argument : command.arguments) {
        widest = std::max(widest, argument.name.size());
    }
    for (const Option& option : command.options) {
        const size_t size = option_left(option).size();
        if (size <= widest_left) widest = std::max(widest, size);
    }
    return widest + 4;
}

}  // namespace

std::string program_help() {
    std::string text =
        "Valija, a mail server for organisations that trust one another: mail between\n"
        "partner domains travels only where both sides have proven who they are.\n"
        "\n"
        "Usage: valija COMMAND [ARGUMENTS] [--home DIR] [--json]\n";
    std::string group;
    for (const Command& command : command_table()) {
        if (command.group != group) {
            group = command.group;
            text += fmt::format("\n{}\n", group);
        }
        text += row(command.name(), command.summary, 20);
    }
    text += "\nMost commands\n" + common_rows(20, true, true);
    return text +
           "\nFirst steps:\n"
           "  valija lab                 see it work, on this computer alone\n"
           "  valija partner add --help  what a partner's rule can say\n"
           "  valija config check        is everything in order?\n"
           "  valija help --man          the manual page: valija help --man | man -l -\n"
           "\nExit status: 0 yes, 1 no, 2 could not tell, 64 wrong usage, 69 no server is\n"
           "running, 78 the configuration is wrong.\n";
}

std::string noun_help(std::string_view noun) {
    std::string text = fmt::format("Usage: valija {} VERB [ARGUMENTS]\n\n", noun);
    for (const Command& command : command_table()) {
        if (command.noun == noun) text += row(command.name(), command.summary, 20);
    }
    return text + fmt::format("\n`valija {} VERB --help` tells more.\n", noun);
}

std::string command_help(const Command& command) {
    const size_t column = column_of(command);
    std::string text = usage_of(command) + "\n" + command.description + "\n";
    if (!command.arguments.empty()) text += "\nArguments:\n";
    for (const Argument& argument : command.arguments) {
        text += row(argument.name, argument.help, column);
    }
    text += "\nOptions:\n";
    for (const Option& option : command.options) {
        const bool is_many = option.times == Times::Many;
        text +=
            row(option_left(option), option.help + (is_many ? "; may be repeated" : ""), column);
    }
    text += common_rows(column, command.home == Home::Needed, command.json == Json::Yes);
    return text + examples_of(command);
}

}  // namespace valija::programs
