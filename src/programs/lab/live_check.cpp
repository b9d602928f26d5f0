#include "programs/lab/live_check.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "platform/base/text.hpp"

namespace valija::lab {
namespace {

namespace json = boost::json;

std::string text_at(const json::object& object, std::string_view key) {
    return json::value_to<std::string>(object.at(key));
}

std::string name_line(const json::object& row) {
    return fmt::format("{} ({}{}) beside {} ({}): {}", text_at(row, "reference"),
                       text_at(row, "origin"), row.at("weak").as_bool() ? ", weak" : "",
                       text_at(row, "presented"), text_at(row, "from"), text_at(row, "result"));
}

void read_ladder(const json::array& ladder, std::string_view wanted, Checked& checked) {
    for (const json::value& value : ladder) {
        const json::object& step = value.as_object();
        const std::string state = text_at(step, "state");
        if (checked.failed_step.empty() && (state == "fail" || state == "unknown")) {
            checked.failed_step = text_at(step, "step");
        }
        if (text_at(step, "step") == wanted) {
            checked.state = state;
            checked.evidence = text_at(step, "evidence");
        }
    }
}

void read_outbound(const json::object& outbound, std::string_view step, Checked& checked) {
    read_ladder(outbound.at("ladder").as_array(), step, checked);
    for (const json::value& address : outbound.at("addresses").as_array()) {
        for (const json::value& row : address.at("names").as_array()) {
            checked.names.push_back(name_line(row.as_object()));
        }
    }
}

Result<Checked> read_report(const Finished& done, std::string_view step) {
    Checked checked;
    try {
        const json::value report = json::parse(done.out);
        read_outbound(report.at("domains").as_array().at(0).at("outbound").as_object(), step,
                      checked);
    } catch (const std::exception& error) {
        return fault(FaultKind::System, "reading what `valija check` printed",
                     fmt::format("{}: {}{}", error.what(), done.out.substr(0, 300), done.err));
    }
    return checked;
}

}  // namespace

Result<Checked> check_live(Stage& stage, const Organisation& of, const std::string& target,
                           const std::string& step) {
    const auto done = stage.world().command(of, {"check", target, "--json"});
    if (!done) return std::unexpected(done.error());
    return read_report(*done, step);
}

Result<std::string> tell_command(Stage& stage, const Organisation& of,
                                 const std::vector<std::string>& words, int expected) {
    return tell_command(stage, of.home, words, expected);
}

Result<std::string> tell_command(Stage& stage, const std::string& home,
                                 const std::vector<std::string>& words, int expected) {
    const std::string typed = "$ valija " + join(words, " ");
    stage.tell(typed);
    const auto done = stage.world().command(home, words);
    if (!done) return std::unexpected(done.error());
    stage.tell_output(done->out);
    stage.tell_output(done->err);
    stage.compare("exit status of `valija " + words.front() + "`", std::to_string(expected),
                  std::to_string(done->exit_status));
    return done->out;
}

}  // namespace valija::lab
