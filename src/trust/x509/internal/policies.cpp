#include "trust/x509/internal/policies.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace valija::x509::internal {
namespace {

const std::string kAnyPolicy("\x55\x1D\x20\x00", 4);  // 2.5.29.32.0

// One level of the tree: each policy with the policies that a certificate below may state for it.
struct Level {
    bool any = true;  // anyPolicy is there, expecting itself
    std::map<std::string, std::set<std::string>> policies;

    bool empty() const { return !any && policies.empty(); }

    std::set<std::string> expected() const {
        std::set<std::string> all;
        for (const auto& [policy, wanted] : policies) {
            all.insert(wanted.begin(), wanted.end());
        }
        return all;
    }
};

struct State {
    Level level;
    size_t explicit_policy;
    size_t policy_mapping;
    size_t inhibit_any;
};

void limit(size_t& counter, const std::optional<long>& by) {
    if (by) {
        counter = std::min(counter, static_cast<size_t>(*by));
    }
}

void count_down(size_t& counter) { counter -= counter > 0 ? 1 : 0; }

// RFC 5280 6.1.3 (d) and (e).
Level next_level(const Level& above, const Policies& stated, bool any_counts) {
    Level level{.any = false};
    if (!stated.present) {
        return level;
    }
    const std::set<std::string> expected = above.expected();
    for (const std::string& policy : stated.ids) {
        if (policy != kAnyPolicy && (above.any || expected.contains(policy))) {
            level.policies[policy] = {policy};
        }
    }
    if (any_counts && std::ranges::find(stated.ids, kAnyPolicy) != stated.ids.end()) {
        for (const std::string& policy : expected) {
            level.policies.try_emplace(policy, std::set{policy});
        }
        level.any = above.any;
    }
    return level;
}

// RFC 5280 6.1.4 (b).
void map_policies(State& state, const Policies& stated) {
    std::map<std::string, std::set<std::string>> mapped;
    for (const auto& [from, to] : stated.mappings) {
        mapped[from].insert(to);
    }
    for (auto& [from, to] : mapped) {
        const bool is_there = state.level.policies.contains(from);
        if (state.policy_mapping == 0) {
            state.level.policies.erase(from);
        } else if (is_there || state.level.any) {
            state.level.policies[from] = std::move(to);
        }
    }
}

// RFC 5280 6.1.4 (a) to (j).
void prepare_for_next(State& state, const Facts& facts) {
    map_policies(state, facts.policies);
    if (!facts.self_issued) {
        count_down(state.explicit_policy);
        count_down(state.policy_mapping);
        count_down(state.inhibit_any);
    }
    limit(state.explicit_policy, facts.policies.require_explicit);
    limit(state.policy_mapping, facts.policies.inhibit_mapping);
    limit(state.inhibit_any, facts.policies.inhibit_any);
}

bool maps_any(const Policies& policies) {
    return std::ranges::any_of(policies.mappings, [](const auto& mapping) {
        return mapping.first == kAnyPolicy || mapping.second == kAnyPolicy;
    });
}

}  // namespace

std::optional<PolicyProblem> find_policy_problem(const std::vector<const Facts*>& path) {
    const size_t length = path.empty() ? 0 : path.size() - 1;
    State state{.level = {},
                .explicit_policy = length + 1,
                .policy_mapping = length + 1,
                .inhibit_any = length + 1};
    for (size_t i = length; i-- > 0;) {
        const Facts& facts = *path[i];
        if (facts.policies.is_malformed) {
            return PolicyProblem{i, say("its certificate policies contradict themselves")};
        }
        const bool any_counts = state.inhibit_any > 0 || (i > 0 && facts.self_issued);
        state.level = next_level(state.level, facts.policies, any_counts);
        if (state.explicit_policy == 0 && state.level.empty()) {
            return PolicyProblem{i, say("no certificate policy holds along the whole chain, and a "
                                        "CA demands one")};
        }
        if (i == 0) {
            count_down(state.explicit_policy);
            const bool demanded = facts.policies.require_explicit == 0L;
            if ((state.explicit_policy == 0 || demanded) && state.level.empty()) {
                return PolicyProblem{i, say("no certificate policy holds along the whole chain, "
                                            "and a CA demands one")};
            }
        } else if (maps_any(facts.policies)) {
            return PolicyProblem{i, say("it maps the policy \"any\"")};
        } else {
            prepare_for_next(state, facts);
        }
    }
    return std::nullopt;
}

}  // namespace valija::x509::internal
