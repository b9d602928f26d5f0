// What both sides of the crash test know: how a message's content follows from its id, and what
// the child says. A line is one write, so a killed child leaves whole lines only.
//   accepted ID                    commit() has returned
//   settling ID DOMAIN OUTCOME     settle() is about to be called; delivered, deferred or failed
//   settled ID DOMAIN OUTCOME      settle() has returned
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "transport/queue/spool.hpp"

namespace valija::crash {

constexpr size_t kMemoryBound = 4096;  // small, so that many bodies lie in files
constexpr std::string_view kReportDomain = "sender.example";
constexpr Time kNow{std::chrono::hours(24 * 365 * 50)};

inline queue::SpoolOptions options_in(const std::string& directory) {
    return {.directory = directory, .memory_bound = kMemoryBound, .reserve_bytes = 0};
}

// Bytes that nobody else has, below and above the memory bound.
inline std::string content_of(const queue::QueueId& id) {
    std::mt19937_64 random(std::stoull(id, nullptr, 16));
    std::string content = id + "\r\n";
    const size_t size = 20 + random() % (random() % 4 == 0 ? 200'000 : 3'000);
    while (content.size() < size) {
        const uint64_t word = random();
        content.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    return content;
}

// Of a failure: "report ID DOMAIN".
inline std::string report_of(const queue::QueueId& id, const std::string& domain) {
    return "report " + id + " " + domain + "\r\n";
}

// Every second message has recipients of two domains.
inline mail::Envelope envelope_of(const queue::QueueId& id) {
    mail::Envelope envelope{.sender = mail::parse_address("alice@sender.example")};
    envelope.recipients.push_back({.address = *mail::parse_address("bob@b.example")});
    if (std::stoull(id, nullptr, 16) % 2 == 0) {
        envelope.recipients.push_back({.address = *mail::parse_address("carol@c.example")});
    }
    return envelope;
}

// The child's whole life: works on the spool until it is killed.
int work_until_killed(const std::string& directory, uint64_t seed);

}  // namespace valija::crash
