// What the hot paths cost. Figures, not tests: compare two builds in one run on one machine.
#include <benchmark/benchmark.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "protocol/mail/header.hpp"
#include "protocol/smtp/content.hpp"
#include "transport/queue/spool.hpp"

namespace valija {
namespace {

// Dot rules and the search for bare CR and LF over 1 MiB of lines.
void read_content(benchmark::State& state) {
    std::string wire;
    while (wire.size() < (1U << 20U)) {
        wire += "a line of an ordinary message, some sixty characters long it is\r\n";
    }
    wire += ".\r\n";
    for (auto _ : state) {
        smtp::ContentReader reader;
        std::string out;
        out.reserve(wire.size());
        benchmark::DoNotOptimize(reader.take(wire, out));
    }
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(wire.size()));
}

BENCHMARK(read_content);

Task<void> commit_one(queue::Spool* spool, const std::string* text, size_t* done) {
    queue::Draft draft = spool->begin();
    const auto appended = draft.append(*text);
    mail::Envelope envelope;
    envelope.recipients.push_back({.address = {.local = "bob", .domain = "contoso.com"}});
    const auto committed =
        co_await spool->commit(spool->new_id(), std::move(draft), std::move(envelope), {});
    *done += appended && committed ? 1 : 0;
}

// Durable 4 KiB messages of 100 sessions at once: what group commit gives.
void commit_durably(benchmark::State& state) {
    std::string name = (std::filesystem::temp_directory_path() / "bench-XXXXXX").string();
    const std::string directory = mkdtemp(name.data());
    {
        auto spool =
            queue::Spool::open({.directory = directory}, observe::Log(observe::make_null_sink()));
        const std::string text(4096, 'x');
        size_t done = 0;
        size_t asked = 0;
        boost::asio::io_context context;
        for (auto _ : state) {
            context.restart();
            for (int i = 0; i < 100; ++i, ++asked) {
                boost::asio::co_spawn(context, commit_one(spool->get(), &text, &done),
                                      boost::asio::detached);
            }
            context.run();
        }
        if (done != asked) {
            state.SkipWithError("a commit failed");
        }
        state.SetItemsProcessed(static_cast<int64_t>(done));
    }
    std::filesystem::remove_all(directory);
}

BENCHMARK(commit_durably)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace valija
