#include "control/service/internal/wire.hpp"

#include <boost/json.hpp>

namespace json = boost::json;

namespace valija::service {
namespace {

constexpr size_t deepest = 4;

Result<json::object> parse_object(std::string_view line, std::string doing) {
    json::parse_options options;
    options.max_depth = deepest;
    // Texts of ours may quote a file name in any bytes.
    options.allow_invalid_utf8 = true;
    boost::system::error_code error;
    json::value value = json::parse({line.data(), line.size()}, error, {}, options);
    if (error) return fault(FaultKind::Input, std::move(doing), error.message());
    if (!value.is_object()) return fault(FaultKind::Input, std::move(doing), "not an object");
    return std::move(value.as_object());
}

const json::string* text_of(const json::object& object, std::string_view key) {
    const json::value* found = object.if_contains({key.data(), key.size()});
    return found == nullptr ? nullptr : found->if_string();
}

std::string plain(const json::string& text) { return {text.data(), text.size()}; }

}  // namespace

std::string request_line(const Request& request) {
    json::object arguments;
    for (const auto& [name, value] : request.arguments) arguments[name] = value;
    return json::serialize(json::object{{"command", request.command},
                                        {"arguments", std::move(arguments)},
                                        {"json", request.json}}) +
           "\n";
}

Result<Request> parse_request(std::string_view line) {
    const std::string doing = "reading a request";
    const auto object = parse_object(line, doing);
    if (!object) return std::unexpected(object.error());
    const json::string* command = text_of(*object, "command");
    if (command == nullptr) return fault(FaultKind::Input, doing, "no command");
    Request request{.command = plain(*command), .arguments = {}, .json = false};
    if (const json::value* wants = object->if_contains("json"); wants != nullptr) {
        if (!wants->is_bool()) return fault(FaultKind::Input, doing, "json is not true or false");
        request.json = wants->get_bool();
    }
    const json::value* arguments = object->if_contains("arguments");
    if (arguments == nullptr) return request;
    if (!arguments->is_object()) return fault(FaultKind::Input, doing, "no arguments");
    for (const auto& pair : arguments->get_object()) {
        const json::string* value = pair.value().if_string();
        if (value == nullptr) return fault(FaultKind::Input, doing, "an argument is no text");
        request.arguments[std::string(pair.key())] = plain(*value);
    }
    return request;
}

std::string answer_line(const Answer& answer) {
    return json::serialize(json::object{
               {"exit", answer.exit_status}, {"out", answer.out}, {"err", answer.err}}) +
           "\n";
}

Result<Answer> parse_answer(std::string_view line) {
    const std::string doing = "reading the server's answer";
    const auto object = parse_object(line, doing);
    if (!object) return std::unexpected(object.error());
    const json::value* status = object->if_contains("exit");
    const json::string* out = text_of(*object, "out");
    const json::string* err = text_of(*object, "err");
    if (status == nullptr || !status->is_int64() || out == nullptr || err == nullptr ||
        status->get_int64() < 0 || status->get_int64() > 255) {
        return fault(FaultKind::Input, doing, "it is incomplete");
    }
    return Answer{.exit_status = static_cast<int>(status->get_int64()),
                  .out = plain(*out),
                  .err = plain(*err)};
}

}  // namespace valija::service
