// The header section of a message: reading it, and the trace and verdict lines that we put on top.
//
// Promise: bytes that are not removed stay as they are. Parsing follows RFC 5322 with its obsolete
// forms (blanks before the colon, folding) wherever being stricter would let a forged field pass.
// Not here: MIME. Fields that are not syntactically fields end up as `name` empty and are kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/time.hpp"
#include "protocol/mail/address.hpp"

namespace valija::mail {

struct HeaderField {
    std::string_view name;   // without colon and trailing blanks, as written
    std::string_view value;  // after the colon, folded lines included, without the last CRLF
    std::string_view raw;    // the whole field with its CRLF
};

// `header` is the section up to and including the CRLF of its last field (not the empty line).
std::vector<HeaderField> split_header(std::string_view header);

// How many Received fields there are (RFC 5321 6.3).
size_t count_received(std::string_view header);

// The domains of all addresses of all From fields, lower case, in order, with repetitions removed.
// Empty where there is no From field; nullopt where one cannot be read, or names more than 100
// addresses: never "aligned", and never to be taken for harmless.
std::optional<std::vector<std::string>> from_domains(std::string_view header);

// "<…>" of the first Message-ID field: printable ASCII, 250 characters at most. Else empty.
std::string message_id(std::string_view header);

// Removes what only we may say: every Authentication-Results field whose authserv-id is one of ours
// (comments, quoting, folding and a version after the id are seen through; no distinction of
// case), and every field named X-Valija-*. RFC 8601 section 5.
std::string without_our_marks(std::string_view header,
                              const std::vector<std::string>& authserv_ids);

enum class Verdict { Pass, Policy, Fail, None };
std::string_view verdict_text(Verdict verdict);  // "pass", "policy", "fail", "none"

// `Authentication-Results: <fqdn>; x-domain-secured=pass (<words>) policy.partner=… …` CRLF.
// Empty properties are left out. Words and values are reduced to what the syntax allows.
struct AuthenticationResults {
    std::string fqdn;
    Verdict verdict = Verdict::None;
    std::string words;
    std::string partner;
    std::string mail_from;
    std::string header_from;
};

std::string authentication_results(const AuthenticationResults& results);

// The trace field, folded, with CRLF (RFC 5321 4.4, RFC 3848: ESMTP, ESMTPS, SMTP).
struct Received {
    std::string helo;
    std::string client_address;  // as text, IPv6 without prefix
    std::string fqdn;
    std::string queue_id;
    std::string protocol;       // "ESMTPS"
    std::string tls;            // "TLSv1.3 cipher TLS_AES_256_GCM_SHA384", empty without TLS
    std::string for_recipient;  // only where there is exactly one
    Time time;
};

std::string received(const Received& received);

}  // namespace valija::mail
