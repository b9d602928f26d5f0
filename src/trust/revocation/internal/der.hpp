// DER, element by element, over bytes that somebody else keeps. For lists of a million entries:
// nothing is copied, nothing allocated.
//
// Promise: definite, minimal lengths and one-byte tags only; what does not fit ends the reading
// with nullopt, and nothing beyond the bytes is touched. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "platform/base/time.hpp"

namespace valija::revocation::internal {

enum Tag : unsigned char {
    kBoolean = 0x01,
    kInteger = 0x02,
    kBitString = 0x03,
    kOctetString = 0x04,
    kObjectIdentifier = 0x06,
    kEnumerated = 0x0A,
    kUtcTime = 0x17,
    kGeneralizedTime = 0x18,
    kSequence = 0x30,
    kExplicit0 = 0xA0,
};

struct Element {
    unsigned char tag = 0;
    std::string_view content;
    std::string_view whole;  // with tag and length
};

class DerReader {
  public:
    explicit DerReader(std::string_view bytes) : rest_(bytes) {}

    bool at_end() const { return rest_.empty(); }

    bool next_is(unsigned char tag) const {
        return !rest_.empty() && static_cast<unsigned char>(rest_.front()) == tag;
    }

    std::optional<Element> next();
    std::optional<Element> next(unsigned char tag);  // nullopt also where another one follows

  private:
    std::string_view rest_;
};

// UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 writes them: seconds, "Z", no fraction.
std::optional<Time> der_time(const Element& element);

// Whether an INTEGER's content is as short as DER wants it (X.690 8.3.2); an empty one is not.
bool is_shortest_integer(std::string_view content);

// The key under which a serial number is found: its magnitude, big endian, without leading zeros. A
// negative one has a key that no positive one has. nullopt: an INTEGER without content.
std::optional<std::string_view> magnitude_of(std::string_view integer);
std::string serial_key(std::string_view integer);

}  // namespace valija::revocation::internal
