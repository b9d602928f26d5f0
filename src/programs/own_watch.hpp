// Tells by an event what is amiss with our own certificates: at the start, after a reload, and when
// it changes (EX-25, EX-34).
//
// Promise: each trouble of each certificate is told once by this process, and again when it was
// gone in between; one that ends soon 30, 14, 7 and 1 days before, and when it has ended. Missing
// ones are told elsewhere, at each load. Any thread.
#pragma once

#include <mutex>
#include <set>
#include <string>

#include "control/explain/check_own.hpp"
#include "platform/observe/log.hpp"
#include "trust/channel/credentials.hpp"

namespace valija::programs {

class OwnWatch {
  public:
    explicit OwnWatch(const observe::Log& log) : log_(log) {}

    // MayBeComing: lists were asked for a moment ago, so that one is missing says nothing yet.
    enum class Lists { MayBeComing, HadTheirTime };
    void look(const partners::World& world, const channel::Credentials& credentials,
              const revocation::Book& book, Time now, Lists lists);

  private:
    observe::Log log_;
    std::mutex mutex_;
    std::set<std::string> told_;
};

}  // namespace valija::programs
