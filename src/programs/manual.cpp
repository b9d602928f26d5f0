// The manual page valija(1), made from the command table (`valija help --man`).
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "platform/base/text.hpp"
#include "programs/command_table.hpp"

namespace valija::programs {
namespace {

// Words as roff takes them: a backslash and a dash stand for themselves, and no line begins with
// a dot or an apostrophe, which would make it a request.
std::string roff(std::string_view words) {
    std::string out;
    for (const char c : words) {
        if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";
        } else if ((c == '.' || c == '\'') && (out.empty() || out.ends_with('\n'))) {
            out += fmt::format("\\&{}", c);
        } else {
            out += c;
        }
    }
    return out;
}

std::string upper(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
    return text;
}

std::string entry(std::string_view what, std::string_view value, const std::string& help) {
    const std::string shown = value.empty() ? "" : fmt::format(" \\fI{}\\fR", roff(value));
    return fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", roff(what), shown, roff(help));
}

std::string usage_line(const Command& command) {
    std::string text = fmt::format("\\fBvalija {}\\fR", roff(command.name()));
    for (const Argument& argument : command.arguments) {
        const std::string name =
            roff(argument.name) + (argument.times == Times::Many ? "\\fR..." : "\\fR");
        text += argument.need == Need::Required ? fmt::format(" \\fI{}", name)
                                                : fmt::format(" [\\fI{}]", name);
    }
    for (const Option& option : command.options) {
        const std::string value =
            option.value_name.empty() ? "" : fmt::format(" \\fI{}\\fR", roff(option.value_name));
        const std::string shown = fmt::format("\\fB{}\\fR{}", roff(option.name), value);
        text += option.need == Need::Required ? " " + shown : fmt::format(" [{}]", shown);
    }
    return text + "\n";
}

std::string section_of(const Command& command) {
    std::string text = fmt::format(".SS {}\n{}.PP\n{}\n", roff(command.name()), usage_line(command),
                                   roff(command.description));
    for (const Argument& argument : command.arguments) {
        text += entry(argument.name, "", argument.help);
    }
    for (const Option& option : command.options) {
        const bool is_many = option.times == Times::Many;
        text += entry(option.name, option.value_name,
                      option.help + (is_many ? "; may be repeated" : ""));
    }
    if (command.json == Json::Yes) {
        text += entry("--json", "", "print JSON, for programs");
    }
    text += ".PP\n.EX\n";
    for (const std::string& example : command.examples) {
        text += roff(example) + "\n";
    }
    return text + ".EE\n";
}

constexpr std::string_view kEnd =
    ".SH EXIT STATUS\n"
    "0 yes, 1 no or there are findings, 2 could not tell, 64 wrong usage, 69 no server is running, "
    "78 the configuration is wrong.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n\\fBVALIJA_HOME\\fR\nthe instance's directory, where \\-\\-home is not given\n"
    ".SH FILES\n"
    "Below the instance's directory: \\fIetc/valija.toml\\fR, \\fIetc/connectors.d/\\fR, "
    "\\fIetc/partners.d/\\fR, \\fIetc/anchors/\\fR, \\fIkeys/\\fR, \\fIspool/\\fR, "
    "\\fIstate/\\fR, \\fIlog/\\fR, \\fIrun/control.sock\\fR.\n";

}  // namespace

std::string program_manual() {
    std::string text =
        ".TH VALIJA 1 \"\" Valija \"Valija manual\"\n"
        ".SH NAME\nvalija \\- mail server for organisations that trust one another\n"
        ".SH SYNOPSIS\n\\fBvalija\\fR \\fICOMMAND\\fR [\\fIARGUMENTS\\fR] "
        "[\\fB\\-\\-home\\fR \\fIDIR\\fR] [\\fB\\-\\-json\\fR]\n"
        ".SH DESCRIPTION\n"
        "Mail between partner domains travels only over mutually authenticated TLS whose chain, "
        "revocation and identity were verified. Where that cannot be proven the message waits or "
        "is refused, and Valija names the step that failed, the evidence, the fix, and who must "
        "act. All other mail flows as ever.\n";
    std::string group;
    for (const Command& command : command_table()) {
        if (command.group != group) {
            group = command.group;
            text += fmt::format(".SH \"{}\"\n", roff(upper(group)));
        }
        text += section_of(command);
    }
    return text + std::string(kEnd);
}

}  // namespace valija::programs
