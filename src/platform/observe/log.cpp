#include "platform/observe/log.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>

#include "platform/base/text.hpp"
#include "platform/base/time.hpp"

namespace valija::observe {
namespace {

constexpr auto rows = std::to_array<EventRow>({
#define EVENT(name, id, level, exchange_id, meaning) {id, Level::level, exchange_id, meaning},
#include "platform/observe/events.def"
#undef EVENT
});

constexpr std::array<std::string_view, 4> level_names{"debug", "info", "warning", "error"};
constexpr size_t file_size = 10UL << 20U;
constexpr size_t file_count = 10;
constexpr size_t field_limit = 2000;

class SpdlogSink final : public Sink {
  public:
    SpdlogSink(spdlog::sink_ptr sink, Level least)
        : logger_("valija", std::move(sink)), least_(least) {
        logger_.set_pattern("%v");
        logger_.flush_on(spdlog::level::info);
    }

    void write(Level level, std::string_view line) override {
        if (level >= least_)
            logger_.log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
    }

  private:
    spdlog::logger logger_;
    Level least_;
};

class NullSink final : public Sink {
    void write(Level, std::string_view) override {}
};

// key=value, quoted where the value has blanks or quotes; a field without a value is left out.
void append_field(std::string& line, const Field& field) {
    if (field.second.empty()) return;
    auto value = escape_peer_text(field.second, field_limit);
    bool const quote = value.find_first_of(" \"=") != std::string::npos;
    line += ' ';
    line += field.first;
    line += '=';
    if (!quote) {
        line += value;
        return;
    }
    line += '"';
    for (char const c : value) line += c == '"' ? '\'' : c;
    line += '"';
}

}  // namespace

const EventRow& event_row(Event event) { return rows.at(static_cast<size_t>(event)); }

std::shared_ptr<Sink> make_sink(const std::string& path, Level least) {
    if (path.empty())
        return std::make_shared<SpdlogSink>(std::make_shared<spdlog::sinks::stderr_sink_mt>(),
                                            least);
    return std::make_shared<SpdlogSink>(
        std::make_shared<spdlog::sinks::rotating_file_sink_mt>(path, file_size, file_count), least);
}

std::shared_ptr<Sink> make_null_sink() { return std::make_shared<NullSink>(); }

Log::Log(std::shared_ptr<Sink> sink) : sink_(std::move(sink)) {}

Log Log::with(std::initializer_list<Field> fields) const {
    Log child(*this);
    for (auto const& field : fields) append_field(child.inherited_, field);
    return child;
}

void Log::emit(Event event, std::initializer_list<Field> fields) const {
    auto const& row = event_row(event);
    auto line = fmt::format("{} {} {}", iso_time(SystemClock().now()),
                            level_names.at(static_cast<size_t>(row.level)), row.id);
    if (row.exchange_id != 0) line += fmt::format(" exchange_id={}", row.exchange_id);
    line += inherited_;
    for (auto const& field : fields) append_field(line, field);
    sink_->write(row.level, line);
}

}  // namespace valija::observe
