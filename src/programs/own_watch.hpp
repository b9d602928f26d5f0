// Tells by an event what is amiss with our own certificates: at the start, after a reload, and when
// it changes (EX-25, EX-34).
//
// Promise: each trouble of each certificate in use is told once by this process, and again when it
// was gone in between; one that ends soon 30, 14, 7 and 1 days before, and when it has ended; a
// name for which there is none as well (EX-49..51). Any thread.
#pragma once

#include <compare>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "control/explain/check_own.hpp"
#include "platform/observe/counters.hpp"
#include "platform/observe/log.hpp"
#include "trust/channel/credentials.hpp"

namespace valija::programs {

class OwnWatch {
  public:
    explicit OwnWatch(const observe::Log& log) : log_(log) {}

    // MayBeComing: lists were asked for a moment ago, so that one is missing is no news yet.
    enum class Lists { MayBeComing, HadTheirTime };
    void look(const partners::World& world, const channel::Credentials& credentials,
              const revocation::Book& book, Time now, Lists lists);

    // The end of every certificate, and what is true of those in use since the last look.
    std::vector<observe::Reading> readings(const keystore::KeyStore& store) const;

  private:
    struct Told {
        std::string thumbprint;  // SHA-256; empty: none fits the name
        std::string name;        // of the certificate, or what was looked for
        observe::Event event;
        int within_days = 0;
        auto operator<=>(const Told&) const = default;
    };

    bool is_new(Told told, std::set<Told>& present) const;

    observe::Log log_;
    mutable std::mutex mutex_;
    std::set<Told> told_;
};

}  // namespace valija::programs
