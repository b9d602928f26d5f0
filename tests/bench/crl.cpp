// What a revocation list costs: to load (off the loops), to keep, and to ask.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include "bench/lists.hpp"
#include "trust/revocation/book.hpp"

namespace valija {
namespace {

using namespace std::chrono_literals;
using revocation::CrlIndex;

const std::string kUrl = "http://crl.example/a.crl";

struct Published {
    Time now = SystemClock().now();
    authority::Authority ca =
        authority::Authority::create("Bench Root", now - 1h, now + 24h * 365).value();
    std::string der;

    explicit Published(size_t entries) : der(bench::list_of(ca, entries, now)) {}
};

size_t allocated() {
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

// Parsing, signature and sorting; `kept`: bytes of memory that the list needs from then on.
void crl_load(benchmark::State& state) {
    const Published list(static_cast<size_t>(state.range(0)));
    size_t kept = 0;
    for (auto _ : state) {
        const size_t before = allocated();
        const auto index = CrlIndex::load(list.der, list.ca.root());
        kept = allocated() - before;
        if (!index) {
            state.SkipWithError("the list is refused");
        }
    }
    state.counters["kept"] = static_cast<double>(kept);
    state.counters["published"] = static_cast<double>(list.der.size());
}

BENCHMARK(crl_load)->ArgName("entries")->Arg(1)->Arg(10'000)->Arg(1'000'000)->Unit(
    benchmark::kMillisecond);

void crl_look_up(benchmark::State& state) {
    Published list(static_cast<size_t>(state.range(0)));
    const auto leaf = list.ca
                          .issue({.common_name = "a.example",
                                  .not_before = list.now - 1h,
                                  .not_after = list.now + 24h,
                                  .crl_urls = {kUrl}})
                          ->certificate;
    const revocation::Book book({{kUrl, std::make_shared<const CrlIndex>(
                                            CrlIndex::load(list.der, list.ca.root()).value())}});
    for (auto _ : state) {
        const auto status = book.look_up(leaf, list.ca.root(), list.now, 0ms);
        if (status.state != revocation::State::Good) {
            state.SkipWithError("the certificate is not good");
        }
    }
}

BENCHMARK(crl_look_up)
    ->ArgName("entries")
    ->Arg(1)
    ->Arg(10'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace valija
