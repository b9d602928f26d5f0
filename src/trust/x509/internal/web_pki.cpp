// Rules::WebPki: the CA/B Forum's Baseline Requirements 7.1 as far as a certificate shows them,
// and the "MUST" for conforming CAs of RFC 5280 that Rules::Rfc5280 forgives private CAs.
#include <arpa/inet.h>

#include <set>

#include "platform/base/text.hpp"
#include "trust/x509/internal/profile.hpp"
#include "trust/x509/native.hpp"

namespace valija::x509::internal {
namespace {

constexpr size_t kLongestSerial = 20;

bool is_address(const std::string& text) {
    unsigned char bytes[16];
    return inet_pton(AF_INET, text.c_str(), bytes) == 1 ||
           inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

std::string address_text(std::string_view bytes) {
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text);
    return text;
}

bool is_hexadecimal(std::string_view text) { return starts_with_ignoring_case(text, "0x"); }

// What means to be a host name or an address, well written or not.
bool means_a_host(std::string_view name) {
    return name.find_first_of(" @") == std::string_view::npos &&
           (name.find_first_of(".:") != std::string_view::npos || is_hexadecimal(name));
}

// A wildcard must leave a domain of at least two labels. Underscores are let be: DNS and the hosts
// of partners use them, and the names are compared octet by octet.
bool is_public_dns_name(const std::string& name) {
    const bool wild = name.starts_with("*.");
    return is_dns_name(name) && !is_address(name) &&
           (!wild || name.find('.', 2) != std::string::npos);
}

class WebPki {
  public:
    WebPki(const Certificate& certificate, Place place, std::vector<Finding>& findings)
        : fields_(*certificate.operator->()),
          facts_(certificate.facts()),
          place_(place),
          findings_(findings) {}

    void run(const PathQuestion& question) {
        every();
        identifiers();
        if (place_.depth > 0) {
            authority();
        }
        if (question.path_only) {
            return;
        }
        const bool is_leaf = place_.depth == 0;
        if (is_leaf || !place_.is_anchor) {
            serial();  // that of many a public root is 0
        }
        if (is_leaf) {
            leaf(question.purpose);
        }
    }

  private:
    void add(Text text, PathProblemKind kind = PathProblemKind::Constraint) {
        findings_.push_back({kind, std::move(text)});
    }

    void every() {
        if (fields_.version != 3) {
            add(say("it is of version {}, not 3", fields_.version));
        }
        if (facts_.constraints && !facts_.constraints_critical) {
            add(say("its name constraints are not critical"));
        }
        if (!facts_.policies.constraints_critical) {
            add(say("its policy constraints are not critical"));
        }
        key();
    }

    void serial() {
        if (!facts_.serial_is_positive) {
            add(say("its serial number is not positive"));
        }
        if (facts_.serial_length > kLongestSerial) {
            add(say("its serial number is longer than 20 octets"));
        }
    }

    void key() {
        const Key& key = facts_.key;
        const bool is_rsa = key.type == EVP_PKEY_RSA || key.type == EVP_PKEY_RSA_PSS;
        const bool is_nist = key.curve == SN_X9_62_prime256v1 || key.curve == SN_secp384r1 ||
                             key.curve == SN_secp521r1;
        if (key.readable && (is_rsa ? key.size % 8 != 0 : !is_nist)) {
            add(say("its key {} is none that public CAs may certify", fields_.key),
                PathProblemKind::WeakKey);
        }
    }

    void identifiers() {
        const KeyIdentifiers& ids = facts_.ids;
        if (facts_.basic.is_ca && !ids.has_subject) {
            add(say("it is a CA without a subject key identifier"));
        }
        if (!ids.has_authority) {
            if (!facts_.self_issued) {
                add(say("it has no authority key identifier"));
            }
            return;
        }
        if (!ids.authority || ids.has_authority_names) {
            add(
                say("its authority key identifier must hold the key's identifier and nothing "
                    "else"));
        } else if (place_.is_anchor && facts_.self_issued && *ids.authority != ids.subject) {
            add(say("it is a root, and its two key identifiers differ"));
        }
    }

