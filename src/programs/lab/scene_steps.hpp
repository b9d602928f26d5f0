// Steps that several scenes take.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "programs/lab/stage.hpp"

namespace valija::lab {

inline constexpr std::string_view kPathGroup = "path";

// What a server says.
std::string sender_ok(const std::string& sender);
std::string queued(const Letter& letter, const Session& session);

// A person of `of` hands a letter to the own mail server, from inside.
Client insider(const Organisation& of);

// Somebody out there who talks to `of`; `helo` is only what he says of himself.
Client stranger_to(World& world, const Organisation& of, std::string helo, Tls tls = Tls::No);

// The organisation's server takes the list anew that just got longer, and uses it.
Result<void> fetch_list(Stage& stage, const Organisation& of, const std::string& url);

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

}  // namespace valija::lab
