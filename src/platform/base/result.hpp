// What our own failures look like.
//
// Promise: a function that can fail for reasons of ours (disk, network, library) returns
// Result<T>; a refusal by a peer or a policy is never a Fault but a value of its domain.
// `kind` decides behaviour, `doing` is a phrase ("writing the envelope"), `cause` the system's
// or library's word for it.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace valija {

enum class FaultKind {
    Input,    // what we were given is malformed
    System,   // the environment failed: disk, descriptor, library
    Full,     // the same, for lack of space on a disk
    Network,  // a peer or a name could not be reached, or the connection ended
    Timeout,  // a deadline passed
    Forged,   // an answer came, and its proof (DNSSEC) says that it is not the owner's
    Stopped,  // we are shutting down
};

struct Fault {
    FaultKind kind = FaultKind::System;
    std::string doing;
    std::string cause;

    // "writing the envelope: No space left on device"
    std::string text() const { return cause.empty() ? doing : doing + ": " + cause; }
};

template <class T>
using Result = std::expected<T, Fault>;

inline std::unexpected<Fault> fault(FaultKind kind, std::string doing, std::string cause = {}) {
    return std::unexpected(Fault{kind, std::move(doing), std::move(cause)});
}

// The same with errno's text as the cause.
std::unexpected<Fault> system_fault(std::string doing, int error);

// A broken invariant stops the process: always on, in every build.
[[noreturn]] void broken_invariant(const char* condition, std::string_view what, const char* file,
                                   int line);

}  // namespace valija

#define VALIJA_ENSURE(condition, what)                                          \
    do {                                                                        \
        if (!(condition)) [[unlikely]]                                          \
            ::valija::broken_invariant(#condition, (what), __FILE__, __LINE__); \
    } while (false)
