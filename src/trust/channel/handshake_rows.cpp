#include "trust/channel/handshake_rows.hpp"

#include <fmt/format.h>

#include "platform/base/text.hpp"

namespace valija::channel {
namespace {

void log_certificate(observe::SessionRows& rows, const x509::Certificate& certificate) {
    rows.note(certificate->subject, "Certificate subject");
    rows.note(certificate->issuer, "Certificate issuer name");
    rows.note(certificate->serial, "Certificate serial number");
    rows.note(certificate->thumbprint, "Certificate thumbprint");
    rows.note(join(certificate->dns_names, ";"), "Certificate alternate names");
}

}  // namespace

void log_handshake(observe::SessionRows& rows, const x509::Evidence& evidence) {
    if (!evidence.own_chain.empty()) {
        rows.note({}, "Sending certificate");
        log_certificate(rows, evidence.own_chain.front());
    }
    if (!evidence.peer_chain.empty()) {
        rows.note({}, "Received certificate");
        log_certificate(rows, evidence.peer_chain.front());
    }
}

void log_broken_handshake(observe::SessionRows& rows, std::string_view why) {
    rows.note({}, fmt::format("TLS negotiation failed with error {}", why));
}

}  // namespace valija::channel
