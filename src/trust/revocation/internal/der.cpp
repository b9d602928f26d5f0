#include "trust/revocation/internal/der.hpp"

namespace valija::revocation::internal {
namespace {

constexpr size_t kMostLengthOctets = 4;

size_t octet(std::string_view text, size_t at) { return static_cast<unsigned char>(text[at]); }

struct Head {
    size_t size;    // of tag and length
    size_t length;  // of the content
};

std::optional<Head> head_of(std::string_view bytes) {
    if (bytes.size() < 2 || (octet(bytes, 0) & 0x1FU) == 0x1FU) {
        return {};
    }
    const size_t first = octet(bytes, 1);
    if (first < 0x80) {
        return Head{.size = 2, .length = first};
    }
    const size_t octets = first & 0x7FU;
    if (octets == 0 || octets > kMostLengthOctets || bytes.size() < 2 + octets) {
        return {};
    }
    size_t length = 0;
    for (size_t i = 0; i < octets; ++i) {
        length = length << 8U | octet(bytes, 2 + i);
    }
    const bool is_minimal = length >= 0x80 && octet(bytes, 2) != 0;
    return is_minimal ? std::optional(Head{.size = 2 + octets, .length = length}) : std::nullopt;
}

// -1: not two digits.
int two_digits(std::string_view text, size_t at) {
    const auto digit = [&](size_t i) {
        return text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : -1;
    };
    const int high = digit(at);
    const int low = digit(at + 1);
    return high < 0 || low < 0 ? -1 : high * 10 + low;
}

// "MMDDHHMMSSZ" of a year.
std::optional<Time> time_in(int year, std::string_view rest) {
    int parts[5];
    for (size_t i = 0; i < 5; ++i) {
        parts[i] = two_digits(rest, i * 2);
        if (parts[i] < 0) {
            return {};
        }
    }
    const std::chrono::year_month_day day(std::chrono::year{year},
                                          std::chrono::month(static_cast<unsigned>(parts[0])),
                                          std::chrono::day(static_cast<unsigned>(parts[1])));
    if (!day.ok() || parts[2] > 23 || parts[3] > 59 || parts[4] > 59 || rest[10] != 'Z') {
        return {};
    }
    return std::chrono::sys_days(day) + std::chrono::hours(parts[2]) +
           std::chrono::minutes(parts[3]) + std::chrono::seconds(parts[4]);
}

}  // namespace

std::optional<Element> DerReader::next() {
    const auto head = head_of(rest_);
    if (!head || head->length > rest_.size() - head->size) {
        return {};
    }
    const Element element{.tag = static_cast<unsigned char>(rest_.front()),
                          .content = rest_.substr(head->size, head->length),
                          .whole = rest_.substr(0, head->size + head->length)};
    rest_.remove_prefix(element.whole.size());
    return element;
}

std::optional<Element> DerReader::next(unsigned char tag) {
    return next_is(tag) ? next() : std::nullopt;
}

std::optional<Time> der_time(const Element& element) {
    const std::string_view text = element.content;
    if (element.tag == kUtcTime && text.size() == 13) {
        const int year = two_digits(text, 0);
        return year < 0 ? std::nullopt
                        : time_in(year < 50 ? 2000 + year : 1900 + year, text.substr(2));
    }
    if (element.tag == kGeneralizedTime && text.size() == 15) {
        const int century = two_digits(text, 0);
        const int year = two_digits(text, 2);
        return century < 0 || year < 0 ? std::nullopt
                                       : time_in(century * 100 + year, text.substr(4));
    }
    return {};
}

bool is_shortest_integer(std::string_view content) {
    if (content.size() < 2) {
        return !content.empty();
    }
    const bool is_padded = (content[0] == '\0' && (content[1] & 0x80) == 0) ||
                           (content[0] == '\xff' && (content[1] & 0x80) != 0);
    return !is_padded;
}

std::optional<std::string_view> magnitude_of(std::string_view integer) {
    if (integer.empty() || (octet(integer, 0) & 0x80U) != 0) {
        return {};
    }
    const size_t first = integer.find_first_not_of('\0');
    return first == std::string_view::npos ? std::string_view() : integer.substr(first);
}

std::string serial_key(std::string_view integer) {
    const auto magnitude = magnitude_of(integer);
    // A zero byte never begins the key of a positive number.
    return magnitude ? std::string(*magnitude) : std::string(1, '\0').append(integer);
}

}  // namespace valija::revocation::internal
