// What a fuzz target says about its results: always on, and loud.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "platform/base/result.hpp"
#include "platform/base/text.hpp"

namespace valija::fuzz {

inline std::string_view text_of(const uint8_t* data, size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

// Lines without their CRLF or LF.
inline std::vector<std::string_view> lines_of(std::string_view text) {
    auto lines = split(text, '\n');
    for (std::string_view& line : lines) {
        if (line.ends_with('\r')) line.remove_suffix(1);
    }
    return lines;
}

}  // namespace valija::fuzz

#define CHECK_THAT(condition) VALIJA_ENSURE(condition, "a fuzz target's invariant")

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
