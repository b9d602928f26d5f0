#include "trust/revocation/internal/serial_index.hpp"

#include <algorithm>

namespace valija::revocation::internal {
namespace {

constexpr size_t kMostOdd = 1000;
constexpr long long kYearZero = 62'167'219'200;  // seconds from the year 0 to 1970

}  // namespace

std::array<unsigned char, SerialIndex::kOctets> SerialIndex::padded(std::string_view serial) {
    std::array<unsigned char, kOctets> octets{};
    std::ranges::copy(serial, octets.end() - static_cast<std::ptrdiff_t>(serial.size()));
    return octets;
}

Entry SerialIndex::unpack(const Packed& packed) {
    long long seconds = 0;
    for (const unsigned char octet : packed.seconds) {
        seconds = seconds << 8U | octet;
    }
    return {.revoked_at = Time(std::chrono::seconds(seconds - kYearZero)), .reason = packed.reason};
}

bool SerialIndex::add(std::string_view serial, const Entry& entry) {
    if (serial.size() > kOctets || serial.starts_with('\0')) {
        odd_.push_back({.serial = std::string(serial), .entry = entry});
        return odd_.size() <= kMostOdd;
    }
    Packed packed{
        .serial = padded(serial), .seconds = {}, .reason = static_cast<signed char>(entry.reason)};
    auto seconds = static_cast<unsigned long long>(
        std::chrono::floor<std::chrono::seconds>(entry.revoked_at).time_since_epoch().count() +
        kYearZero);
    for (size_t i = packed.seconds.size(); i-- > 0; seconds >>= 8U) {
        packed.seconds[i] = static_cast<unsigned char>(seconds & 0xFFU);
    }
    entries_.push_back(packed);
    return true;
}

void SerialIndex::sort() {
    std::ranges::sort(entries_, {}, &Packed::serial);
    std::ranges::sort(odd_, {}, &Odd::serial);
}

bool SerialIndex::has_twins() const {
    return std::ranges::adjacent_find(entries_, {}, &Packed::serial) != entries_.end() ||
           std::ranges::adjacent_find(odd_, {}, &Odd::serial) != odd_.end();
}

std::optional<Entry> SerialIndex::find(std::string_view serial) const {
    if (serial.size() > kOctets || serial.starts_with('\0')) {
        const auto odd = std::ranges::lower_bound(odd_, serial, {}, &Odd::serial);
        return odd != odd_.end() && odd->serial == serial ? std::optional(odd->entry)
                                                          : std::nullopt;
    }
    const auto wanted = padded(serial);
    const auto found = std::ranges::lower_bound(entries_, wanted, {}, &Packed::serial);
    return found != entries_.end() && found->serial == wanted ? std::optional(unpack(*found))
                                                              : std::nullopt;
}

std::vector<SerialIndex::Listed> SerialIndex::first(size_t count) const {
    std::vector<Listed> listed;
    for (const Packed& packed : entries_) {
        if (listed.size() == count) {
            return listed;
        }
        const auto begin =
            std::ranges::find_if(packed.serial, [](auto octet) { return octet != 0; });
        listed.push_back(
            {.serial = std::string(begin, packed.serial.end()), .entry = unpack(packed)});
    }
    for (const Odd& odd : odd_) {
        if (listed.size() < count) {
            listed.push_back({.serial = odd.serial, .entry = odd.entry});
        }
    }
    return listed;
}

}  // namespace valija::revocation::internal
