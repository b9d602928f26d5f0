// Profile `strict` (RFC 9525): DNS names of the subjectAltName alone, never the CN.
//
// References: the partner domain and the partner's `names`; nothing from DNS. A wildcard is the
// whole left-most label, covers one label and never its own parent, and its base has two labels.
#include "trust/identity/internal/profiles.hpp"

namespace valija::identity::internal {

void ask_strict(const Subject& subject, Questions& asked) {
    asked.san = san_names(subject.leaf);
    asked.ask({.name = subject.rule.domain}, asked.san, wildcard_rule);
    for (const std::string& name : subject.rule.names) {
        asked.ask({.name = name, .origin = ReferenceOrigin::Names}, asked.san, wildcard_rule);
    }
    if (asked.san.empty() && !subject.leaf->common_names.empty()) {
        asked.note += say("; it has no DNS names, and a CN does not count (RFC 9525)");
    }
}

Text fix_strict(const Rule& rule) {
    return say(
        "the certificate must carry {} as a DNS name (subjectAltName); or add the DNS name it "
        "carries to `names` of the partner's file, if it is the partner's",
        rule.domain);
}

}  // namespace valija::identity::internal
