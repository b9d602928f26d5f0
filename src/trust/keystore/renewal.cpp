#include <fmt/format.h>

#include <algorithm>

#include "platform/base/text.hpp"
#include "trust/keystore/internal/renewal.hpp"
#include "trust/keystore/keystore.hpp"

namespace valija::keystore::internal {
namespace {

// Whether the new one has all names of the old one.
bool stands_for(const x509::Certificate& fresh, const x509::Certificate& old) {
    const auto names = host_names(fresh);
    const auto old_names = host_names(old);
    return !old_names.empty() && std::ranges::all_of(old_names, [&](const std::string& name) {
        return std::ranges::any_of(
            names, [&](const std::string& one) { return equal_ignoring_case(one, name); });
    });
}

// Why the new one must not be put in the place of the old one, or "".
std::string why_worse(const x509::Certificate& fresh, const Entry& entry, Time now) {
    const x509::Certificate& old = entry.chain.front();
    // What is over anyway is no loss; import() notes what the new one is not for.
    const bool is_in_use = is_in_time(old, now);
    const auto lost = [&](bool x509::CertificateFields::* purpose) {
        const bool had_it = !old->has_eku || (*old.operator->()).*purpose;
        return is_in_use && had_it && fresh->has_eku && !((*fresh.operator->()).*purpose);
    };
    if (!stands_for(fresh, old)) {
        return fmt::format("it has not all names of {}", entry.name);
    }
    if (is_better(old, fresh, now)) {  // of the same second: neither is
        return fmt::format(
            "{} would be used before it: a valid one comes first, then one issued by a CA, then "
            "the newest",
            entry.name);
    }
    if (lost(&x509::CertificateFields::eku_client)) {
        return fmt::format("it is not for clients (clientAuth is missing), and {} is", entry.name);
    }
    if (lost(&x509::CertificateFields::eku_server)) {
        return fmt::format("it is not for servers (serverAuth is missing), and {} is", entry.name);
    }
    return {};
}

std::unexpected<Fault> refused(const std::string& why) {
    return fault(FaultKind::Input, "nothing is replaced: " + why);
}

}  // namespace

std::vector<std::string> host_names(const x509::Certificate& leaf) {
    std::vector<std::string> names = leaf->common_names;
    names.insert(names.end(), leaf->dns_names.begin(), leaf->dns_names.end());
    return names;
}

Result<Renewal> renewal_of(const x509::Certificate& fresh, const Entry* holder,
                           const ImportSpec& spec, const std::vector<Entry>& all, Time now) {
    Renewal renewal;
    if (!spec.replace) return renewal;
    for (const Entry& entry : all) {
        const bool is_holder = &entry == holder;
        if (entry.chain.empty() || !(is_holder || stands_for(fresh, entry.chain.front()))) continue;
        renewal.old.push_back(&entry);
        if (std::ranges::find(spec.keep, entry.name) != spec.keep.end()) {
            const std::string why = fmt::format(
                "{} stays: the configuration names it by its file or thumbprint", entry.name);
            if (is_holder) return refused(why + "; write a DNS name there first");
            renewal.notes.push_back(why);
            continue;
        }
        if (const std::string why = why_worse(fresh, entry, now); !why.empty()) return refused(why);
        if (!is_holder) renewal.going.push_back(entry.name);
    }
    if (!renewal.old.empty() && fresh->is_ca) {
        return refused("it is the certificate of a CA, not of a server");
    }
    return renewal;
}

}  // namespace valija::keystore::internal
