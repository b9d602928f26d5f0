// Lines on the control socket: a fault, or the same when written and read again.
#include "control/service/internal/wire.hpp"
#include "fuzz/check.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace valija;
    const std::string_view line = fuzz::text_of(data, size);
    if (const auto request = service::parse_request(line)) {
        const std::string written = service::request_line(*request);
        CHECK_THAT(written.find('\n') == written.size() - 1);
        const auto again = service::parse_request(written);
        CHECK_THAT(again && again->command == request->command &&
                   again->arguments == request->arguments && again->json == request->json);
    }
    if (const auto answer = service::parse_answer(line)) {
        CHECK_THAT(answer->exit_status >= 0 && answer->exit_status <= 255);
        const auto again = service::parse_answer(service::answer_line(*answer));
        CHECK_THAT(again && again->out == answer->out && again->err == answer->err);
    }
    return 0;
}
