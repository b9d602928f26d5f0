// The version that the program tells; the same as in CMakeLists.txt.
#pragma once

#include <string_view>

namespace valija::programs {

inline constexpr std::string_view version = "0.1.0";

}  // namespace valija::programs
