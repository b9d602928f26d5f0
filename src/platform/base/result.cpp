#include "platform/base/result.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace valija {

std::unexpected<Fault> system_fault(std::string doing, int error) {
    const bool full = error == ENOSPC || error == EDQUOT;
    return fault(full ? FaultKind::Full : FaultKind::System, std::move(doing),
                 std::error_code(error, std::generic_category()).message());
}

void broken_invariant(const char* condition, std::string_view what, const char* file, int line) {
    std::fprintf(stderr, "valija: broken invariant at %s:%d: %.*s (%s)\n", file, line,
                 static_cast<int>(what.size()), what.data(), condition);
    std::abort();
}

}  // namespace valija
