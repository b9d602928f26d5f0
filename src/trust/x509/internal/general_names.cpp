#include "trust/x509/internal/general_names.hpp"

#include <algorithm>
#include <bit>

#include "platform/base/text.hpp"
#include "trust/x509/native.hpp"

namespace valija::x509::internal {

bool is_text(const ASN1_STRING* value) {
    switch (ASN1_STRING_type(value)) {
        case V_ASN1_UTF8STRING:
        case V_ASN1_PRINTABLESTRING:
        case V_ASN1_IA5STRING:
        case V_ASN1_T61STRING:
        case V_ASN1_BMPSTRING:
        case V_ASN1_UNIVERSALSTRING:
        case V_ASN1_VISIBLESTRING:
            return true;
        default:
            return false;
    }
}

namespace {

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Lower case, no blanks at the ends, one blank for each run of them.
std::string folded(std::string_view text) {
    std::string made;
    for (const char c : text) {
        if (is_blank(c)) {
            if (!made.empty() && made.back() != ' ') {
                made += ' ';
            }
        } else {
            made += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
    }
    if (made.ends_with(' ')) {
        made.pop_back();
    }
    return made;
}

std::optional<std::string> utf8_of(const ASN1_STRING* value) {
    unsigned char* bytes = nullptr;
    const int length = is_text(value) ? ASN1_STRING_to_UTF8(&bytes, value) : -1;
    if (length < 0) {
        ERR_clear_error();
        return std::nullopt;
    }
    std::string text(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
    OPENSSL_free(bytes);
    return text;
}

void append_sized(std::string& to, std::string_view part) {
    to += std::to_string(part.size());
    to += ':';
    to += part;
}

std::string attribute_of(const X509_NAME_ENTRY* entry) {
    const ASN1_OBJECT* type = X509_NAME_ENTRY_get_object(entry);
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(entry);
    std::string made;
    append_sized(made, {reinterpret_cast<const char*>(OBJ_get0_data(type)), OBJ_length(type)});
    if (const auto text = utf8_of(value)) {
        made += 't';
        append_sized(made, folded(*text));
    } else {
        made += std::to_string(ASN1_STRING_type(value));
        append_sized(made, native_text(value));
    }
    return made;
}

bool is_constraint_host(std::string_view text) {
    return is_host_name(text) && !text.ends_with('.');
}

// Net and mask of the same length; the ones of the mask come first.
bool is_network(std::string_view bytes) {
    if (bytes.size() != 8 && bytes.size() != 32) {
        return false;
    }
    bool ended = false;
    for (const char c : bytes.substr(bytes.size() / 2)) {
        const auto byte = static_cast<unsigned char>(c);
        const int ones = std::countl_one(byte);
        if ((ended && byte != 0) || std::popcount(byte) != ones) {
            return false;
        }
        ended = ended || ones != 8;
    }
    return true;
}

// What may stand in a constraint of each form. An empty host means all names of the form.
bool is_well_formed(const Name& constraint) {
    const std::string_view text = constraint.text;
    switch (constraint.form) {
        case NameForm::Dns:
            return text.empty() || is_constraint_host(text);
        case NameForm::Email:
            return text.empty() || is_mailbox(text) ||
                   is_constraint_host(text.starts_with('.') ? text.substr(1) : text);
        case NameForm::Uri:
            return text.empty() ||
                   is_constraint_host(text.starts_with('.') ? text.substr(1) : text);
        case NameForm::Ip:
            return is_network(text);
        case NameForm::Directory:
        case NameForm::Other:
            return true;
    }
    return false;
}

void read_subtrees(const STACK_OF(GENERAL_SUBTREE) * native, NameList& into, bool& is_malformed) {
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(native); ++i) {
        const GENERAL_SUBTREE* subtree = sk_GENERAL_SUBTREE_value(native, i);
        const bool counts =
            subtree->maximum != nullptr ||
            (subtree->minimum != nullptr && ASN1_INTEGER_get(subtree->minimum) != 0);
        auto name = read_name(subtree->base);
        if (counts || !name || !is_well_formed(*name)) {
            is_malformed = true;
            continue;
        }
        if (name->form == NameForm::Uri) {
            name->text = lower(name->text);
        }
        into.add(std::move(*name));
    }
}

}  // namespace

DirectoryName directory_name(const X509_NAME* name) {
    DirectoryName made;
    int set = -1;
    std::vector<std::string> parts;
    const auto close = [&] {
        std::ranges::sort(parts);
        std::string whole;
        for (const std::string& part : parts) {
            append_sized(whole, part);
        }
        if (!parts.empty()) {
            made.push_back(std::move(whole));
        }
        parts.clear();
    };
    for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
        const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
        if (X509_NAME_ENTRY_set(entry) != set) {
            close();
            set = X509_NAME_ENTRY_set(entry);
        }
        parts.push_back(attribute_of(entry));
    }
    close();
    return made;
}

std::string canonical_name(const DirectoryName& name) {
    std::string made;
    for (const std::string& part : name) {
        append_sized(made, part);
    }
    return made;
}

std::optional<Name> read_name(const GENERAL_NAME* name) {
    switch (name->type) {
        case GEN_DNS:
            return Name{NameForm::Dns, lower(native_text(name->d.dNSName)), {}};
        case GEN_EMAIL:
            return Name{NameForm::Email, native_text(name->d.rfc822Name), {}};
        case GEN_URI:
            return Name{NameForm::Uri, native_text(name->d.uniformResourceIdentifier), {}};
        case GEN_IPADD:
            return Name{NameForm::Ip, native_text(name->d.iPAddress), {}};
        case GEN_DIRNAME:
            return Name{NameForm::Directory, {}, directory_name(name->d.directoryName)};
        case GEN_OTHERNAME:
        case GEN_X400:
        case GEN_EDIPARTY:
        case GEN_RID:
            return Name{NameForm::Other, {}, {}};
        default:
            return std::nullopt;
    }
}

NameConstraints read_constraints(const NAME_CONSTRAINTS* native) {
    NameConstraints made;
    read_subtrees(native->permittedSubtrees, made.permitted, made.is_malformed);
    read_subtrees(native->excludedSubtrees, made.excluded, made.is_malformed);
    const auto is_empty = [](const STACK_OF(GENERAL_SUBTREE) * subtrees) {
        return subtrees != nullptr && sk_GENERAL_SUBTREE_num(subtrees) == 0;
    };
    // RFC 5280 4.2.1.10: an empty extension must not be issued; SIZE (1..MAX) of each list.
    if ((native->permittedSubtrees == nullptr && native->excludedSubtrees == nullptr) ||
        is_empty(native->permittedSubtrees) || is_empty(native->excludedSubtrees)) {
        made.is_malformed = true;
    }
    return made;
}

bool is_dns_name(std::string_view name) {
    return is_constraint_host(name.starts_with("*.") ? name.substr(2) : name);
}

bool is_mailbox(std::string_view text) {
    const size_t at = text.find('@');
    return at != std::string_view::npos && at > 0 && is_constraint_host(text.substr(at + 1)) &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace valija::x509::internal
