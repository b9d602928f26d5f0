#include "control/service/recording.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

namespace json = boost::json;

namespace valija::service {
namespace {

constexpr std::string_view time_column = "time";

// As in the text format of Prometheus: never a line end within a name.
std::string escaped(std::string_view value) {
    std::string text;
    for (const char c : value) {
        if (c == '\n') {
            text += "\\n";
            continue;
        }
        if (c == '\\' || c == '"') text += '\\';
        text += c;
    }
    return text;
}

std::string labels_text(const json::object& labels) {
    std::vector<std::string> parts;
    for (const auto& [key, value] : labels) {
        std::string part = fmt::format("{}=\"{}\"", std::string_view(key),
                                       escaped(std::string_view(value.as_string())));
        // Whose mail it is comes first.
        parts.insert(key == "partner" ? parts.begin() : parts.end(), std::move(part));
    }
    return parts.empty() ? "" : fmt::format("{{{}}}", fmt::join(parts, ","));
}

SeriesValue series_value_of(const json::object& sample) {
    return {.series = std::string(sample.at("name").as_string()) +
                      labels_text(sample.at("labels").as_object()),
            .value = std::to_string(sample.at("value").as_int64())};
}

std::string cell(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

std::string header_of(const std::vector<SeriesValue>& sample) {
    std::string header(time_column);
    for (const SeriesValue& value : sample) header += "," + cell(value.series);
    return header;
}

size_t commas_outside_quotes(std::string_view line) {
    bool is_quoted = false;
    size_t count = 0;
    for (const char c : line) {
        if (c == '"') is_quoted = !is_quoted;
        if (c == ',' && !is_quoted) ++count;
    }
    return count;
}

bool is_header(std::string_view line) {
    return line == time_column || line.starts_with(std::string(time_column) + ",");
}

// 2026-08-28T22:37:53.323Z, then commas and digits. A row that a crash cut short is one, too.
bool is_row(std::string_view line) {
    return std::ranges::all_of(line, [](char c) {
        return (c >= '0' && c <= '9') || std::string_view("-T:.Z,").contains(c);
    });
}

}  // namespace

Result<std::vector<SeriesValue>> series_of(std::string_view json_answer) {
    const std::string doing = "reading the server's counters";
    boost::system::error_code error;
    const json::value answer = json::parse(json_answer, error);
    if (error) return fault(FaultKind::Input, doing, error.message());
    std::vector<SeriesValue> all;
    try {
        for (const json::value& sample : answer.as_array()) {
            all.push_back(series_value_of(sample.as_object()));
        }
    } catch (const std::exception&) {  // as_…() and at() throw
        return fault(FaultKind::Input, doing, "the answer has another form");
    }
    return all;
}

bool Recording::recall(std::string_view line) {
    if (!is_header(line)) return !header_.empty() && is_row(line);
    header_ = line;
    columns_ = commas_outside_quotes(line);
    return true;
}

void Recording::forget() {
    header_.clear();
    columns_ = 0;
}

std::string Recording::rows(Time time, const std::optional<std::vector<SeriesValue>>& sample) {
    std::string text;
    if (sample || header_.empty()) {
        std::string header = header_of(sample.value_or(std::vector<SeriesValue>()));
        if (header != header_) {
            text = header + "\n";
            header_ = std::move(header);
            columns_ = sample ? sample->size() : 0;
        }
    }
    text += iso_time(time);
    if (!sample) return text + std::string(columns_, ',') + "\n";
    for (const SeriesValue& value : *sample) text += "," + value.value;
    return text + "\n";
}

}  // namespace valija::service
