// Any client against the server's side of SMTP; the first byte decides how policy answers.
#include "protocol/smtp/server_dialog.hpp"

#include "fuzz/check.hpp"

namespace {

using namespace valija;
using namespace valija::smtp;

void check_reply(const Reply& reply) {
    CHECK_THAT(reply.code >= 200 && reply.code < 600 && !reply.lines.empty());
    for (const std::string& line : reply.lines) {
        CHECK_THAT(line.find_first_of("\r\n") == std::string::npos);
    }
}

void perform(ServerDialog& dialog, const ServerStep& step, bool accept) {
    const Reply decision = accept ? reply(250, "2.1.0", "OK") : reply(454, "4.7.5", "no");
    if (const auto* sender = std::get_if<AskSender>(&step)) {
        CHECK_THAT(dialog.envelope().recipients.empty());
        CHECK_THAT(!sender->sender || mail::parse_address(sender->sender->text()));
        dialog.answer(decision);
    } else if (std::holds_alternative<AskRecipient>(step)) {
        dialog.answer(decision);
    } else if (const auto* content = std::get_if<TakeContent>(&step)) {
        CHECK_THAT(!dialog.envelope().recipients.empty());
        check_reply(content->reply);
        dialog.content_ended();
        CHECK_THAT(dialog.envelope().recipients.empty() && !dialog.envelope().sender);
    } else if (const auto* tls = std::get_if<StartTls>(&step)) {
        CHECK_THAT(!dialog.is_tls());
        check_reply(tls->reply);
        dialog.tls_started();
        CHECK_THAT(dialog.client_name().empty() && dialog.envelope().recipients.empty());
    } else if (const auto* sent = std::get_if<SendReply>(&step)) {
        check_reply(sent->reply);
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    ServerDialog dialog({.fqdn = "mx.contoso.com",
                         .client_address = "192.0.2.1",
                         .max_recipients = 3,
                         .offer_starttls = true});
    const unsigned policy = size > 0 ? data[0] : 0;
    unsigned number = 0;
    for (const std::string_view line : fuzz::lines_of(fuzz::text_of(data, size))) {
        const ServerStep step = line.size() > 2048 ? dialog.too_long() : dialog.hear(line);
        perform(dialog, step, (policy >> (number++ % 8) & 1U) == 0);
        CHECK_THAT(dialog.envelope().recipients.size() <= 3);
        CHECK_THAT(dialog.client_name().find_first_of("\r\n ()") == std::string::npos);
        if (std::holds_alternative<Close>(step)) break;
    }
    return 0;
}
