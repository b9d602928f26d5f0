// A million serial numbers in 26 bytes each, found by bisection.
//
// Promise: add() all, then sort() once, then find() from any thread: O(log n), no allocation.
// Serial numbers beyond the 20 octets of RFC 5280 4.1.2.2, or negative ones, are kept apart, at
// most 1,000 of them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/time.hpp"

namespace valija::revocation {

struct Entry {
    Time revoked_at;
    int reason = -1;  // CRLReason; -1: not given

    friend bool operator==(const Entry& a, const Entry& b) = default;
};

namespace internal {

class SerialIndex {
  public:
    void reserve(size_t count) { entries_.reserve(count); }

    bool add(std::string_view serial, const Entry& entry);  // false: one odd number too many
    void sort();
    bool has_twins() const;  // a serial number stands twice; after sort()

    std::optional<Entry> find(std::string_view serial) const;

    size_t size() const { return entries_.size() + odd_.size(); }

    // In the order of the numbers.
    struct Listed {
        std::string serial;
        Entry entry;
    };

    std::vector<Listed> first(size_t count) const;

  private:
    static constexpr size_t kOctets = 20;

    struct Packed {
        std::array<unsigned char, kOctets> serial;
        std::array<unsigned char, 5> seconds;  // since the year 0
        signed char reason;
    };

    struct Odd {
        std::string serial;
        Entry entry;
    };

    static std::array<unsigned char, kOctets> padded(std::string_view serial);
    static Entry unpack(const Packed& packed);

    std::vector<Packed> entries_;
    std::vector<Odd> odd_;
};

}  // namespace internal
}  // namespace valija::revocation
