#include "transport/queue/content.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

namespace valija::queue {
namespace {

constexpr size_t kChunk = 64UL << 10U;
constexpr const char* kPartSuffix = ".part";

}  // namespace

// --- Draft

Draft::Draft(std::unique_ptr<State> state) : state_(std::move(state)) {}

Draft::~Draft() = default;
Draft::Draft(Draft&&) noexcept = default;
Draft& Draft::operator=(Draft&&) noexcept = default;

uint64_t Draft::size() const { return state_->size; }

Result<void> Draft::State::spill() {
    static std::atomic<uint64_t> serial{0};
    std::string path = directory + "/" + std::to_string(serial++) + "-" +
                       std::to_string(to_millis(SystemClock().now())) + kPartSuffix;
    auto created = BodyFile::create(path);
    if (!created) {
        return std::unexpected(created.error());
    }
    part = std::move(path);
    file.emplace(std::move(*created));
    auto written = file->append(memory);
    memory = {};
    return written;
}

Result<void> Draft::State::take(std::string_view bytes) {
    size += bytes.size();
    checksum.add(bytes);
    if (!file && memory.size() + bytes.size() > memory_bound) {
        if (auto spilled = spill(); !spilled) {
            return spilled;
        }
    }
    if (file) {
        return file->append(bytes);
    }
    memory.append(bytes);
    return {};
}

Result<void> Draft::append(std::string_view bytes) {
    if (state_->failure) {
        return std::unexpected(*state_->failure);
    }
    auto taken = state_->take(bytes);
    if (!taken) {
        state_->failure = taken.error();
    }
    return taken;
}

// --- Body

Body::Body(std::unique_ptr<State> state) : state_(std::move(state)) {}

Body::~Body() = default;
Body::Body(Body&&) noexcept = default;

uint64_t Body::size() const { return state_->size; }

Result<std::string_view> Body::State::read_chunk() {
    if (bytes) {
        const size_t from = std::min(static_cast<size_t>(given), bytes->size());
        return std::string_view(*bytes).substr(from, kChunk);
    }
    chunk.resize(kChunk);
    const auto got = file->read(chunk.data(), chunk.size());
    if (!got) {
        return std::unexpected(got.error());
    }
    return std::string_view(chunk).substr(0, *got);
}

Result<std::string_view> Body::next() {
    State& state = *state_;
    const auto chunk = state.read_chunk();
    if (!chunk) {
        return chunk;
    }
    state.given += chunk->size();
    state.checksum.add(*chunk);
    const bool ended = chunk->empty();
    if (state.given > state.size ||
        (ended && (state.given != state.size || state.checksum.value() != state.expected))) {
        if (const auto set_aside = std::exchange(state.set_aside, nullptr)) {
            set_aside();
        }
        return fault(FaultKind::Input, "reading a queued message", kDamagedContent);
    }
    return chunk;
}

}  // namespace valija::queue
