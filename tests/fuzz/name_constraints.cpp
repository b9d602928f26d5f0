// nameConstraints and a subjectAltName as DER: whatever they are, they are read and compared, and
// what is malformed permits nothing to be decided by it.
#include "trust/x509/internal/name_constraints.hpp"

#include <algorithm>

#include "fuzz/check.hpp"
#include "trust/x509/native.hpp"

namespace {

using namespace valija::x509;

internal::Names names_in(std::string_view der) {
    internal::Names names;
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const Owned<GENERAL_NAMES, GENERAL_NAMES_free> all(
        d2i_GENERAL_NAMES(nullptr, &at, static_cast<long>(der.size())));
    for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
        if (auto name = internal::read_name(sk_GENERAL_NAME_value(all.get(), i))) {
            names.alternative.add(std::move(*name));
        }
    }
    ERR_clear_error();
    return names;
}

void check(const internal::NameConstraints& constraints, const internal::Names& names) {
    size_t budget = 100'000;
    const auto found = find_violation(constraints, names, true, budget);
    if (found) CHECK_THAT(!found->in(valija::Language::Spanish).empty());
    // What is excluded too can only be refused more often.
    internal::NameConstraints stricter = constraints;
    for (const internal::Name& name : constraints.permitted.all()) stricter.excluded.add(name);
    budget = 200'000;
    CHECK_THAT(!found || find_violation(stricter, names, true, budget).has_value());
    // All forms excluded wholly: no name is left that could hold.
    internal::NameConstraints nothing;
    for (const internal::Name& name : {internal::Name{internal::NameForm::Dns, "", {}},
                                       {internal::NameForm::Email, "", {}},
                                       {internal::NameForm::Uri, "", {}},
                                       {internal::NameForm::Directory, "", {}},
                                       {internal::NameForm::Ip, std::string(8, '\0'), {}},
                                       {internal::NameForm::Ip, std::string(32, '\0'), {}},
                                       {internal::NameForm::Other, "", {}}}) {
        nothing.excluded.add(name);
    }
    budget = 100'000;
    CHECK_THAT(names.alternative.empty() || find_violation(nothing, names, true, budget));
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes = valija::fuzz::text_of(data + 1, size - 1);
    const std::string_view first = bytes.substr(0, std::min<size_t>(data[0], bytes.size()));
    const auto* at = reinterpret_cast<const unsigned char*>(first.data());
    const Owned<NAME_CONSTRAINTS, NAME_CONSTRAINTS_free> read(
        reinterpret_cast<NAME_CONSTRAINTS*>(ASN1_item_d2i(
            nullptr, &at, static_cast<long>(first.size()), ASN1_ITEM_rptr(NAME_CONSTRAINTS))));
    ERR_clear_error();
    if (read) {
        const auto constraints = internal::read_constraints(read.get());
        if (constraints.permitted.size() + constraints.excluded.size() < 100) {
            check(constraints, names_in(bytes.substr(first.size())));
        }
    }
    return 0;
}
