// What an answer of libunbound says, as values. Pure: bytes in, values out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/net/resolver.hpp"

namespace valija::net::internal {

inline constexpr int type_a = 1;
inline constexpr int type_cname = 5;
inline constexpr int type_ptr = 12;
inline constexpr int type_mx = 15;
inline constexpr int type_tlsa = 52;
inline constexpr int type_aaaa = 28;
inline constexpr size_t record_limit = 20;
inline constexpr size_t ptr_limit = 5;
inline constexpr size_t tlsa_limit = 100;

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

// PTR RDATA: nothing if malformed.
std::optional<std::string> parse_ptr(std::string_view data);

// TLSA RDATA (RFC 6698 2.1): nothing if malformed.
std::optional<TlsaRecord> parse_tlsa(std::string_view data);

// "4.3.2.1.in-addr.arpa" or "….ip6.arpa"; nothing if `address` is none.
std::optional<std::string> reverse_name(const std::string& address);

// As make_address writes it; nothing if `address` is none.
std::optional<std::string> canonical_address(const std::string& address);

// A or AAAA RDATA as text.
std::optional<std::string> parse_address(std::string_view data);

// NOERROR, SERVFAIL, …
std::string rcode_text(int rcode);

// The answers to questions about `name`, put together; a Fault if they cannot be known.
Result<Answer<MxRecord>> mx_answer(const std::string& name, const Raw& raw);
Result<Answer<PtrName>> ptr_answer(const std::string& address, const Raw& raw);
TlsaAnswer tlsa_answer(const std::string& base_domain, const Raw& raw);
Result<Answer<std::string>> address_answer(const std::string& name, const Raw& six,
                                           const Raw& four);

}  // namespace valija::net::internal
