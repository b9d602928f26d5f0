// Any server's reply lines: bounded, and whole or malformed.
#include "fuzz/check.hpp"
#include "protocol/smtp/reply.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace valija;
    smtp::ReplyReader reader;
    for (const std::string_view line : fuzz::lines_of(fuzz::text_of(data, size))) {
        const auto progress = reader.hear(line);
        if (progress == smtp::ReplyReader::Progress::Malformed) break;
        if (progress == smtp::ReplyReader::Progress::More) continue;
        const smtp::Reply reply = reader.take();
        CHECK_THAT(reply.code >= 200 && reply.code < 600);
        CHECK_THAT(!reply.lines.empty() && reply.lines.size() <= 100);
        for (const std::string& text : reply.lines) CHECK_THAT(text.size() <= 512);
        smtp::ReplyReader again;  // what it would send is read back as the same
        for (const std::string_view sent : fuzz::lines_of(reply.wire())) {
            if (!sent.empty())
                CHECK_THAT(again.hear(sent) != smtp::ReplyReader::Progress::Malformed);
        }
        CHECK_THAT(again.take().code == reply.code);
    }
    return 0;
}
