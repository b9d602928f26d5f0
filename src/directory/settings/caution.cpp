#include "directory/settings/caution.hpp"

#include <algorithm>

namespace valija::settings {
namespace {

// A CA vouches for the partner's name by these; which CA may, `trust` says. `strict` is made for
// public CAs.
bool is_by_name_of_any_ca(const Partner& partner) {
    const bool is_enforced = partner.send == "enforce" || partner.receive == "enforce";
    return is_enforced && partner.trust.empty() &&
           (partner.match == "exchange" || partner.match.starts_with("cisco-"));
}

}  // namespace

std::vector<Caution> cautions(const Directory& directory) {
    std::vector<Caution> all;
    const Server& server = directory.server;
    if (!server.accepted_domains.empty() && server.mailbox_lmtp.empty()) {
        all.push_back({.file = "etc/valija.toml",
                       .partner = {},
                       .text = say("accepted_domains are set but mailbox.lmtp is not: mail for our "
                                   "own mailboxes waits in the queue"),
                       .fix = say("set mailbox.lmtp")});
    }
    for (const Receive& row : directory.receive) {
        const auto open = std::ranges::find_if(
            row.relay_from, [](const std::string& range) { return range.ends_with("/0"); });
        if (open != row.relay_from.end()) {
            all.push_back(
                {.file = row.origin.file,
                 .partner = {},
                 .text = say("connector {}: everybody in {} may send to everybody: an open "
                             "relay",
                             row.name, *open),
                 .fix = say("name your own hosts in relay_from")});
        }
    }
    for (const Partner& partner : directory.partners) {
        if (is_by_name_of_any_ca(partner)) {
            all.push_back({.file = partner.origin.file,
                           .partner = partner.name,
                           .text = say("partner {} is enforced without `trust`: each CA that this "
                                       "system knows may vouch for it",
                                       partner.name),
                           .fix = say("name the partner's CA in `trust`")});
        }
    }
    return all;
}

}  // namespace valija::settings
