// What we note beside a certificate of ours: `<name>.meta`, a line `key = value` each.
//
// Promise: what is written is read again as the same; a file that is damaged, too long or written
// by somebody else gives a fault, never half of it. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.hpp"
#include "platform/base/time.hpp"

namespace valija::keystore {

struct Metadata {
    std::string friendly_name;
    std::vector<std::string> services;  // sorted, each once: "smtp" (EX-54)
    std::optional<Time> created;

    bool is_for(std::string_view service) const;
    void enable(const std::string& service);
};

// Whether connectors may show it: one that was put there without notes is (EX-52).
bool counts_for_smtp(bool has_notes, const Metadata& metadata);

inline constexpr size_t kLargestMetadata = 4096;

std::string metadata_text(const Metadata& metadata);
Result<Metadata> parse_metadata(std::string_view text);

// UTF-8 without control characters, less than 64 bytes. Gives what is wrong with it, or "".
std::string wrong_friendly_name(std::string_view name);

}  // namespace valija::keystore
