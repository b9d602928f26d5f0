// What an answer of libunbound says, as values. Pure: bytes in, values out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/net/resolver.hpp"

namespace valija::net::internal {

inline constexpr int type_a = 1;
inline constexpr int type_mx = 15;
inline constexpr int type_aaaa = 28;
inline constexpr size_t record_limit = 20;

// The answer to one question, copied out of the library's memory.
struct Raw {
    enum class State { Silent, Data, NoName, Failed, Bogus };
    State state = State::Silent;  // until it is answered
    std::vector<std::string> data;
    std::string canonical_name;
    std::string cause;  // of Failed and Bogus
    bool secure = false;
};

// MX RDATA (RFC 1035 3.3.9, names uncompressed): nothing if malformed.
std::optional<MxRecord> parse_mx(std::string_view data);

// A or AAAA RDATA as text.
std::optional<std::string> parse_address(std::string_view data);

// NOERROR, SERVFAIL, …
std::string rcode_text(int rcode);

// The answers to questions about `name`, put together; a Fault if they cannot be known.
Result<Answer<MxRecord>> mx_answer(const std::string& name, const Raw& raw);
Result<Answer<std::string>> address_answer(const std::string& name, const Raw& six,
                                           const Raw& four);

}  // namespace valija::net::internal
