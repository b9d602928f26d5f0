#include "trust/revocation/internal/crl_reader.hpp"

#include <algorithm>
#include <array>

#include "trust/revocation/internal/der.hpp"

namespace valija::revocation::internal {
namespace {

using namespace std::string_view_literals;

using Refused = std::unexpected<Text>;

constexpr Duration kWithoutNextUpdate = std::chrono::hours(24);
constexpr size_t kMostExtensions = 100;
constexpr size_t kShortestEntry = 20;  // octets: a SEQUENCE of a serial number and a UTCTime
constexpr size_t kLongestNumber = 20;  // octets; RFC 5280 5.2.3

// Object identifiers as their contents stand in DER: 2.5.29.n.
constexpr std::string_view kCrlNumber = "\x55\x1D\x14"sv;
constexpr std::string_view kReason = "\x55\x1D\x15"sv;
constexpr std::string_view kInvalidityDate = "\x55\x1D\x18"sv;
constexpr std::string_view kDeltaIndicator = "\x55\x1D\x1B"sv;
constexpr std::string_view kIssuingPoint = "\x55\x1D\x1C"sv;
constexpr std::string_view kCertificateIssuer = "\x55\x1D\x1D"sv;
constexpr std::string_view kKeyIdentifier = "\x55\x1D\x23"sv;
constexpr std::string_view kFreshest = "\x55\x1D\x2E"sv;

Text malformed() { return say("it is malformed"); }

struct Extension {
    std::string_view id;
    std::string_view value;
    bool is_critical = false;
};

std::optional<Extension> read_extension(DerReader& all) {
    const auto whole = all.next(kSequence);
    if (!whole) {
        return {};
    }
    DerReader parts(whole->content);
    Extension extension;
    const auto id = parts.next(kObjectIdentifier);
    if (parts.next_is(kBoolean)) {
        const auto flag = parts.next();
        if (!flag || flag->content.size() != 1) {
            return {};
        }
        extension.is_critical = flag->content.front() != 0;
    }
    const auto value = parts.next(kOctetString);
    if (!id || !value || !parts.at_end()) {
        return {};
    }
    extension.id = id->content;
    extension.value = value->content;
    return extension;
}

std::expected<void, Text> read_head(DerReader& fields, CrlParts& parts) {
    if (fields.next_is(kInteger)) {
        const auto version = fields.next();
        if (!version || version->content != "\x01"sv) {
            return Refused(say("it is of an unknown version"));
        }
        parts.is_version_2 = true;
    }
    const auto algorithm = fields.next(kSequence);
    const auto issuer = fields.next(kSequence);
    if (!algorithm || !issuer) {
        return Refused(malformed());
    }
    if (algorithm->whole != parts.algorithm) {
        return Refused(say("it names two different signature algorithms"));
    }
    if (issuer->content.empty()) {
        return Refused(say("it names no issuer"));
    }
    parts.issuer = issuer->whole;
    return {};
}

// RFC 5280 5.1.2.4: UTCTime through 2049, GeneralizedTime from 2050 on.
bool is_in_odd_form(const Element& time, Time value) {
    return time.tag == kGeneralizedTime &&
           value < Time(std::chrono::sys_days(std::chrono::year(2050) / 1 / 1));
}

std::expected<Time, Text> read_date(DerReader& fields, Strictness strictness) {
    const auto date = fields.next();
    const auto time = date ? der_time(*date) : std::nullopt;
    if (!time) {
        return Refused(malformed());
    }
    if (strictness == Strictness::Strict && is_in_odd_form(*date, *time)) {
        return Refused(say("a date before 2050 stands in the form for later ones"));
    }
    return *time;
}

std::expected<void, Text> read_dates(DerReader& fields, Strictness strictness, CrlFacts& facts) {
    const auto this_update = read_date(fields, strictness);
    if (!this_update) {
        return Refused(this_update.error());
    }
    facts.this_update = *this_update;
    facts.next_update = *this_update + kWithoutNextUpdate;
    facts.has_next_update = fields.next_is(kUtcTime) || fields.next_is(kGeneralizedTime);
    if (facts.has_next_update) {
        const auto next_update = read_date(fields, strictness);
        if (!next_update) {
            return Refused(next_update.error());
        }
        facts.next_update = *next_update;
    } else if (strictness == Strictness::Strict) {
        return Refused(say("it does not say when the next one comes (nextUpdate)"));
    }
    return {};
}

std::expected<void, Text> read_tail(DerReader& fields, CrlParts& parts) {
    if (fields.next_is(kSequence)) {
        const auto entries = fields.next();
        if (!entries) {
            return Refused(malformed());
        }
        parts.entries = entries->content;
    }
    if (fields.next_is(kExplicit0)) {
        const auto outer = fields.next();
        DerReader inner(outer ? outer->content : std::string_view());
        const auto extensions = inner.next(kSequence);
        if (!extensions || !inner.at_end()) {
            return Refused(malformed());
        }
        if (!parts.is_version_2) {
            return Refused(say("it has extensions, but is of version 1"));
        }
        parts.extensions = extensions->content;
    }
    return fields.at_end() ? std::expected<void, Text>() : Refused(malformed());
}

std::optional<std::string> number_in(std::string_view value) {
    DerReader reader(value);
    const auto number = reader.next(kInteger);
    if (!number || !reader.at_end()) {
        return {};
    }
    const auto magnitude = magnitude_of(number->content);
    if (!magnitude || magnitude->size() > kLongestNumber) {
        return {};
    }
    return std::string(*magnitude);
}

// keyIdentifier [0] of an authorityKeyIdentifier; empty where it names its issuer otherwise.
std::optional<std::string> key_id_in(std::string_view value) {
    DerReader reader(value);
    const auto whole = reader.next(kSequence);
    if (!whole || !reader.at_end()) {
        return {};
    }
    DerReader fields(whole->content);
    std::string id;
    if (fields.next_is(0x80)) {
        const auto found = fields.next();
        if (!found) {
            return {};
        }
        id = found->content;
    }
    return id;
}

std::expected<void, Text> take_number(const Extension& extension, Strictness strictness,
                                      CrlFacts& facts) {
    const auto number = number_in(extension.value);
    if (!number) {
        return Refused(say("its number is malformed"));
    }
    if (strictness == Strictness::Strict && extension.is_critical) {
        return Refused(say("its number is marked critical, which RFC 5280 forbids"));
    }
    facts.number = *number;
    facts.has_number = true;
    return {};
}

std::expected<void, Text> take_scope(const Extension& extension, Strictness strictness,
                                     std::string_view issuer, CrlFacts& facts) {
    auto scope = read_scope(extension.value, issuer);
    if (!scope) {
        return Refused(scope.error());
    }
    if (strictness == Strictness::Strict && !extension.is_critical) {
        return Refused(say("its scope is not marked critical, which RFC 5280 demands"));
    }
    facts.scope = std::move(*scope);
    return {};
}

std::expected<void, Text> take_extension(const Extension& extension, Strictness strictness,
                                         std::string_view issuer, CrlFacts& facts) {
    if (extension.id == kCrlNumber) {
        return take_number(extension, strictness, facts);
    }
    if (extension.id == kIssuingPoint) {
        return take_scope(extension, strictness, issuer, facts);
    }
    if (extension.id == kDeltaIndicator) {
        const auto base = number_in(extension.value);
        facts.is_delta = true;
        facts.base_number = base.value_or("");
        return base ? std::expected<void, Text>() : Refused(say("its base number is malformed"));
    }
    if (extension.id == kKeyIdentifier) {
        const auto id = key_id_in(extension.value);
        facts.issuer_key_id = id.value_or("");
        return id ? std::expected<void, Text>() : Refused(malformed());
    }
    if (extension.id == kFreshest) {
        facts.freshest_urls = freshest_urls(extension.value);
        return {};
    }
    if (extension.is_critical) {
        return Refused(say("it has an unknown critical extension"));
    }
    return {};
}

std::expected<void, Text> read_extensions(const CrlParts& parts, Strictness strictness,
                                          CrlFacts& facts) {
    std::vector<std::string_view> seen;
    DerReader all(parts.extensions);
    while (!all.at_end()) {
        const auto extension = read_extension(all);
        if (!extension || seen.size() == kMostExtensions) {
            return Refused(malformed());
        }
        if (std::ranges::find(seen, extension->id) != seen.end()) {
            return Refused(say("it has an extension twice"));
        }
        seen.push_back(extension->id);
        if (auto taken = take_extension(*extension, strictness, parts.issuer, facts); !taken) {
            return taken;
        }
    }
    if (facts.is_delta && !facts.has_number) {
        return Refused(say("it is a delta list without a number"));
    }
    if (strictness == Strictness::Strict && !facts.has_number) {
        return Refused(say("it has no number, which RFC 5280 demands"));
    }
    return {};
}

std::expected<int, Text> reason_in(std::string_view value) {
    DerReader reader(value);
    const auto reason = reader.next(kEnumerated);
    if (!reason || !reader.at_end() || reason->content.size() != 1 ||
        static_cast<unsigned char>(reason->content.front()) > 0x7F) {
        return Refused(say("the reason of an entry is malformed"));
    }
    return reason->content.front();
}

// RFC 5280 5.3: an unknown critical extension of an entry makes the list useless.
std::expected<int, Text> read_entry_extensions(std::string_view content) {
    int reason = -1;
    std::array<std::string_view, 8> seen{};
    size_t count = 0;
    DerReader all(content);
    while (!all.at_end()) {
        const auto extension = read_extension(all);
        if (!extension || count == seen.size() ||
            std::find(seen.begin(), seen.begin() + count, extension->id) != seen.begin() + count) {
            return Refused(say("the extensions of an entry are malformed"));
        }
        seen[count++] = extension->id;
        if (extension->id == kReason) {
            const auto read = reason_in(extension->value);
            if (!read) {
                return read;
            }
            reason = *read;
        } else if (extension->id == kCertificateIssuer) {
            return Refused(say("an entry is for another authority's certificate"));
        } else if (extension->is_critical && extension->id != kInvalidityDate) {
            return Refused(say("an entry has an unknown critical extension"));
        }
    }
    return reason;
}

std::expected<void, Text> read_entry(std::string_view content, bool is_version_2,
                                     SerialIndex& index) {
    DerReader fields(content);
    const auto serial = fields.next(kInteger);
    const auto date = fields.next();
    const auto at = date ? der_time(*date) : std::nullopt;
    if (!serial || !is_shortest_integer(serial->content) || !at) {
        return Refused(say("an entry is malformed"));
    }
    Entry entry{.revoked_at = *at};
    if (!fields.at_end()) {
        const auto extensions = fields.next(kSequence);
        if (!extensions || !fields.at_end() || !is_version_2) {
            return Refused(say("an entry is malformed"));
        }
        const auto reason = read_entry_extensions(extensions->content);
        if (!reason) {
            return Refused(reason.error());
        }
        entry.reason = *reason;
    }
    const auto magnitude = magnitude_of(serial->content);
    const bool taken =
        magnitude ? index.add(*magnitude, entry) : index.add(serial_key(serial->content), entry);
    return taken ? std::expected<void, Text>()
                 : Refused(say("too many of its serial numbers are longer than 20 octets"));
}

}  // namespace

std::expected<CrlParts, Text> read_parts(std::string_view der) {
    DerReader outer(der);
    const auto whole = outer.next(kSequence);
    if (!whole || !outer.at_end()) {
        return Refused(say("it is neither DER nor PEM"));
    }
    DerReader reader(whole->content);
    const auto signed_part = reader.next(kSequence);
    const auto algorithm = reader.next(kSequence);
    const auto signature = reader.next(kBitString);
    if (!signed_part || !algorithm || !signature || !reader.at_end()) {
        return Refused(malformed());
    }
    return CrlParts{.signed_der = signed_part->whole,
                    .algorithm = algorithm->whole,
                    .signature = signature->content,
                    .issuer = {},
                    .entries = {},
                    .extensions = {}};
}

std::expected<CrlParts, Text> read_crl(std::string_view der, Strictness strictness,
                                       CrlFacts& facts) {
    auto parts = read_parts(der);
    if (!parts) {
        return parts;
    }
    DerReader outer(parts->signed_der);
    DerReader fields(outer.next()->content);
    auto read = read_head(fields, *parts);
    if (read) {
        read = read_dates(fields, strictness, facts);
    }
    if (read) {
        read = read_tail(fields, *parts);
    }
    if (!read) {
        return Refused(read.error());
    }
    if (strictness == Strictness::Strict && !parts->is_version_2) {
        return Refused(say("it is of version 1, and RFC 5280 demands version 2"));
    }
    read = read_extensions(*parts, strictness, facts);
    if (!read) {
        return Refused(read.error());
    }
    facts.issuer = comparable_name(parts->issuer);
    if (facts.issuer.empty()) {
        return Refused(malformed());
    }
    return parts;
}

// Nothing is verified yet: memory is taken only for what could be an entry.
std::expected<SerialIndex, Text> read_entries(const CrlParts& parts) {
    SerialIndex index;
    size_t count = 0;
    for (DerReader all(parts.entries); !all.at_end(); ++count) {
        if (!all.next(kSequence)) {
            return Refused(say("an entry is malformed"));
        }
    }
    index.reserve(std::min(count, parts.entries.size() / kShortestEntry));
    for (DerReader all(parts.entries); !all.at_end();) {
        if (auto read = read_entry(all.next()->content, parts.is_version_2, index); !read) {
            return Refused(read.error());
        }
    }
    index.sort();
    return index;
}

}  // namespace valija::revocation::internal
