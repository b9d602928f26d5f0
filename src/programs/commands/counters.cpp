#include <fmt/format.h>

#include <charconv>

#include "platform/base/text.hpp"
#include "programs/commands/commands.hpp"
#include "programs/commands/record.hpp"

namespace valija::programs {
namespace {

constexpr Duration usual_pause = std::chrono::seconds(10);
constexpr Duration shortest_pause = std::chrono::seconds(1);
constexpr Duration longest_pause = std::chrono::days(1);

int misused(const std::string& text) {
    fmt::print(stderr, "valija: {}\n", text);
    return status::usage;
}

std::optional<uint64_t> positive_number(const std::string& text) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number == 0) return {};
    return number;
}

int run_record(const Invocation& invocation) {
    if (invocation.json) return misused("--record writes CSV; leave --json out");
    RecordOptions options{.file = invocation.one("--record"), .every = usual_pause, .count = {}};
    if (invocation.has("--every")) {
        const auto every = parse_duration(invocation.one("--every"));
        if (!every || *every < shortest_pause || *every > longest_pause) {
            return misused(fmt::format("--every wants a time from 1s to 1d, not \"{}\"",
                                       escape_peer_text(invocation.one("--every"), 60)));
        }
        options.every = *every;
    }
    if (invocation.has("--count")) {
        options.count = positive_number(invocation.one("--count"));
        if (!options.count) {
            return misused(fmt::format("--count wants a number from 1 on, not \"{}\"",
                                       escape_peer_text(invocation.one("--count"), 60)));
        }
    }
    return record_counters(invocation, options);
}

int run_counters(const Invocation& invocation) {
    if (invocation.has("--record")) return run_record(invocation);
    for (const char* name : {"--every", "--count"}) {
        if (invocation.has(name)) return misused(fmt::format("{} goes with --record", name));
    }
    return ask_server(invocation, "counters");
}

}  // namespace

std::vector<Command> counters_commands() {
    return {
        {.group = "Queue",
         .noun = "counters",
         .options = {{.name = "--record",
                      .value_name = "FILE",
                      .help = "write them to FILE over time, as CSV, until SIGINT or SIGTERM"},
                     {.name = "--every",
                      .value_name = "TIME",
                      .help = "time from one row to the next, 1s to 1d [10s]"},
                     {.name = "--count", .value_name = "NUMBER", .help = "end after so many rows"}},
         .summary = "print or record what was received, sent and refused",
         .description =
             "Domain-secured messages received and sent, failed sessions and refusals, for\n"
             "each partner and connector; then the totals. Every counter exists from the\n"
             "start of the server, at 0.\n"
             "\n"
             "With --record a row is appended to FILE at once and then every TIME: the time\n"
             "and a column for each counter. A new header row is written when there are\n"
             "other counters than before. While no server answers, rows have a time only.",
         .examples = {"valija counters", "valija counters --json",
                      "valija counters --record counters.csv --every 1m"},
         .handler = run_counters,
         .runs = Runs::AsksServer,
         .json = Json::Yes},
    };
}

}  // namespace valija::programs
