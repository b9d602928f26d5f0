// Header sections: nothing is lost in splitting, and no mark of ours comes through from outside.
#include "protocol/mail/header.hpp"

#include <set>

#include "fuzz/check.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace valija;
    const std::string_view header = fuzz::text_of(data, size);
    std::string joined;
    for (const mail::HeaderField& field : mail::split_header(header)) {
        CHECK_THAT(!field.raw.empty());
        joined += field.raw;
    }
    CHECK_THAT(joined == header);
    const auto domains = mail::from_domains(header).value_or(std::vector<std::string>());
    CHECK_THAT(std::set(domains.begin(), domains.end()).size() == domains.size());
    for (const std::string& domain : domains)
        CHECK_THAT(!domain.empty() && domain == lower(domain));
    const std::string kept = mail::without_our_marks(header, {"mx.contoso.com"});
    CHECK_THAT(kept.size() <= header.size());
    CHECK_THAT(mail::without_our_marks(kept, {"MX.contoso.COM"}) == kept);
    CHECK_THAT(mail::count_received(kept) == mail::count_received(header));
    for (const mail::HeaderField& field : mail::split_header(kept)) {
        CHECK_THAT(!starts_with_ignoring_case(field.name, "X-Valija-"));
    }
    return 0;
}
