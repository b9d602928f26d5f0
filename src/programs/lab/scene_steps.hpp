// Steps that several scenes take.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "programs/lab/stage.hpp"

namespace valija::lab {

inline constexpr std::string_view kPathGroup = "path";
inline constexpr std::string_view kTrustGroup = "trust";
inline constexpr std::string_view kCertificateGroup = "certificates";

// What a server says.
std::string sender_ok(const std::string& sender);
std::string queued(const Letter& letter, const Session& session);

// A person of `of` hands a letter to the own mail server, from inside.
Client insider(const Organisation& of);

// Somebody out there who talks to `of`; `helo` is only what he says of himself.
Client stranger_to(World& world, const Organisation& of, std::string helo, Tls tls = Tls::No);

// The organisation's server takes the list anew that just got longer, and uses it.
Result<void> fetch_list(Stage& stage, const Organisation& of, const std::string& url);

// Waits until the organisation's server has this list, or OCSP answer, in use.
Result<void> has_list(Stage& stage, const Organisation& of, const std::string& url);

struct InQueue {
    std::string failed_step = {};  // first that failed or is unknown; "" if none was judged yet
    std::string last = {};         // how the last attempt ended
    std::string state = {};
};

// Waits until the queue holds the letter so that `holds`; tells what `queue show` prints.
Result<InQueue> wait_in_queue(Stage& stage, const Organisation& of, const std::string& id,
                              const std::function<bool(const InQueue&)>& holds);

// Waits for an attempt that failed at this step; compares: it waits, and the step is named.
Result<void> waits_at_step(Stage& stage, const Organisation& of, const std::string& id,
                           const std::string& step);

// The letter gets through after all, and has the mark.
Result<void> gets_through(Stage& stage, const Organisation& of, const Letter& letter);

Letter letter_to_woodgrove(World& world, const std::string& subject);

// Sends from Contoso to Woodgrove Bank, and tells the reply; gives the queue id.
Result<std::string> contoso_sends(Stage& stage, Letter& letter);

// Woodgrove Bank's server with a new, good certificate.
Result<void> renew(World& world);

// What Contoso keeps of revocation lists goes with the restart: it knows nothing of any
// certificate.
Result<void> restart_without_lists(World& world);

// Changes the partner's file at Contoso.
Result<void> set_partner(Stage& stage, const std::vector<std::string>& assignments);

// One more domain for the partner, with two mail exchangers (World::start_decoy); then back to one.
Result<void> with_branch(Stage& stage, const std::function<Result<void>()>& play);

}  // namespace valija::lab
