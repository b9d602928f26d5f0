#include "trust/keystore/subject.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "platform/base/text.hpp"

namespace valija::keystore {
namespace {

constexpr size_t kLongestSubject = 8192;
constexpr size_t kMostComponents = 64;
constexpr size_t kLongestDomainComponents = 255;  // the sum of all DC values (EX-103)

// ISO 3166-1 alpha-2 (EX-101).
constexpr std::string_view kCountries =
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR "
    "BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ "
    "EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW "
    "GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY "
    "KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV "
    "MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY "
    "QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG "
    "TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM "
    "ZW";

constexpr std::string_view kGenericTops[] = {"com", "org", "net",  "edu",     "gov",  "mil",
                                             "int", "biz", "info", "example", "test", "local"};

bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool is_separator(char c) { return c == ',' || c == ';'; }

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
}

// How many bytes the UTF-8 character at `at` has; 0: it is none (RFC 3629 4).
size_t utf8_length(std::string_view text, size_t at) {
    const auto byte = [&](size_t i) {
        return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
    };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4) return 0;
    for (size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80) return 0;
    }
    const unsigned second = byte(1);
    const bool is_overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
    const bool is_outside = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
    return is_overlong || is_outside ? 0 : length;
}

// Characters, not bytes; the text is known to be UTF-8.
size_t characters(std::string_view text) {
    return static_cast<size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

std::unexpected<Fault> wrong(size_t at, std::string_view text, const std::string& why) {
    return fault(FaultKind::Input, "reading the subject",
                 fmt::format("character {}: {}", characters(text.substr(0, at)) + 1, why));
}

const SubjectRule* find_rule(std::string_view key) {
    if (equal_ignoring_case(key, "ST")) key = "S";  // as openssl(1) and RFC 4514 call it
    const auto& rules = subject_rules();
    const auto found = std::ranges::find_if(rules, [key](const SubjectRule& rule) {
        return equal_ignoring_case(rule.abbreviation, key);
    });
    return found == rules.end() ? nullptr : &*found;
}

struct Typed {
    const SubjectRule* rule;
    std::string value;
    size_t at;  // where the value begins
};

class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text), end_(text.size()) {
        skip_blanks();
        while (end_ > at_ && is_blank(text_[end_ - 1])) --end_;
        take_off_quotes();
    }

    Result<std::vector<Typed>> read() {
        std::vector<Typed> all;
        while (skip_separators(), at_ < end_) {
            if (all.size() == kMostComponents) {
                return wrong(at_, text_, fmt::format("more than {} components", kMostComponents));
            }
            auto one = read_component();
            if (!one) return std::unexpected(one.error());
            all.push_back(std::move(*one));
        }
        return all;
    }

  private:
    void skip_blanks() {
        while (at_ < end_ && is_blank(text_[at_])) ++at_;
    }

    void skip_separators() {
        while (at_ < end_ && (is_blank(text_[at_]) || is_separator(text_[at_]))) ++at_;
    }

    // "C=ES,…" in quotation marks as a whole (EX-108).
    void take_off_quotes() {
        if (end_ - at_ >= 2 && text_[at_] == '"' && text_[end_ - 1] == '"') {
            ++at_;
            --end_;
        }
    }

    Result<Typed> read_component() {
        const size_t from = at_;
        while (at_ < end_ && is_letter(text_[at_])) ++at_;
        const std::string_view key = text_.substr(from, at_ - from);
        skip_blanks();
        if (at_ >= end_ || text_[at_] != '=') {
            return wrong(from, text_,
                         fmt::format("\"{}\" is not of the form KEY=value",
                                     escape_peer_text(text_.substr(from, end_ - from), 40)));
        }
        const SubjectRule* rule = find_rule(key);
        if (rule == nullptr) return unknown_key(from, key);
        ++at_;
        skip_blanks();
        const size_t value_at = at_;
        auto value = read_value();
        if (!value) return std::unexpected(value.error());
        return Typed{rule, std::move(*value), value_at};
    }

    std::unexpected<Fault> unknown_key(size_t at, std::string_view key) const {
        std::vector<std::string> known;
        for (const SubjectRule& rule : subject_rules()) known.emplace_back(rule.abbreviation);
        return wrong(at, text_,
                     fmt::format("a subject has no \"{}\"; it has {}", escape_peer_text(key, 40),
                                 join(known, ", ")));
    }

    Result<std::string> read_value() {
        if (at_ < end_ && text_[at_] == '"') return read_quoted();
        std::string value;
        size_t kept = 0;  // up to the last character that is no plain blank
        while (at_ < end_ && !is_separator(text_[at_]) &&
               !(is_blank(text_[at_]) && key_follows())) {
            const bool is_escaped = text_[at_] == '\\';
            if (is_escaped) ++at_;
            if (at_ == end_) return wrong(at_ - 1, text_, "a backslash at the end");
            const bool is_trailing = is_blank(text_[at_]) && !is_escaped;
            if (auto taken = take_character(value); !taken) return std::unexpected(taken.error());
            if (!is_trailing) kept = value.size();
        }
        value.resize(kept);
        return value;
    }

    Result<std::string> read_quoted() {
        const size_t from = at_++;
        std::string value;
        while (at_ < end_ && text_[at_] != '"') {
            if (text_[at_] == '\\') {
                ++at_;
                if (at_ == end_) break;
            }
            if (auto taken = take_character(value); !taken) return std::unexpected(taken.error());
        }
        if (at_ >= end_) return wrong(from, text_, "the quotation mark is not closed");
        ++at_;
        const size_t after = at_;
        skip_blanks();
        const bool goes_on = at_ < end_ && !is_separator(text_[at_]);
        if (goes_on && !(after < at_ && key_at(at_))) {
            return wrong(at_, text_, "a comma is wanted after the quotation mark");
        }
        return value;
    }

    Result<void> take_character(std::string& value) {
        const size_t length = utf8_length(text_, at_);
        if (length == 0) return wrong(at_, text_, "it is not UTF-8");
        const auto byte = static_cast<unsigned char>(text_[at_]);
        if (byte < 0x20 || byte == 0x7F) return wrong(at_, text_, "a control character");
        value.append(text_, at_, length);
        at_ += length;
        return {};
    }

    // "C=US o=contoso corp": a known key after blanks begins the next component (EX-105).
    bool key_follows() const {
        size_t at = at_;
        while (at < end_ && is_blank(text_[at])) ++at;
        return key_at(at);
    }

    bool key_at(size_t from) const {
        size_t at = from;
        while (at < end_ && is_letter(text_[at])) ++at;
        const std::string_view key = text_.substr(from, at - from);
        while (at < end_ && is_blank(text_[at])) ++at;
        return at < end_ && text_[at] == '=' && find_rule(key) != nullptr;
    }

    std::string_view text_;
    size_t at_ = 0;
    size_t end_;
};

