// A partner with its CA and revocation list, and a peer that shows a certificate of it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "support/certificates.hpp"
#include "trust/identity/judge.hpp"

namespace valija::identity::test {

using namespace std::chrono_literals;
using valija::test::kDay;
using valija::test::kNow;

inline const std::string kUrl = "http://crl.example/woodgrove.crl";

struct World {
    authority::Authority ca = valija::test::new_authority();
    authority::LeafRequest request{.common_name = "mail.woodgrovebank.com",
                                   .dns_names = {"mail.woodgrovebank.com"},
                                   .not_before = kNow - 1h,
                                   .not_after = kNow + kDay * 30,
                                   .crl_urls = {kUrl}};
    Rule rule{.partner = "woodgrovebank",
              .domain = "woodgrovebank.com",
              .names = {},
              .anchors = valija::test::anchors_of({ca.root()})};
    x509::Evidence evidence{.protocol = "TLSv1.3",
                            .cipher = "TLS_AES_256_GCM_SHA384",
                            .server_name = {},
                            .peer_chain = {},
                            .own_chain = {}};
    Reached reached;
    OwnStatus own;
    std::map<std::string, std::shared_ptr<const revocation::CrlIndex>> lists;
    Time now = kNow;

    World() {
        show(ca.issue(request)->certificate);
        evidence.own_chain = {valija::test::make_certificate({}).certificate};
        know(kUrl, ca);
    }

    void show(const x509::Certificate& leaf) { evidence.peer_chain = {leaf}; }

    // A certificate of the partner's CA with this change to the request.
    template <class Change>
    void show_with(Change change) {
        change(request);
        show(ca.issue(request)->certificate);
    }

    void know(const std::string& url, authority::Authority& issuer, Time from = kNow - 1h,
              Time until = kNow + kDay) {
        auto list = revocation::CrlIndex::load(issuer.crl(from, until).value(), issuer.root());
        ASSERT_TRUE(list) << list.error().text();
        lists[url] = std::make_shared<const revocation::CrlIndex>(std::move(*list));
    }

    void know_list(const std::string& url, const std::string& der,
                   const x509::Certificate& issuer) {
        auto list = revocation::CrlIndex::load(der, issuer);
        ASSERT_TRUE(list) << list.error().text();
        lists[url] = std::make_shared<const revocation::CrlIndex>(std::move(*list));
    }

    Ladder judged(Direction direction = Direction::Inbound) const {
        return judge(rule, evidence, reached, direction, revocation::Book(lists), now, {}, own);
    }

    // "chain fail UntrustedRoot", or "proven".
    std::string finding(Direction direction = Direction::Inbound) const {
        const Ladder ladder = judged(direction);
        if (ladder.is_proven()) return "proven";
        const Step* failure = ladder.first_failure();
        if (failure == nullptr) return "not proven, and nothing says why";
        return std::string(step_text(failure->name)) + " " +
               std::string(state_text(failure->state)) + " " +
               std::string(reason_text(failure->reason));
    }

    std::string state_of(StepName name, Direction direction = Direction::Inbound) const {
        const Ladder ladder = judged(direction);
        const Step* step = ladder.find(name);
        return step == nullptr ? "absent" : std::string(state_text(step->state));
    }

    std::string evidence_of(StepName name, Direction direction = Direction::Inbound) const {
        const Ladder ladder = judged(direction);
        const Step* step = ladder.find(name);
        return step == nullptr ? "absent" : step->evidence.english();
    }
};

}  // namespace valija::identity::test
