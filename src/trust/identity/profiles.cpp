#include <algorithm>
#include <array>

#include "platform/base/result.hpp"
#include "trust/identity/comparison.hpp"
#include "trust/identity/internal/case.hpp"

namespace valija::identity {
namespace internal {
namespace {

// A CA vouches for a name.
constexpr Demands kByCa{.path = PathDemand::Anchors,
                        .dates = DatesDemand::Path,
                        .revocation = RevocationDemand::ByRule,
                        .usage = UsageDemand::Must};
// The operator vouches for a key: what a CA knows by chance is heard, but not asked for.
constexpr Demands kByPin{.path = PathDemand::None,
                         .dates = DatesDemand::Leaf,
                         .revocation = RevocationDemand::Known,
                         .usage = UsageDemand::Told};
// The directory vouches for a certificate (EX-05).
constexpr Demands kByDirectory{.path = PathDemand::None,
                               .dates = DatesDemand::Leaf,
                               .revocation = RevocationDemand::None,
                               .usage = UsageDemand::None};

using x509::Rules;

// What each profile demands of each step: the whole of it in one table. Of `dane` the demands
// hang on the record that matches: dane_demands().
constexpr auto kRows = std::to_array<ProfileRow>({
    {Profile::Exchange, "exchange", Rules::Rfc5280, kByCa, ask_exchange, nullptr, fix_exchange},
    {Profile::CiscoVerify, "cisco-verify", Rules::Rfc5280, kByCa, ask_cisco_verify, nullptr,
     fix_cisco_verify},
    {Profile::CiscoHosted, "cisco-hosted", Rules::Rfc5280, kByCa, ask_cisco_hosted, nullptr,
     fix_cisco_hosted},
    {Profile::Strict, "strict", Rules::WebPki, kByCa, ask_strict, nullptr, fix_strict},
    {Profile::Pinned, "pinned", Rules::Rfc5280, kByPin, nullptr, prove_pinned, nullptr},
    {Profile::Direct, "direct", Rules::Rfc5280, kByDirectory, nullptr, prove_direct, nullptr},
    {Profile::Dane, "dane", Rules::Rfc5280, kByCa, ask_dane, prove_dane, fix_dane},
});

}  // namespace

const ProfileRow& profile_row(Profile profile) {
    const auto* const found = std::ranges::find(kRows, profile, &ProfileRow::profile);
    VALIJA_ENSURE(found != kRows.end(), "every profile has its row");
    return *found;
}

}  // namespace internal

std::string_view profile_text(Profile profile) { return internal::profile_row(profile).word; }

std::optional<Profile> profile_of(std::string_view word) {
    const auto* const found = std::ranges::find(internal::kRows, word, &internal::ProfileRow::word);
    return found == internal::kRows.end() ? std::nullopt : std::optional(found->profile);
}

std::vector<Comparison> compare_names(const Rule& rule, const x509::Certificate& leaf,
                                      const Reached& reached, Direction direction) {
    const internal::ProfileRow& row = internal::profile_row(rule.profile);
    if (row.ask == nullptr) {
        return {};
    }
    Questions asked;
    row.ask({.rule = rule, .leaf = leaf, .reached = reached, .direction = direction}, asked);
    return comparisons(asked);
}

}  // namespace valija::identity
