#include <fmt/format.h>
#include <limits.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "programs/command_table.hpp"

namespace {

// The path of this very program, so that the lab can start it again.
std::string own_path(const char* called) {
    std::string path(PATH_MAX, '\0');
    const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
    if (size <= 0) return called;
    path.resize(static_cast<size_t>(size));
    return path;
}

}  // namespace

int main(int argc, char** argv) {
    namespace programs = valija::programs;
    try {
        return programs::run_command_line(std::vector<std::string>(argv + 1, argv + argc),
                                          own_path(argv[0]));
    } catch (const std::exception& error) {
        fmt::print(stderr, "valija: {}\n", error.what());
        return programs::status::unknown;
    }
}
