// The queue under SIGKILL: a child works on a spool and says what was promised; the parent kills it
// after a line chosen by chance, opens the spool, and looks whether each promise was kept.
// VALIJA_CRASH_ROUNDS is the number of kills, VALIJA_CRASH_SEED the chance.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "crash/ledger.hpp"
#include "support/temporary_directory.hpp"

namespace {

using valija::crash::Ledger;

unsigned long number_of(const char* variable, unsigned long otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoul(text, nullptr, 10);
}

struct Child {
    pid_t process = 0;
    FILE* output = nullptr;
};

Child start(const char* self, const std::string& directory, unsigned long seed) {
    int ends[2];
    if (pipe(ends) != 0) std::abort();
    const pid_t process = fork();
    if (process == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl(self, self, "child", directory.c_str(), std::to_string(seed).c_str(), nullptr);
        std::_Exit(127);
    }
    close(ends[1]);
    return {.process = process, .output = fdopen(ends[0], "r")};
}

// Kills after the line of this number; what the child still said before it died counts as well.
// False: the child ended by itself.
bool kill_after(const Child& child, unsigned long lines, Ledger& ledger) {
    char line[512];
    unsigned long seen = 0;
    while (std::fgets(line, sizeof line, child.output) != nullptr) {
        std::string_view words = line;
        if (words.ends_with('\n')) words.remove_suffix(1);
        if (words.starts_with("fault")) std::printf("child: %s", line);
        ledger.note(words);
        if (++seen == lines) kill(child.process, SIGKILL);
    }
    std::fclose(child.output);
    int status = 0;
    waitpid(child.process, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

int run_rounds(const char* self) {
    const valija::test::TemporaryDirectory directory;
    const unsigned long seed = number_of("VALIJA_CRASH_SEED", 1);
    const unsigned long rounds = number_of("VALIJA_CRASH_ROUNDS", 15);
    std::mt19937_64 random(seed);
    Ledger ledger;
    for (unsigned long round = 1; round <= rounds; ++round) {
        const unsigned long lines = 1 + random() % 150;
        const Child child = start(self, directory.path(), seed * 1'000'003 + round);
        const bool killed = kill_after(child, lines, ledger);
        const auto broken = ledger.check(directory.path());
        for (const std::string& line : broken) std::printf("%s\n", line.c_str());
        if (!killed || !broken.empty()) {
            std::printf("round %lu (killed after %lu lines, seed %lu): %s\n", round, lines, seed,
                        killed ? "a promise was broken" : "the child ended by itself");
            return 1;
        }
    }
    std::printf("%lu kills, %zu messages accepted, every promise kept\n", rounds,
                ledger.accepted());
    return rounds == 0 || ledger.accepted() == 0 ? 1 : 0;
}

}  // namespace

int main(int count, char** arguments) {
    if (count == 4 && std::string_view(arguments[1]) == "child") {
        return valija::crash::work_until_killed(arguments[2],
                                                std::strtoull(arguments[3], nullptr, 10));
    }
    return run_rounds("/proc/self/exe");
}
