// Replays a corpus where libFuzzer is not linked: every file of the folder, the empty input, and
// for each file VALIJA_FUZZ_ROUNDS mutations, the same ones in every run.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr unsigned long kRounds = 50;
constexpr unsigned long kMostRounds = 10'000'000;
constexpr size_t kLongest = 1UL << 20U;

std::vector<std::string> read_corpus(const std::string& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::ranges::sort(files);
    std::vector<std::string> inputs;
    for (const auto& path : files) {
        std::ifstream file(path, std::ios::binary);
        inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return inputs;
}

void try_one(const std::string& input) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

class Mutator {
  public:
    std::string mutate(std::string input, const std::vector<std::string>& corpus) {
        for (size_t changes = 1 + below(4); changes > 0; --changes) {
            change(input, corpus);
        }
        input.resize(std::min(input.size(), kLongest));
        return input;
    }

  private:
    size_t below(size_t bound) { return static_cast<size_t>(random_() % bound); }

    void change(std::string& input, const std::vector<std::string>& corpus) {
        static const std::string odd("\0\r\n \t\"\\<>@:.;,-(){}[]=\x7f\x80\xff", 25);
        const size_t at = below(input.size() + 1);
        const size_t length = std::min(below(16) + 1, input.size() - at);
        switch (below(7)) {
            case 0:
                if (at < input.size())
                    input[at] = static_cast<char>(input[at] ^ static_cast<char>(1U << below(8)));
                break;
            case 1:
                if (at < input.size()) input[at] = odd[below(odd.size())];
                break;
            case 2:
                input.insert(at, 1, odd[below(odd.size())]);
                break;
            case 3:
                input.erase(at, length);
                break;
            case 4:
                input.insert(below(input.size() + 1), input.substr(at, length));
                break;
            case 5: {
                const std::string& other = corpus[below(corpus.size())];
                const size_t from = below(other.size() + 1);
                input.insert(at, other.substr(from, below(64) + 1));
                break;
            }
            default:
                input.resize(at);
        }
    }

    std::mt19937_64 random_{20260828};
};

unsigned long rounds() {
    const char* text = std::getenv("VALIJA_FUZZ_ROUNDS");
    return text == nullptr ? kRounds : std::min(std::strtoul(text, nullptr, 10), kMostRounds);
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) {
        std::fprintf(stderr, "usage: %s CORPUS-FOLDER\n", arguments[0]);
        return 64;
    }
    const std::vector<std::string> corpus = read_corpus(arguments[1]);
    if (corpus.empty()) {
        std::fprintf(stderr, "%s: no file in %s\n", arguments[0], arguments[1]);
        return 1;
    }
    try_one({});
    Mutator mutator;
    for (const std::string& input : corpus) {
        try_one(input);
        for (unsigned long round = rounds(); round > 0; --round) {
            try_one(mutator.mutate(input, corpus));
        }
    }
    std::printf("%zu files, %lu mutations of each\n", corpus.size(), rounds());
    return 0;
}
