// Letters of the lab's people: written here, sent by swaks (a real client), read over IMAP by curl.
//
// Promise: bounded in time. Failure: Fault where a program could not do its work; what a server
// says is an answer, never a Fault. Thread: main.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "programs/lab/world.hpp"

namespace valija::lab {

struct Letter {
    std::string sender;  // of the envelope
    std::string recipient;
    std::string subject;
    std::string header = {};      // further lines, each with \n
    std::string message_id = {};  // given by send()
};

enum class Tls { No, Yes };

struct Client {
    std::string source;  // address we come from
    std::string server;  // address we go to
    std::string helo;
    Tls tls = Tls::No;
    std::optional<ClientCertificate> certificate = {};
};

// Commands of a session, by how they begin; the last stands for the content, which is not printed.
inline constexpr std::string_view kMailFrom = "MAIL FROM";
inline constexpr std::string_view kEndOfData = ".";

// A session as swaks printed it.
struct Session {
    std::vector<std::string> lines;

    // The last line of the reply to the first command that begins like this, as "454 4.7.5 …"; ""
    // if there is none.
    std::string reply_to(std::string_view command) const;
    // The command that begins like this and its reply, for people to read.
    std::vector<std::string> exchange(std::string_view command) const;
    // The id in "250 2.6.0 <…> [InternalId=id] Queued mail for delivery"; "".
    std::string queue_id() const;
};

Result<Session> send(World& world, const Client& client, Letter& letter);

// The message in the organisation's mailbox, or nothing.
Result<std::optional<std::string>> find_in_mailbox(const Organisation& of, const Letter& letter);

// All header fields of a message with this name, each unfolded to one line.
std::vector<std::string> header_fields(std::string_view message, std::string_view name);

}  // namespace valija::lab
