// Profile `cisco-verify` (semantics 1.4; CI-27..33): settings 4 and 5 of Cisco's destination
// control.
//
//   V1  any dNSName   ~=  recipient domain
//   V2  CN            ~=  recipient domain    also where V1 found nothing (contrary to RFC 9525)
//   V3  CN            ~=  PTR name of the peer's address, only if forward-confirmed; weak
// Never: MX host names; the PTR name against a dNSName. `~=` is exact or wildcard_rule.
// Ours: the partner's `names` are compared as the domain is, after V2 and before the weak V3.
#include "trust/identity/internal/profiles.hpp"

namespace valija::identity::internal {

void ask_cisco_verify(const Subject& subject, Questions& asked) {
    asked.san = san_names(subject.leaf);
    asked.common = full_common_names(subject.leaf);
    asked.ask({.name = subject.rule.domain}, asked.san, wildcard_rule);
    asked.ask({.name = subject.rule.domain}, asked.common, wildcard_rule);
    for (const std::string& name : subject.rule.names) {
        const Reference reference{.name = name, .origin = ReferenceOrigin::Names};
        asked.ask(reference, asked.san, wildcard_rule);
        asked.ask(reference, asked.common, wildcard_rule);
    }
    for (const PtrName& ptr : subject.reached.ptr) {
        if (ptr.confirmed) {
            asked.ask({.name = ptr.name, .origin = ReferenceOrigin::Ptr, .weak = true},
                      asked.common, wildcard_rule);
        } else {
            asked.note += say("; the PTR name {} does not count: its address is not {}",
                              escaped_name(ptr.name), subject.reached.address);
        }
    }
}

Text fix_cisco_verify(const Rule& rule) {
    return say(
        "the certificate must carry {0} as a DNS name or as its CN; or add the name it carries to "
        "`names` of the partner's file, if it is the partner's",
        rule.domain);
}

}  // namespace valija::identity::internal
