// Any LDAP server's answer: a value that was in it, or a fault of input.
#include "platform/net/ldap_value.hpp"

#include "fuzz/check.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace valija;
    const auto value = net::ldap_value(fuzz::text_of(data, size));
    CHECK_THAT(value ? value->size() < size : value.error().kind == FaultKind::Input);
    return 0;
}
