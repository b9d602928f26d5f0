#include "trust/identity/exchange_match.hpp"

#include "platform/base/text.hpp"
#include "trust/identity/internal/profiles.hpp"

namespace valija::identity {

NameRule exchange_rule(std::string_view domain, std::string_view name) {
    if (domain.empty() || !is_comparable(name)) {
        return NameRule::None;
    }
    if (is_wildcard(name)) {
        return equal_ignoring_case(name.substr(2), domain) ? NameRule::WildcardOfDomain
                                                           : wildcard_rule(domain, name);
    }
    if (equal_ignoring_case(name, domain)) {
        return NameRule::Exact;
    }
    return equal_ignoring_case(parent_of(name), domain) ? NameRule::OneLabelBelow : NameRule::None;
}

namespace internal {

void ask_exchange(const Subject& subject, Questions& asked) {
    asked.san = presented_names(subject.leaf);  // SAN first, then the CNs that count
    asked.ask({.name = subject.rule.domain}, asked.san, exchange_rule);
    for (const std::string& name : subject.rule.names) {
        asked.ask({.name = name, .origin = ReferenceOrigin::Names}, asked.san, exact_rule);
    }
}

Text fix_exchange(const Rule& rule) {
    return say(
        "the certificate must carry {0}, *.{0} or a host directly below it; or add the name it "
        "carries to `names` of the partner's file, if it is the partner's",
        rule.domain);
}

}  // namespace internal
}  // namespace valija::identity
