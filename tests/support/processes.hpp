// The processes below this one, as /proc tells them.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace valija::test {

// A line of /proc/PID/status after its name; "" where there is none.
inline std::string process_status(pid_t process, const std::string& name) {
    std::ifstream status("/proc/" + std::to_string(process) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (!line.starts_with(name + ":")) continue;
        const size_t at = line.find_first_not_of(" \t", name.size() + 1);
        return at == std::string::npos ? "" : line.substr(at);
    }
    return {};
}

inline std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        const auto process = static_cast<pid_t>(std::stol(name));
        if (process_status(process, "PPid") == std::to_string(parent)) found.push_back(process);
    }
    return found;
}

}  // namespace valija::test
