// What one judgement costs: by the number of names in the certificate and of entries in the list;
// beside it the path alone (with OpenSSL's signature checks), so that the rest can be told.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "bench/lists.hpp"
#include "trust/identity/judge.hpp"
#include "trust/x509/native.hpp"

namespace valija {
namespace {

using namespace std::chrono_literals;
using identity::Direction;
using identity::Profile;

const std::string kUrl = "http://crl.example/a.crl";

struct Case {
    Time now = SystemClock().now();
    authority::Authority ca =
        authority::Authority::create("Bench Root", now - 1h, now + 24h * 365).value();
    identity::Rule rule;
    x509::Evidence evidence;
    revocation::Book book;

    Case(size_t names, size_t entries) {
        authority::LeafRequest request{.common_name = "host.other.example",
                                       .not_before = now - 1h,
                                       .not_after = now + 24h * 30,
                                       .crl_urls = {kUrl}};
        for (size_t i = 1; i < names; ++i) {
            request.dns_names.push_back(fmt::format("host{}.other.example", i));
        }
        request.dns_names.emplace_back("woodgrovebank.com");  // the last one matches
        evidence.protocol = "TLSv1.3";
        evidence.peer_chain = {ca.issue(request)->certificate};
        rule.partner = "woodgrovebank";
        rule.domain = "woodgrovebank.com";
        rule.anchors = x509::Anchors::from_certificates({ca.root()}).value();
        auto list = revocation::CrlIndex::load(bench::list_of(ca, entries, now), ca.root());
        book = revocation::Book(
            {{kUrl, std::make_shared<const revocation::CrlIndex>(std::move(list.value()))}});
    }

    bool is_proven() const {
        return identity::judge(rule, evidence, {}, Direction::Inbound, book, now).is_proven();
    }
};

// Arguments: DNS names in the certificate, entries in the revocation list.
void judge(benchmark::State& state) {
    const Case c(static_cast<size_t>(state.range(0)), static_cast<size_t>(state.range(1)));
    for (auto _ : state) {
        if (!c.is_proven()) {
            state.SkipWithError("the path is not proven");
        }
    }
}

BENCHMARK(judge)
    ->ArgNames({"names", "entries"})
    ->ArgsProduct({{1, 10, 100}, {1, 10'000, 1'000'000}})
    ->Unit(benchmark::kMicrosecond);

// The path of the same judgement alone, by the number of DNS names.
void find_path_alone(benchmark::State& state) {
    const Case c(static_cast<size_t>(state.range(0)), 1);
    for (auto _ : state) {
        benchmark::DoNotOptimize(c.rule.anchors.find_path(
            c.evidence.peer_chain, {.at = c.now, .purpose = x509::Purpose::Client}));
    }
}

BENCHMARK(find_path_alone)
    ->ArgName("names")
    ->Arg(1)
    ->Arg(10)
    ->Arg(100)
    ->Unit(benchmark::kMicrosecond);

// OpenSSL's check of the one signature of that path.
void signature_alone(benchmark::State& state) {
    const Case c(static_cast<size_t>(state.range(0)), 1);
    for (auto _ : state) {
        benchmark::DoNotOptimize(X509_verify(c.evidence.peer_chain.front().native(),
                                             X509_get0_pubkey(c.ca.root().native())));
    }
}

BENCHMARK(signature_alone)->ArgName("names")->Arg(1)->Arg(100)->Unit(benchmark::kMicrosecond);

// A key instead of a chain: no signature is checked at all.
void judge_a_pin(benchmark::State& state) {
    Case c(1, 1);
    c.rule.profile = Profile::Pinned;
    c.rule.anchors = {};
    c.rule.pins = {c.evidence.peer_chain.front()->spki_sha256};
    for (auto _ : state) {
        if (!c.is_proven()) {
            state.SkipWithError("the path is not proven");
        }
    }
}

BENCHMARK(judge_a_pin)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace valija
