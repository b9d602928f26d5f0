// Arguments of MAIL and RCPT: the path, and the ESMTP parameters after it. Private to this folder.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/smtp/reply.hpp"

namespace valija::smtp {

struct Path {
    std::string address;    // without brackets and source route; empty: <>
    std::string_view rest;  // parameters
};

// "FROM:<a@b> SIZE=1": `keyword` is "FROM:" or "TO:". Blanks after the colon are let pass, as most
// servers do; the brackets are not optional.
std::optional<Path> take_path(std::string_view arguments, std::string_view keyword);

struct MailParameters {
    uint64_t size = 0;
    bool eight_bit = false;
};

// The error is the reply: 501 for a bad value, 555 for an unknown parameter.
std::expected<MailParameters, Reply> read_mail_parameters(std::string_view text, bool extended);

}  // namespace valija::smtp
