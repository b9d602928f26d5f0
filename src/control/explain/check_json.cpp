#include <boost/json.hpp>

#include "control/explain/check_text.hpp"
#include "control/explain/rendering.hpp"
#include "platform/base/text.hpp"

namespace json = boost::json;

namespace valija::explain {
namespace {

using explain::json_of;

json::array strings(const std::vector<std::string>& texts) {
    json::array all;
    for (const std::string& text : texts) {
        all.push_back(json::value(escape_peer_text(text, 260)));
    }
    return all;
}

json::object json_of(const x509::Evidence& evidence) {
    return {{"protocol", evidence.protocol},
            {"cipher", evidence.cipher},
            {"chain", json_of(evidence.peer_chain)},
            {"our_certificate_requested", evidence.own_requested},
            {"our_certificate_shown", !evidence.own_chain.empty()},
            {"stapled_ocsp", !evidence.stapled_ocsp.empty()}};
}

json::array json_of(const std::vector<identity::PtrName>& names) {
    json::array all;
    for (const identity::PtrName& ptr : names) {
        all.push_back(
            json::object{{"name", escape_peer_text(ptr.name, 260)}, {"confirmed", ptr.confirmed}});
    }
    return all;
}

json::object json_of(const AddressReport& report) {
    json::object object{{"host", escape_peer_text(report.host, 260)},
                        {"address", report.address},
                        {"good", report.is_good()},
                        {"mx_signed", report.heard.reached.host_is_secure},
                        {"ptr", json_of(report.heard.reached.ptr)},
                        {"greeting", report.heard.greeting},
                        {"offers", strings(report.heard.offers)},
                        {"refused_ehlo", report.heard.refused_hello},
                        {"ladder", json_of(report.ladder)},
                        {"names", json_of(report.names)}};
    if (report.evidence) {
        object["tls"] = json_of(*report.evidence);
    }
    if (report.trouble) {
        object["trouble"] = json::object{{"status", report.trouble->status},
                                         {"text", report.trouble->text},
                                         {"reply", report.trouble->diagnostic}};
    }
    return object;
}

json::object json_of(const Outbound& report) {
    json::array addresses;
    for (const AddressReport& address : report.addresses) {
        addresses.push_back(json_of(address));
    }
    const identity::Ladder& ladder =
        report.addresses.empty() ? report.none : report.addresses.front().ladder;
    return {{"mode", report.mode},
            {"standing", standing_text(report.standing)},
            {"policy", report.policy.english()},
            {"dns", report.dns.english()},
            {"effect", report.effect.english()},
            {"reply", report.reply},
            {"ladder", json_of(ladder)},
            {"addresses", std::move(addresses)},
            {"cut", report.is_cut}};
}

json::object json_of(const Inbound& report) {
    json::array doors;
    for (const Text& door : report.doors) {
        doors.push_back(json::value(door.english()));
    }
    return {{"mode", report.mode},
            {"standing", standing_text(report.standing)},
            {"policy", report.policy.english()},
            {"connectors", std::move(doors)},
            {"client", report.presumed.english()},
            {"effect", report.effect.english()},
            {"reply", report.reply},
            {"ladder", json_of(report.ladder)},
            {"names", json_of(report.names)}};
}

}  // namespace

json::object check_json(const CheckReport& report) {
    json::array domains;
    for (const DomainReport& domain : report.domains) {
        json::object object{{"domain", domain.domain}, {"partner", domain.partner}};
        if (domain.outbound) {
            object["outbound"] = json_of(*domain.outbound);
        }
        object["inbound"] = json_of(domain.inbound);
        domains.push_back(std::move(object));
    }
    return {{"standing", standing_text(report.standing())},
            {"domains", std::move(domains)},
            {"cut", !report.left_out.empty()},
            {"left_out", strings(report.left_out)}};
}

}  // namespace valija::explain
