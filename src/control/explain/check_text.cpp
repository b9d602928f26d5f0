#include "control/explain/check_text.hpp"

#include <algorithm>

#include "control/explain/rendering.hpp"
#include "platform/base/text.hpp"

namespace valija::explain {
namespace {

using identity::Show;

constexpr size_t kMostNames = 100;

// A page, and how much of everything goes on it.
struct View {
    Page page;
    Show show;
    Language language;

    bool is_all() const { return show == Show::All; }

    void ladder(const identity::Ladder& ladder) {
        page.add(identity::ladder_text(ladder, show, language));
    }
};

Text standing_words(Standing standing) {
    switch (standing) {
        case Standing::Good:
            return say("good");
        case Standing::Unsure:
            return say("not known");
        case Standing::Bad:
            break;
    }
    return say("NOT GOOD");
}

// Mail flows where one address of several is good; the others are findings all the same.
Text outbound_words(const Outbound& report) {
    const bool flows = std::ranges::any_of(report.addresses, &AddressReport::is_good);
    return report.standing == Standing::Bad && flows ? say("PARTLY GOOD")
                                                     : standing_words(report.standing);
}

// The facts of the manual check with openssl (CI-42) always; all of the certificate with `All`.
void put_shown(View& view, const x509::Certificate& leaf) {
    if (view.is_all()) {
        put_certificate(view.page, leaf);
        return;
    }
    view.page.row(say("certificate"), Text::verbatim(escape_peer_text(leaf->subject)));
    size_t count = 0;
    for (const std::string& name : leaf->dns_names) {
        if (++count > kMostNames) {
            view.page.more("…");
            return;
        }
        view.page.more("DNS:" + escape_peer_text(name, 260));
    }
}

void put_session(View& view, const AddressReport& report) {
    if (!report.heard.greeting.empty()) {
        view.page.row(say("greeting"), Text::verbatim(report.heard.greeting));
        view.page.row(say("offers"), Text::verbatim(join(report.heard.offers, ", ")));
    }
    if (!report.heard.refused_hello.empty()) {
        view.page.row(say("EHLO refused"), Text::verbatim(report.heard.refused_hello));
    }
    if (!report.evidence) {
        return;
    }
    view.page.row(Text::verbatim("TLS"),
                  say("{} {}", report.evidence->protocol, report.evidence->cipher));
    if (!report.evidence->peer_chain.empty()) {
        put_shown(view, report.evidence->peer_chain.front());
    }
}

bool is_name_in_doubt(const identity::Ladder& ladder) {
    const identity::Step* step = ladder.find(identity::StepName::Identity);
    return step != nullptr && step->state != identity::StepState::Pass;
}

void put_address(View& view, const AddressReport& report) {
    view.page.blank();
    view.page.heading(say("host {} [{}]: {}", escape_peer_text(report.host, 260), report.address,
                          report.is_good() ? say("good") : say("NOT GOOD")));
    view.ladder(report.ladder);
    const bool is_told = !report.ladder.steps.empty() && !report.ladder.is_proven();
    if (report.trouble && !is_told) {
        view.page.row(say("trouble"), Text::verbatim(report.trouble->text));
    }
    put_session(view, report);
    if (view.is_all() || is_name_in_doubt(report.ladder)) {
        put_comparisons(view.page, report.names, view.language);
    }
}

void put_outbound(View& view, const DomainReport& domain, const Outbound& report) {
    view.page.heading(say("mail to {}: {}", domain.domain, outbound_words(report)));
    view.page.row(say("policy"), report.policy);
    view.page.row(say("result"), report.effect);
    if (!report.reply.empty()) {
        view.page.row(say("reason shown"), Text::verbatim(report.reply));
    }
    if (!report.dns.empty()) {
        view.page.row(Text::verbatim("DNS"), report.dns);
    }
    view.ladder(report.none);
    for (const AddressReport& address : report.addresses) {
        put_address(view, address);
    }
    if (report.is_cut) {
        view.page.blank();
        view.page.heading(say("Not every address was tried: at most 10, within 60 seconds."));
    }
}

void put_inbound(View& view, const DomainReport& domain, const Inbound& report) {
    view.page.heading(say("mail from {}: {}", domain.domain, standing_words(report.standing)));
    view.page.row(say("policy"), report.policy);
    view.page.row(say("result"), report.effect);
    if (!report.reply.empty()) {
        view.page.row(say("reply"), say("{} (to MAIL FROM)", report.reply));
    }
    for (const Text& door : report.doors) {
        view.page.row(say("our side"), door);
    }
    if (!report.presumed.empty()) {
        view.page.row(say("client"), report.presumed);
    }
    view.ladder(report.ladder);
    if (view.is_all() || is_name_in_doubt(report.ladder)) {
        put_comparisons(view.page, report.names, view.language);
    }
}

void put_domain(View& view, const DomainReport& domain) {
    const bool inbound_first = !domain.outbound || (domain.outbound->standing == Standing::Good &&
                                                    domain.inbound.standing != Standing::Good);
    if (inbound_first) {
        put_inbound(view, domain, domain.inbound);
    }
    if (domain.outbound) {
        if (inbound_first) {
            view.page.blank();
        }
        put_outbound(view, domain, *domain.outbound);
    }
    if (!inbound_first) {
        view.page.blank();
        put_inbound(view, domain, domain.inbound);
    }
}

void put_left_out(View& view, const std::vector<std::string>& domains) {
    view.page.blank();
    view.page.heading(
        say("Not every domain was looked at: at most 10, within 60 seconds. `valija check DOMAIN` "
            "looks at one alone:"));
    size_t count = 0;
    for (const std::string& domain : domains) {
        if (++count > kMostNames) {
            view.page.more("…");
            return;
        }
        view.page.more(escape_peer_text(domain, 260));
    }
}

}  // namespace

std::string check_text(const CheckReport& report, Show show, Language language) {
    View view{.page = Page(language), .show = show, .language = language};
    for (const DomainReport& domain : report.domains) {
        if (&domain != &report.domains.front()) {
            view.page.blank();
        }
        put_domain(view, domain);
    }
    if (!report.left_out.empty()) {
        put_left_out(view, report.left_out);
    }
    return view.page.take();
}

}  // namespace valija::explain