    void authority() {
        if (!facts_.basic.present || !facts_.basic.critical) {
            add(say("it is a CA, and its basic constraints are missing or not critical"));
        }
        if (place_.is_anchor && facts_.self_issued && facts_.eku.present) {
            add(say("it is a root and has an extended key usage"), PathProblemKind::Usage);
        }
    }

    void leaf(Purpose purpose) {
        if (facts_.basic.is_ca) {
            add(say("it is a CA, not the certificate of a server or client"));
        }
        if (!facts_.names.subject.empty() && fields_.san_critical) {
            add(say("it has a subject, so its alternative names must not be critical"));
        }
        if (purpose == Purpose::Any) {
            return;
        }
        usage(purpose);
        if (purpose == Purpose::Server) {
            alternative_names();
            common_names();
        }
    }

    void usage(Purpose purpose) {
        const ExtendedKeyUsage& eku = facts_.eku;
        if (!eku.present) {
            if (purpose == Purpose::Server) {
                add(say("it has no extended key usage"), PathProblemKind::Usage);
            }
            return;
        }
        if (!(purpose == Purpose::Server ? eku.server : eku.client)) {
            add(purpose == Purpose::Server ? say("its extended key usage lacks serverAuth")
                                           : say("its extended key usage lacks clientAuth"),
                PathProblemKind::Usage);
        }
        if (eku.any || (purpose == Purpose::Server && (eku.foreign || eku.critical))) {
            add(say("its extended key usage allows what certificates for TLS must not, or is "
                    "critical"),
                PathProblemKind::Usage);
        }
    }

    void alternative_names() {
        bool names_a_host = false;
        for (const Name& name : facts_.names.alternative.all()) {
            const bool is_dns = name.form == NameForm::Dns;
            const bool is_ip = name.form == NameForm::Ip;
            const bool is_bad = (is_dns && !is_public_dns_name(name.text)) ||
                                (is_ip && name.text.size() != 4 && name.text.size() != 16);
            if (is_bad) {
                add(say("its alternative name {} is malformed",
                        is_ip ? hex(name.text) : escape_peer_text(name.text, 260)));
                return;
            }
            names_a_host = names_a_host || is_dns || is_ip;
        }
        if (!names_a_host) {
            add(say("it has no alternative name of a host"));
        }
    }

    // BR 7.1.4.3. A name beside the SAN that is well written does no harm here, because these
    // rules go with names that are read from the SAN only; one that is written otherwise than
    // there, or in a form that misleads, is refused.
    void common_names() {
        std::set<std::string> names(fields_.dns_names.begin(), fields_.dns_names.end());
        std::set<std::string> lowered;
        for (const std::string& name : names) {
            lowered.insert(lower(name));
        }
        for (const std::string& address : fields_.ip_addresses) {
            if (address.size() == 4 || address.size() == 16) {
                names.insert(address_text(address));
            }
        }
        for (const std::string& name : fields_.common_names) {
            if (means_a_host(name) && !names.contains(name) &&
                (misleads(name) || lowered.contains(lower(name)))) {
                add(say("its common name {} is not written as in its alternative names",
                        escape_peer_text(name, 260)));
                return;
            }
        }
    }

    static bool misleads(const std::string& name) {
        const std::string low = lower(name);
        const bool is_host = is_dns_name(name);
        const bool looks_numeric = name.find_first_not_of("0123456789.") == std::string::npos;
        const bool is_plain_ipv4 = looks_numeric && is_address(name);
        return !is_host || low.starts_with("xn--") || low.find(".xn--") != std::string::npos ||
               is_hexadecimal(name) || (looks_numeric && !is_plain_ipv4);
    }

    const CertificateFields& fields_;
    const Facts& facts_;
    Place place_;
    std::vector<Finding>& findings_;
};

}  // namespace

void add_web_pki_problems(const Certificate& certificate, Place place, const PathQuestion& question,
                          std::vector<Finding>& findings) {
    WebPki(certificate, place, findings).run(question);
}

}  // namespace valija::x509::internal
