// Subjects as typed: what is taken keeps to the table, and is taken again as the same when it is
// typed with quotation marks.
#include "trust/keystore/subject.hpp"

#include "fuzz/check.hpp"

namespace {

std::string typed_again(const valija::keystore::Subject& subject) {
    std::string text;
    for (const auto& component : subject.components) {
        text += (text.empty() ? "" : ",") + component.abbreviation + "=\"";
        for (const char c : component.value) {
            if (c == '"' || c == '\\') text += '\\';
            text += c;
        }
        text += '"';
    }
    return text;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    namespace keystore = valija::keystore;
    const std::string_view text = valija::fuzz::text_of(data, size);
    static_cast<void>(keystore::wrong_dns_name(text));
    const auto subject = keystore::parse_subject(text);
    if (!subject) {
        CHECK_THAT(!subject.error().text().empty());
        return 0;
    }
    CHECK_THAT(!subject->components.empty());
    int order = 0;
    for (const auto& component : subject->components) {
        CHECK_THAT(!component.value.empty() && component.value.size() <= size_t{1020});
        for (const auto& rule : keystore::subject_rules()) {
            if (rule.abbreviation != component.abbreviation) continue;
            CHECK_THAT(rule.order >= order);
            order = rule.order;
        }
    }
    const std::string again_text = typed_again(*subject);
    if (again_text.size() > 8000) return 0;
    const auto again = keystore::parse_subject(again_text);
    CHECK_THAT(again.has_value());
    // The order of DC values may be guessed anew; all else is the same.
    for (const char* key : {"C", "S", "L", "O", "OU", "CN"}) {
        CHECK_THAT(again->values_of(key) == subject->values_of(key));
    }
    return 0;
}
