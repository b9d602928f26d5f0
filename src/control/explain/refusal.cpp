#include "control/explain/refusal.hpp"

#include "trust/identity/ladder.hpp"

namespace valija::explain {
namespace {

using identity::Reason;

Text meaning_of(Reason reason) {
    switch (reason) {
        case Reason::UntrustedRoot:
        case Reason::IncompleteChain:
            return say(
                "the partner does not know the CA of our certificate, or misses one in between: "
                "send it the CA's certificate, and let our file hold those in between");
        case Reason::SubjectMismatch:
            return say(
                "our certificate does not name the domain that we send from as the partner wants "
                "it: compare the names with it");
        case Reason::DateInvalid:
            return say(
                "our certificate is not valid by the partner's clock: renew it, or compare "
                "the clocks");
        case Reason::Revoked:
            return say("our certificate is revoked: replace it now, and ask our CA why");
        case Reason::RevocationOffline:
            return say(
                "the partner cannot fetch the list of our CA: see with `valija check` where it is, "
                "and have it reachable from outside");
        case Reason::UsageInvalid:
            return say(
                "our certificate is not for clients (clientAuth): show the partner another "
                "one (`certificate` in its file)");
        case Reason::NoClientCertificate:
            return say(
                "we showed the partner no certificate: `valija certificate list` and "
                "`connector check` say why");
        case Reason::WeakKey:
            return say("the key or digest of our certificate is too weak for the partner");
        case Reason::ConstraintViolation:
            return say(
                "our certificate, or one above it, breaks a rule of RFC 5280: our CA must "
                "issue it anew");
        default:
            return {};
    }
}

}  // namespace

Text about_refusal(std::string_view said) {
    constexpr std::string_view kMark = "Certificate validation failure, Reason:";
    const size_t at = said.find(kMark);
    if (at == std::string_view::npos) {
        return {};
    }
    const std::string_view rest = said.substr(at + kMark.size());
    const auto reason = identity::reason_of(rest.substr(0, rest.find_first_of(" ;,.)\t\r\n")));
    return reason ? meaning_of(*reason) : Text();
}

}  // namespace valija::explain
