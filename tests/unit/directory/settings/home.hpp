// A home directory for one test, removed afterwards.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace valija::test {

class Home {
  public:
    Home() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "valija-home-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "no temporary directory";
        path_ = pattern;
    }

    ~Home() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    Home(const Home&) = delete;
    Home& operator=(const Home&) = delete;

    const std::string& path() const { return path_; }

    void write(const std::string& file, const std::string& text) const {
        const std::filesystem::path full = path_ + "/" + file;
        std::filesystem::create_directories(full.parent_path());
        std::ofstream(full, std::ios::binary) << text;
    }

    std::string read(const std::string& file) const {
        std::ostringstream text;
        text << std::ifstream(path_ + "/" + file, std::ios::binary).rdbuf();
        return text.str();
    }

    bool has(const std::string& file) const { return std::filesystem::exists(path_ + "/" + file); }

  private:
    std::string path_;
};

}  // namespace valija::test
