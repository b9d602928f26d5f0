#include "trust/x509/internal/name_constraints.hpp"

#include <algorithm>

#include "platform/base/text.hpp"
#include "trust/x509/certificate.hpp"

namespace valija::x509::internal {
namespace {

bool is_below(std::string_view host, std::string_view domain) {
    return host.size() > domain.size() && host.ends_with(domain) &&
           host[host.size() - domain.size() - 1] == '.';
}

bool is_within(std::string_view host, std::string_view domain) {
    return domain.empty() || host == domain || is_below(host, domain);
}

bool dns_permitted(std::string_view name, std::string_view constraint) {
    return is_within(name.starts_with("*.") ? name.substr(2) : name, constraint);
}

bool dns_excluded(std::string_view name, std::string_view constraint) {
    if (dns_permitted(name, constraint)) {
        return true;
    }
    // "*.base" covers "label.base", which the constraint may name.
    const std::string_view base = name.starts_with("*.") ? name.substr(2) : std::string_view();
    return !base.empty() && is_below(constraint, base) &&
           constraint.substr(0, constraint.size() - base.size() - 1).find('.') ==
               std::string_view::npos;
}

bool ip_matches(std::string_view address, std::string_view network) {
    if (network.size() != address.size() * 2) {
        return false;
    }
    for (size_t i = 0; i < address.size(); ++i) {
        const auto mask = static_cast<unsigned char>(network[address.size() + i]);
        const auto difference = static_cast<unsigned char>(address[i] ^ network[i]);
        if ((difference & mask) != 0) {
            return false;
        }
    }
    return true;
}

// A mailbox, a host, or ".domain" for the hosts below it.
bool email_matches(std::string_view address, std::string_view constraint) {
    const size_t at = address.find('@');
    const std::string host = lower(address.substr(at + 1));
    const size_t constraint_at = constraint.find('@');
    if (constraint_at != std::string_view::npos) {
        return address.substr(0, at) == constraint.substr(0, constraint_at) &&
               host == lower(constraint.substr(constraint_at + 1));
    }
    const std::string domain = lower(constraint);
    return domain.empty() ||
           (domain.starts_with('.') ? is_below(host, domain.substr(1)) : host == domain);
}

// RFC 3986 3.1.
bool is_scheme(std::string_view text) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return !text.empty() && is_letter(text.front()) && std::ranges::all_of(text, [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    });
}

// The host of a URI; none where it has no authority, or an address in the place of the host.
std::optional<std::string> host_of(std::string_view uri) {
    const size_t start = uri.find(':');
    if (start == std::string_view::npos || !is_scheme(uri.substr(0, start)) ||
        !uri.substr(start).starts_with("://")) {
        return std::nullopt;
    }
    std::string_view authority = uri.substr(start + 3);
    authority = authority.substr(0, authority.find_first_of("/?#"));
    if (authority.contains('\\')) {
        return std::nullopt;  // many readers take it for a slash
    }
    const size_t user = authority.rfind('@');
    if (user != std::string_view::npos) {
        authority.remove_prefix(user + 1);
    }
    const std::string host = lower(authority.substr(0, authority.find(':')));
    const bool is_address =
        !host.empty() && host.find_first_not_of("0123456789.") == std::string::npos;
    return is_host_name(host) && !is_address ? std::optional(host) : std::nullopt;
}

bool uri_matches(std::string_view host, std::string_view constraint) {
    return constraint.empty() || (constraint.starts_with('.') ? is_below(host, constraint.substr(1))
                                                              : host == constraint);
}

bool directory_matches(const DirectoryName& name, const DirectoryName& constraint) {
    return constraint.size() <= name.size() &&
           std::equal(constraint.begin(), constraint.end(), name.begin());
}

bool is_comparable(const Name& name) {
    switch (name.form) {
        case NameForm::Dns:
            return is_dns_name(name.text);
        case NameForm::Email:
            return is_mailbox(name.text);
        case NameForm::Ip:
            return name.text.size() == 4 || name.text.size() == 16;
        case NameForm::Uri:  // text is the host already
            return !name.text.empty();
        case NameForm::Directory:
            return true;
        case NameForm::Other:
            return false;
    }
    return false;
}

enum class Sense { Permits, Excludes };

bool matches(const Name& name, const Name& constraint, Sense sense) {
    switch (name.form) {
        case NameForm::Dns:
            return sense == Sense::Permits ? dns_permitted(name.text, constraint.text)
                                           : dns_excluded(name.text, constraint.text);
        case NameForm::Email:
            return email_matches(name.text, constraint.text);
        case NameForm::Ip:
            return ip_matches(name.text, constraint.text);
        case NameForm::Uri:
            return uri_matches(name.text, constraint.text);
        case NameForm::Directory:
            return directory_matches(name.directory, constraint.directory);
        case NameForm::Other:
            return false;
    }
    return false;
}

std::string shown(const Name& name) {
    switch (name.form) {
        case NameForm::Ip:
            return hex(name.text);
        case NameForm::Directory:
            return "DN";
        case NameForm::Other:
            return "otherName";
        default:
            return escape_peer_text(name.text, 260);
    }
}

class Judge {
  public:
    Judge(const NameConstraints& constraints, size_t& budget)
        : constraints_(constraints), budget_(budget) {}

