#include "programs/lab/letter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "platform/base/text.hpp"
#include "platform/base/time.hpp"
#include "platform/store/file.hpp"
#include "protocol/mail/header.hpp"

namespace valija::lab {
namespace {

using namespace std::chrono_literals;

constexpr Duration kSessionDeadline = 60s;
constexpr Duration kMailboxDeadline = 20s;

std::string new_message_id() {
    std::random_device source;
    return fmt::format("<{:08x}{:08x}@lab.example>", source(), source());
}

std::string text_of(const Letter& letter) {
    return fmt::format(
        "From: {0}\nTo: {1}\nSubject: {2}\nDate: {3}\nMessage-ID: {4}\n{5}\n"
        "This is a letter of the lab.\n",
        letter.sender, letter.recipient, letter.subject, mail_time(SystemClock().now()),
        letter.message_id, letter.header);
}

// swaks marks: "<-  " and "<~  " for a reply, "<** " and "<~* " for one it did not want, " -> " and
// " ~> " for a command; ~ is inside TLS.
bool is_reply(std::string_view line) { return line.starts_with('<'); }

bool is_command(std::string_view line) {
    return line.starts_with(" -> ") || line.starts_with(" ~> ");
}

std::string_view said(std::string_view line) { return line.size() > 4 ? line.substr(4) : ""; }

// `curl` with the mailbox's account; what it printed.
Result<std::string> ask_imap(const Organisation& of, const std::string& path,
                             const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"curl",
                                       "--silent",
                                       "--show-error",
                                       "--max-time",
                                       "15",
                                       "--user",
                                       of.mailbox + ":" + World::kPassword,
                                       fmt::format("imap://{}/INBOX{}", of.imap.text(), path)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    auto done = run(arguments, kMailboxDeadline);
    if (!done) return std::unexpected(done.error());
    if (done->exit_status != 0) {
        return fault(FaultKind::Network, "reading the mailbox of " + of.mailbox, done->err);
    }
    return std::move(done->out);
}

}  // namespace

std::string Session::reply_to(std::string_view command) const {
    const auto lines_of_it = exchange(command);
    return lines_of_it.size() < 2 ? std::string() : std::string(said(lines_of_it.back()));
}

std::vector<std::string> Session::exchange(std::string_view command) const {
    auto at = std::ranges::find_if(lines, [&](const std::string& line) {
        return is_command(line) && (command == kEndOfData ? said(line).ends_with(" lines sent")
                                                          : said(line).starts_with(command));
    });
    std::vector<std::string> found;
    if (at == lines.end()) return found;
    found.push_back(*at);
    for (++at; at != lines.end() && is_reply(*at); ++at) found.push_back(*at);
    return found;
}

std::string Session::queue_id() const {
    constexpr std::string_view kBefore = "[InternalId=";
    const std::string reply = reply_to(kEndOfData);
    const size_t at = reply.find(kBefore);
    if (at == std::string::npos) return {};
    const size_t from = at + kBefore.size();
    return reply.substr(from, reply.find(']', from) - from);
}

Result<Session> send(World& world, const Client& client, Letter& letter) {
    letter.message_id = new_message_id();
    const std::string file = world.root() + "/letter";
    if (auto written = store::write_file(file, text_of(letter)); !written) {
        return std::unexpected(written.error());
    }
    std::vector<std::string> arguments{"swaks",
                                       "--server",
                                       client.server,
                                       "--port",
                                       std::to_string(world.smtp_port()),
                                       "--local-interface",
                                       client.source,
                                       "--ehlo",
                                       client.helo,
                                       "--from",
                                       letter.sender,
                                       "--to",
                                       letter.recipient,
                                       "--data",
                                       "@" + file,
                                       "--suppress-data"};
    if (client.tls == Tls::Yes) arguments.emplace_back("--tls");
    if (client.certificate) {
        arguments.insert(arguments.end(), {"--tls-cert", client.certificate->certificate,
                                           "--tls-key", client.certificate->key});
    }
    auto done = run(arguments, kSessionDeadline);
    if (!done) return std::unexpected(done.error());
    Session session;
    for (const std::string_view line : split(done->out, '\n')) {
        if (!line.empty()) session.lines.emplace_back(line);
    }
    if (session.lines.size() < 2) {
        return fault(FaultKind::System, "sending with swaks", done->out + done->err);
    }
    return session;
}

Result<std::optional<std::string>> find_in_mailbox(const Organisation& of, const Letter& letter) {
    const auto found = ask_imap(
        of, "", {"--request", fmt::format("SEARCH HEADER Message-ID \"{}\"", letter.message_id)});
    if (!found) return std::unexpected(found.error());
    const size_t blank = trim(*found).rfind(' ');
    const std::string number(
        trim(trim(*found).substr(blank == std::string_view::npos ? 0 : blank)));
    if (number.empty() ||
        !std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; })) {
        return std::nullopt;  // "* SEARCH" and no number
    }
    auto message = ask_imap(of, ";MAILINDEX=" + number, {});
    if (!message) return std::unexpected(message.error());
    return std::move(*message);
}

std::vector<std::string> header_fields(std::string_view message, std::string_view name) {
    const size_t end = message.find("\r\n\r\n");
    std::vector<std::string> found;
    for (const auto& field : mail::split_header(message.substr(0, end + 2))) {
        if (!equal_ignoring_case(field.name, name)) continue;
        std::string line(field.name);
        line += ':';
        bool is_blank = false;
        for (const char c : field.value) {
            const bool blank = c == '\r' || c == '\n' || c == '\t' || c == ' ';
            if (!blank && is_blank) line += ' ';
            if (!blank) line += c;
            is_blank = blank;
        }
        found.push_back(std::move(line));
    }
    return found;
}

}  // namespace valija::lab