std::string wrong_value(const SubjectRule& rule, const std::string& value) {
    if (value.empty()) return fmt::format("{} is empty", rule.abbreviation);
    if (rule.type == SubjectRule::Type::Ascii && !is_ascii(value)) {
        return fmt::format("{} takes ASCII characters only", rule.abbreviation);
    }
    if (rule.abbreviation == "C") {
        std::string code = value;
        std::ranges::transform(code, code.begin(), [](char c) {
            return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        });
        if (code.size() != 2 || !is_letter(code[0]) || !kCountries.contains(code)) {
            return fmt::format("\"{}\" is not a country code of two letters (ISO 3166-1)",
                               escape_peer_text(value, 40));
        }
    }
    const size_t size = characters(value);
    if (size <= rule.most_characters) return {};
    const std::string text = fmt::format("{} has {} characters; at most {} are allowed",
                                         rule.abbreviation, size, rule.most_characters);
    return rule.abbreviation == "CN"
               ? text + "; give a long host name with --domain instead, and leave CN out"
               : text;
}

// Types, sizes and frequencies of the table.
Result<void> check(const std::vector<Typed>& all, std::string_view text) {
    size_t domain_components = 0;
    for (auto typed = all.begin(); typed != all.end(); ++typed) {
        if (const std::string why = wrong_value(*typed->rule, typed->value); !why.empty()) {
            return wrong(typed->at, text, why);
        }
        const auto times = static_cast<size_t>(std::ranges::count_if(
            all.begin(), typed + 1, [&](const Typed& one) { return one.rule == typed->rule; }));
        if (typed->rule->most_times != 0 && times > typed->rule->most_times) {
            return wrong(typed->at, text,
                         fmt::format("{} may be given once only", typed->rule->abbreviation));
        }
        if (typed->rule->abbreviation == "DC") domain_components += typed->value.size();
        if (domain_components > kLongestDomainComponents) {
            return wrong(typed->at, text,
                         fmt::format("the DC values together are longer than {} characters",
                                     kLongestDomainComponents));
        }
    }
    return {};
}

bool is_domain_of(std::string_view domain, std::string_view name) {
    return equal_ignoring_case(domain, name) ||
           (name.size() > domain.size() && name[name.size() - domain.size() - 1] == '.' &&
            equal_ignoring_case(name.substr(name.size() - domain.size()), domain));
}

bool looks_like_a_top(const std::string& label) {
    const bool is_country = label.size() == 2 && is_letter(label[0]) && is_letter(label[1]);
    return is_country || std::ranges::any_of(kGenericTops, [&](std::string_view top) {
               return equal_ignoring_case(label, top);
           });
}

// Whether "com" was typed before "contoso". The names we know decide; else what looks like a
// top-level domain; else it is leaf first, the best practice of EX-106.
bool is_root_first(const std::vector<std::string>& typed, const std::vector<std::string>& names) {
    const std::string as_typed = join(typed, ".");
    const std::string reversed = join({typed.rbegin(), typed.rend()}, ".");
    for (const std::string& name : names) {
        if (is_domain_of(as_typed, name)) return false;
        if (is_domain_of(reversed, name)) return true;
    }
    return looks_like_a_top(typed.front()) && !looks_like_a_top(typed.back());
}

