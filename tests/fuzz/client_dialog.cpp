// Any server against the client's side of SMTP and LMTP; the first byte chooses the dialect.
#include "protocol/smtp/client_dialog.hpp"

#include "fuzz/check.hpp"

namespace {

using namespace valija;
using smtp::ClientDialog;

// Meets every need but that of a reply. False: the session is over.
bool go_on(ClientDialog& dialog, const mail::Envelope& envelope, bool wants_tls, bool& tls,
           bool& content) {
    for (int steps = 0; steps < 20; ++steps) {
        for (const std::string_view line : split(dialog.output(), '\n')) {
            CHECK_THAT(line.empty() || line.find('\r') == line.size() - 1);
        }
        switch (dialog.need()) {
            case ClientDialog::Need::Reply:
                return true;
            case ClientDialog::Need::Decide:
                wants_tls && !tls && dialog.capabilities().starttls ? dialog.start_tls()
                                                                    : dialog.begin(envelope, 10);
                break;
            case ClientDialog::Need::Handshake:
                tls = true;
                dialog.tls_started();
                CHECK_THAT(!dialog.capabilities().starttls && !dialog.capabilities().pipelining);
                break;
            case ClientDialog::Need::Content:
                content = true;
                dialog.content_sent();
                break;
            case ClientDialog::Need::Outcome:
                CHECK_THAT(dialog.outcomes().size() == envelope.recipients.size());
                for (const smtp::Reply& one : dialog.outcomes()) {
                    CHECK_THAT(one.code >= 200);
                    CHECK_THAT(!one.is_positive() || content);  // nobody has what was not sent
                }
                dialog.quit();
                break;
            case ClientDialog::Need::Ended:
                return false;
        }
    }
    CHECK_THAT(false);
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const unsigned choice = size > 0 ? data[0] : 0;
    mail::Envelope envelope{.sender = mail::parse_address("alice@a.example"), .eight_bit = true};
    for (const char* recipient : {"b@b.example", "c@b.example", "d@b.example"}) {
        envelope.recipients.push_back({.address = *mail::parse_address(recipient)});
    }
    ClientDialog dialog({.client_name = "mx.contoso.com", .lmtp = (choice & 1U) != 0});
    smtp::ReplyReader reader;
    bool tls = false;
    bool content = false;
    const std::string_view text = fuzz::text_of(data, size).substr(size > 0 ? 1 : 0);
    for (const std::string_view line : fuzz::lines_of(text)) {
        const auto progress = reader.hear(line);
        if (progress == smtp::ReplyReader::Progress::Malformed) break;
        if (progress == smtp::ReplyReader::Progress::More) continue;
        dialog.hear(reader.take());
        if (!go_on(dialog, envelope, (choice & 2U) != 0, tls, content)) break;
    }
    return 0;
}
