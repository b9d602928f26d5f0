// What a keeper keeps, what of it is due, and what goes where there is no room (keeper.hpp says by
// which rule). No I/O but the event that tells of lost room. Thread: the caller's lock.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "platform/base/time.hpp"
#include "platform/observe/log.hpp"
#include "trust/revocation/book.hpp"
#include "trust/revocation/internal/kept.hpp"

namespace valija::revocation::internal {

constexpr size_t kMostKept = 1000;

class Shelf {
  public:
    explicit Shelf(observe::Log log) : log_(std::move(log)) {}

    std::map<std::string, Kept> kept;  // by Kept::key()

    // False: there is no room, and nothing that is worth less.
    bool make_room(const Kept& wanted);

    // What never came and is not named, but the deltas of a kept list.
    void forget_unnamed();

    // Answers about certificates that are no longer valid: of these nobody asks.
    void forget_expired(Time now);

    // Its files are to go; so are those of everything that is forgotten here.
    void forget_files_of(const Kept& entry);

    // The stems of these files, once.
    std::vector<std::string> take_forgotten();

    std::vector<Kept> take_due(Time now);  // counts as being fetched from now on
    std::vector<Kept> take_unsaved(Time now);

    // Until something is due, 10 ms to an hour.
    Duration until_next(Time now) const;

  private:
    bool is_delta_of_ours(const Kept& entry) const;
    void forget(const std::string& key);
    void tell_once(bool& was_told, const std::string& url, const char* text) const;

    observe::Log log_;
    std::vector<std::string> forgotten_;
    bool was_told_full_ = false;
    bool was_told_answers_ = false;
};

Book book_of(const std::map<std::string, Kept>& kept);

}  // namespace valija::revocation::internal
