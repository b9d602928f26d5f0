// Requests and answers as lines of JSON. Pure; a request is hostile input.
#pragma once

#include <string>
#include <string_view>

#include "control/service/control.hpp"

namespace valija::service {

std::string request_line(const Request& request);
Result<Request> parse_request(std::string_view line);

std::string answer_line(const Answer& answer);
Result<Answer> parse_answer(std::string_view line);

}  // namespace valija::service
