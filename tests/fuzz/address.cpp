// Addresses: what is parsed is within the RFC's sizes, prints as it was and can forge nothing.
#include "protocol/mail/address.hpp"

#include "fuzz/check.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace valija;
    const std::string_view text = fuzz::text_of(data, size);
    const auto address = mail::parse_address(text);
    if (!address) return 0;
    CHECK_THAT(!address->local.empty() && address->local.size() <= 64);
    CHECK_THAT(!address->domain.empty() && address->domain.size() <= 255);
    CHECK_THAT(address->domain == lower(address->domain));
    CHECK_THAT(equal_ignoring_case(address->text(), text));
    CHECK_THAT(address->text().find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    CHECK_THAT(mail::parse_address(address->text()) == address);
    return 0;
}
