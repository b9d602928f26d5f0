// Ladders read back from a queue record: damaged, or the same when written again.
#include "fuzz/check.hpp"
#include "trust/identity/ladder.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace valija;
    const auto ladder = identity::Ladder::from_record(fuzz::text_of(data, size));
    if (!ladder) {
        CHECK_THAT(ladder.error().kind == FaultKind::Input);
        return 0;
    }
    CHECK_THAT(ladder->steps.size() <= 20);
    CHECK_THAT(!ladder->is_proven() || ladder->first_failure() == nullptr);
    const std::string record = ladder->record();
    const auto again = identity::Ladder::from_record(record);
    // A backslash before another character takes more room when it is written again.
    CHECK_THAT(again ? again->record() == record : record.size() > size);
    CHECK_THAT(identity::ladder_text(*ladder, identity::Show::All).size() >= ladder->steps.size());
    return 0;
}