void add_warnings(Subject& subject) {
    const auto common_names = subject.values_of("CN");
    if (!subject.values_of("C").empty() && !subject.values_of("DC").empty()) {
        subject.warnings.emplace_back(
            "C and DC are both given: a subject is named either by country or by DNS name");
    }
    if (common_names.size() > 1) {
        subject.warnings.push_back(fmt::format(
            "{} common names: one is recommended, and some services read one only; give further "
            "names with --domain",
            common_names.size()));
    }
    for (const std::string& name : common_names) {
        if (!is_ascii(name)) {
            subject.warnings.push_back(fmt::format(
                "CN={} has characters that are not ASCII: it is never taken as a host name", name));
        } else if (name.contains(' ')) {
            subject.warnings.push_back(
                fmt::format("CN={} has a blank: it is never taken as a host name", name));
        }
    }
}

}  // namespace

const std::vector<SubjectRule>& subject_rules() {
    using enum SubjectRule::Type;
    static const std::vector<SubjectRule> rules = {
        {"C", "country or region", Ascii, 2, 1, 1},
        {"DC", "domain component", Ascii, 255, 0, 1},
        {"S", "state or province", Unicode, 128, 1, 2},
        {"L", "locality", Unicode, 128, 1, 3},
        {"O", "organization", Unicode, 64, 1, 4},
        {"OU", "organizational unit", Unicode, 64, 0, 5},
        {"CN", "common name", Unicode, 64, 0, 6},
    };
    return rules;
}

std::vector<std::string> Subject::values_of(std::string_view abbreviation) const {
    std::vector<std::string> values;
    for (const SubjectComponent& component : components) {
        if (component.abbreviation == abbreviation) values.push_back(component.value);
    }
    return values;
}

std::string Subject::text() const {
    std::vector<std::string> parts;
    for (auto component = components.rbegin(); component != components.rend(); ++component) {
        parts.push_back(component->abbreviation + "=" + component->value);
    }
    return join(parts, ", ");
}

Result<Subject> parse_subject(std::string_view text,
                              const std::vector<std::string>& known_domains) {
    if (text.size() > kLongestSubject) {
        return fault(FaultKind::Input, "reading the subject",
                     fmt::format("longer than {} bytes", kLongestSubject));
    }
    const auto typed = Reader(text).read();
    if (!typed) return std::unexpected(typed.error());
    if (typed->empty()) return wrong(0, text, "it is empty");
    if (auto checked = check(*typed, text); !checked) return std::unexpected(checked.error());
    Subject subject;
    for (const SubjectRule& rule : subject_rules()) {
        std::vector<std::string> values;
        for (const Typed& one : *typed) {
            if (one.rule == &rule) values.push_back(one.value);
        }
        if (rule.abbreviation == "DC" && !values.empty()) {
            std::vector<std::string> names = known_domains;
            for (const Typed& one : *typed) {
                if (one.rule->abbreviation == "CN") names.insert(names.begin(), one.value);
            }
            if (!is_root_first(values, names)) std::ranges::reverse(values);
        }
        for (std::string& value : values) {
            if (rule.abbreviation == "C") {
                std::ranges::transform(value, value.begin(), [](char c) {
                    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
                });
            }
            subject.components.push_back({std::string(rule.abbreviation), std::move(value)});
        }
    }
    add_warnings(subject);
    return subject;
}

std::string wrong_component(const SubjectComponent& component) {
    const auto rule = std::ranges::find(subject_rules(), std::string_view(component.abbreviation),
                                        &SubjectRule::abbreviation);
    return rule == subject_rules().end() ? "the table has no such component"
                                         : wrong_value(*rule, component.value);
}

std::string wrong_dns_name(std::string_view name) {
    const std::string shown = escape_peer_text(name, 80);
    if (name.size() > 253) return fmt::format("\"{}\" is longer than 253 characters", shown);
    const std::string_view labels = name.starts_with("*.") ? name.substr(2) : name;
    for (const std::string_view label : split(labels, '.')) {
        if (label.empty() || label.size() > 63) {
            return fmt::format("\"{}\" has a label that is empty or longer than 63", shown);
        }
        for (const char c : label) {
            const bool is_good = is_letter(c) || (c >= '0' && c <= '9') || c == '-';
            if (is_good) continue;
            const std::string_view advice =
                c == '*'   ? "; a wildcard is the whole first label: *.contoso.com"
                : c == '_' ? "; a CA does not put an underscore into a certificate"
                           : "";
            return fmt::format(
                "\"{}\" is not a DNS name: only letters, digits, dashes and dots are allowed{}",
                shown, advice);
        }
        if (label.starts_with('-') || label.ends_with('-')) {
            return fmt::format("\"{}\" has a label that begins or ends with a dash", shown);
        }
    }
    return {};
}

}  // namespace valija::keystore
