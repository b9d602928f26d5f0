// Content on the wire: the same however it is cut, and written so that it is read back.
#include "protocol/smtp/content.hpp"

#include <algorithm>

#include "fuzz/check.hpp"

namespace {

struct Taken {
    std::string out;
    size_t used = 0;
    bool complete = false;
    bool malformed = false;
    friend bool operator==(const Taken&, const Taken&) = default;
};

Taken take(std::string_view wire, size_t step) {
    using valija::smtp::ContentReader;
    ContentReader reader;
    Taken taken;
    while (taken.used < wire.size() && reader.state() == ContentReader::State::More) {
        const size_t used = reader.take(wire.substr(taken.used, step), taken.out);
        CHECK_THAT(used > 0);
        taken.used += used;
    }
    taken.complete = reader.state() == ContentReader::State::Complete;
    taken.malformed = reader.is_malformed();
    return taken;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view wire = valija::fuzz::text_of(data, size);
    const Taken whole = take(wire, std::max<size_t>(wire.size(), 1));
    CHECK_THAT(take(wire, 1) == whole);
    CHECK_THAT(take(wire, 3) == whole);
    const bool sound = whole.complete && !whole.malformed;
    CHECK_THAT(!sound || wire.substr(0, whole.used).ends_with("\r\n.\r\n") || whole.used == 3);
    valija::smtp::ContentWriter writer;
    std::string sent;
    writer.append(whole.out, sent);
    writer.finish(sent);
    const Taken back = take(sent, sent.size());
    CHECK_THAT(!sound || (back.complete && back.out == whole.out && back.used == sent.size()));
    return 0;
}