    // The name as it stands in the certificate. Each costs one of the budget, compared or not.
    std::optional<Text> judge(Name name) {
        if (is_spent()) {
            return too_many();
        }
        --budget_;
        if (!concerns(name.form)) {
            return is_spent() ? std::optional(too_many()) : std::nullopt;
        }
        const std::string text = shown(name);
        if (name.form == NameForm::Uri) {
            name.text = host_of(name.text).value_or(std::string());
        }
        if (!is_comparable(name)) {
            return say("the name {} cannot be compared with the name constraints of a CA above it",
                       text);
        }
        if (any(constraints_.excluded, name, Sense::Excludes)) {
            return is_spent() ? too_many()
                              : say("the name {} is excluded by the name constraints of a CA "
                                    "above it",
                                    text);
        }
        if (constraints_.permitted.has(name.form) &&
            !any(constraints_.permitted, name, Sense::Permits)) {
            return say("the name {} is outside what the name constraints of a CA above it permit",
                       text);
        }
        return is_spent() ? std::optional(too_many()) : std::nullopt;
    }

  private:
    bool concerns(NameForm form) const {
        return constraints_.permitted.has(form) || constraints_.excluded.has(form);
    }

    // With the budget spent everything matches: `judge` looks whether it is.
    bool any(const NameList& constraints, const Name& name, Sense sense) {
        return std::ranges::any_of(constraints.all(), [&](const Name& constraint) {
            if (budget_ == 0) {
                return true;
            }
            --budget_;
            return constraint.form == name.form && matches(name, constraint, sense);
        });
    }

    bool is_spent() const { return budget_ == 0; }

    static Text too_many() { return say("too many names and name constraints to compare"); }

    const NameConstraints& constraints_;
    size_t& budget_;
};

}  // namespace

std::optional<Text> find_violation(const NameConstraints& constraints, const Names& names,
                                   bool common_names_count, size_t& budget) {
    Judge judge(constraints, budget);
    if (!names.subject.empty()) {
        if (auto found = judge.judge({NameForm::Directory, {}, names.subject})) {
            return found;
        }
    }
    for (const Name& name : names.alternative.all()) {
        if (auto found = judge.judge(name)) {
            return found;
        }
    }
    if (!names.alternative.has(NameForm::Email)) {
        for (const std::string& email : names.subject_emails) {
            if (auto found = judge.judge({NameForm::Email, email, {}})) {
                return found;
            }
        }
    }
    for (const std::string& name : names.common_names) {
        if (common_names_count && names_a_host(name)) {
            if (auto found = judge.judge({NameForm::Dns, lower(name), {}})) {
                return found;
            }
        }
    }
    return std::nullopt;
}

}  // namespace valija::x509::internal
