// What the server and the custody of its keys say to one another: read twice, as either's.
#include "trust/keystore/internal/custody_wire.hpp"

#include "fuzz/check.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace valija::keystore::internal;
    const std::string_view bytes = valija::fuzz::text_of(data, size);
    if (const auto ask = decode_ask(bytes)) CHECK_THAT(encode(*ask) == bytes);
    if (const auto answer = decode_answer(bytes)) {
        const auto again = decode_answer(encode(*answer));
        CHECK_THAT(again && again->bytes == answer->bytes && again->texts == answer->texts);
        CHECK_THAT(again->chain == answer->chain && again->may == answer->may);
        CHECK_THAT(again->fault.has_value() == answer->fault.has_value());
    }
    return 0;
}
