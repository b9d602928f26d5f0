#include "protocol/smtp/server_dialog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "platform/base/text.hpp"
#include "protocol/smtp/parameters.hpp"

namespace valija::smtp {
namespace {

// Commands that bring no mail, without a message between them.
constexpr int kMostJunk = 100;

// How long a name in HELO or EHLO may be; longer ones are no names.
constexpr size_t kLongestName = 255;

// Names as real clients send them: host names, literals, underscores; nothing that could forge
// a trace line.
bool is_client_name(std::string_view text) {
    return !text.empty() && text.size() <= kLongestName && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view(".-_:[]").find(c) != std::string_view::npos;
    });
}

bool has_control(std::string_view line) {
    return std::ranges::any_of(line, [](char c) {
        return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
    });
}

Reply syntax_error(std::string text) { return reply(501, "5.5.4", std::move(text)); }

}  // namespace

// Who may say it, when, and what it does: one row a verb.
struct ServerDialog::Rule {
    std::string_view verb;
    unsigned states;       // bits of State in which it is allowed
    bool takes_arguments;  // false: any argument is a syntax error
    bool brings_mail;      // false: junk, if there is much of it
    ServerStep (ServerDialog::*perform)(std::string_view arguments);
    std::string_view out_of_order;  // the reply's text in a wrong state
};

std::span<const ServerDialog::Rule> ServerDialog::rules() {
    constexpr unsigned any = 0xF;
    constexpr auto in = [](State state) { return 1U << static_cast<unsigned>(state); };
    using D = ServerDialog;
    static constexpr Rule table[] = {
        {"EHLO", any, true, false, &D::on_ehlo, {}},
        {"HELO", any, true, false, &D::on_helo, {}},
        {"STARTTLS", in(State::Ready), false, true, &D::on_starttls, "STARTTLS not possible now"},
        {"MAIL", in(State::Ready), true, true, &D::on_mail, "Nested or early MAIL command"},
        {"RCPT", in(State::Mail) | in(State::Recipients), true, true, &D::on_rcpt,
         "Need MAIL first"},
        {"DATA", in(State::Recipients), false, true, &D::on_data, "Need a valid recipient first"},
        {"RSET", any, false, false, &D::on_rset, {}},
        {"NOOP", any, true, false, &D::on_noop, {}},
        {"QUIT", any, false, true, &D::on_quit, {}},
        {"HELP", any, true, false, &D::on_help, {}},
        {"VRFY", any, true, false, &D::on_vrfy, {}},
    };
    return table;
}

const ServerDialog::Rule* ServerDialog::find_rule(std::string_view verb) {
    const auto all = rules();
    const auto found = std::ranges::find_if(
        all, [&](const Rule& rule) { return equal_ignoring_case(rule.verb, verb); });
    return found == all.end() ? nullptr : &*found;
}

ServerDialog::ServerDialog(ServerOptions options) : options_(std::move(options)) {}

Reply ServerDialog::greeting() const {
    return reply(220, "",
                 options_.banner.empty() ? options_.fqdn + " ESMTP Valija ready" : options_.banner);
}

ServerStep ServerDialog::hear(std::string_view line) {
    if (errors_ > options_.max_errors || junk_ > kMostJunk) {
        return Close{reply(421, "4.7.0", "Too many errors, closing connection")};
    }
    if (has_control(line)) {
        return refuse(reply(500, "5.5.2", "Control characters in a command"));
    }
    const size_t blank = line.find_first_of(" \t");
    const std::string_view verb = line.substr(0, blank);
    const std::string_view arguments =
        blank == std::string_view::npos ? std::string_view() : trim(line.substr(blank));
    const Rule* rule = find_rule(verb);
    if (rule == nullptr) {
        return refuse(reply(500, "5.5.2", "Unrecognized command"));
    }
    if ((rule->states & (1U << static_cast<unsigned>(state_))) == 0) {
        const bool greeted = state_ != State::Start;
        return refuse(reply(503, "5.5.1",
                            greeted ? std::string(rule->out_of_order) : "Send EHLO or HELO first"));
    }
    junk_ += rule->brings_mail ? 0 : 1;
    if (!rule->takes_arguments && !arguments.empty()) {
        return refuse(syntax_error(fmt::format("{} takes no argument", rule->verb)));
    }
    return (this->*rule->perform)(arguments);
}

ServerStep ServerDialog::too_long() { return refuse(reply(500, "5.5.2", "Line too long")); }

ServerStep ServerDialog::refuse(Reply negative) {
    if (++errors_ > options_.max_errors) {
        return Close{reply(421, "4.7.0", "Too many errors, closing connection")};
    }
    return SendReply{std::move(negative)};
}

// The one way in which a transaction ends.
void ServerDialog::reset_transaction() {
    envelope_ = {};
    pending_ = {};
    if (state_ != State::Start) {
        state_ = State::Ready;
    }
}

ServerStep ServerDialog::on_ehlo(std::string_view arguments) {
    if (!is_client_name(arguments)) {
        return refuse(reply(501, "5.5.4", "Invalid domain name"));
    }
    state_ = State::Ready;
    reset_transaction();
    helo_ = arguments;
    extended_ = true;
    Reply hello{.code = 250, .enhanced = {}, .lines = {}};
    hello.lines = {fmt::format("{} Hello [{}]", options_.fqdn, options_.client_address),
                   fmt::format("SIZE {}", options_.max_size), "PIPELINING", "ENHANCEDSTATUSCODES"};
    if (options_.offer_starttls && !tls_) {
        hello.lines.emplace_back("STARTTLS");
    }
    hello.lines.emplace_back("8BITMIME");
    return SendReply{std::move(hello)};
}

ServerStep ServerDialog::on_helo(std::string_view arguments) {
    if (!is_client_name(arguments)) {
        return refuse(reply(501, "5.5.4", "Invalid domain name"));
    }
    state_ = State::Ready;
    reset_transaction();
    helo_ = arguments;
    extended_ = false;
    return SendReply{
        reply(250, "", fmt::format("{} Hello [{}]", options_.fqdn, options_.client_address))};
}

ServerStep ServerDialog::on_starttls(std::string_view /*arguments*/) {
    if (tls_) {
        return refuse(reply(503, "5.5.1", "TLS is active already"));
    }
    if (!options_.offer_starttls) {
        return refuse(reply(502, "5.5.1", "STARTTLS is not offered"));
    }
    return StartTls{reply(220, "2.0.0", "SMTP server ready")};
}

ServerStep ServerDialog::on_mail(std::string_view arguments) {
    const auto path = take_path(arguments, "FROM:");
    if (!path) {
        return refuse(reply(501, "5.5.4", "Syntax: MAIL FROM:<address>"));
    }
    AskSender question;
    if (!path->address.empty()) {
        question.sender = mail::parse_address(path->address);
        if (!question.sender) {
            return refuse(reply(501, "5.1.7", "Invalid address"));
        }
    }
    const auto parameters = read_mail_parameters(path->rest, extended_);
    if (!parameters) {
        return refuse(parameters.error());
    }
    if (parameters->size > options_.max_size) {
        return refuse(reply(552, "5.3.4", "Message size exceeds fixed limit"));
    }
    question.declared_size = parameters->size;
    envelope_ = {.sender = question.sender, .recipients = {}, .eight_bit = parameters->eight_bit};
    pending_ = question;
    return question;
}

ServerStep ServerDialog::on_rcpt(std::string_view arguments) {
    const auto path = take_path(arguments, "TO:");
    if (!path || path->address.empty()) {
        return refuse(reply(501, "5.5.4", "Syntax: RCPT TO:<address>"));
    }
    AskRecipient question;
    if (equal_ignoring_case(path->address, "postmaster")) {
        question.recipient.address = {.local = path->address, .domain = {}};
    } else if (const auto address = mail::parse_address(path->address)) {
        question.recipient.address = *address;
    } else {
        return refuse(reply(501, "5.1.3", "Invalid address"));
    }
    if (!path->rest.empty()) {
        return refuse(reply(555, "5.5.4", "Unsupported parameter"));
    }
    if (envelope_.recipients.size() >= options_.max_recipients) {
        return refuse(reply(452, "4.5.3", "Too many recipients"));
    }
    pending_ = question;
    return question;
}

void ServerDialog::answer(const Reply& decision) {
    errors_ += decision.is_positive() ? 0 : 1;
    if (std::holds_alternative<AskSender>(pending_)) {
        pending_ = {};
        if (decision.is_positive()) {
            state_ = State::Mail;
        } else {
            reset_transaction();
        }
    } else if (auto* question = std::get_if<AskRecipient>(&pending_)) {
        if (decision.is_positive()) {
            envelope_.recipients.push_back(std::move(question->recipient));
            state_ = State::Recipients;
        }
        pending_ = {};
    }
}

ServerStep ServerDialog::on_data(std::string_view /*arguments*/) {
    return TakeContent{reply(354, "", "Start mail input; end with <CRLF>.<CRLF>")};
}

void ServerDialog::content_ended() {
    junk_ = 0;
    reset_transaction();
}

ServerStep ServerDialog::on_rset(std::string_view /*arguments*/) {
    reset_transaction();
    return SendReply{reply(250, "2.0.0", "Resetting")};
}

ServerStep ServerDialog::on_noop(std::string_view /*arguments*/) {
    return SendReply{reply(250, "2.0.0", "OK")};
}

ServerStep ServerDialog::on_quit(std::string_view /*arguments*/) {
    return Close{reply(221, "2.0.0", "Service closing transmission channel")};
}

ServerStep ServerDialog::on_help(std::string_view /*arguments*/) {
    std::string verbs;
    for (const Rule& rule : rules()) {
        verbs += verbs.empty() ? "" : " ";
        verbs += rule.verb;
    }
    return SendReply{reply(214, "2.0.0", "Commands: " + verbs)};
}

ServerStep ServerDialog::on_vrfy(std::string_view arguments) {
    if (arguments.empty()) {
        return refuse(syntax_error("Syntax: VRFY address"));
    }
    return SendReply{reply(252, "2.5.2", "Cannot verify, but will accept mail and try to deliver")};
}

void ServerDialog::tls_started() {
    state_ = State::Start;
    reset_transaction();
    tls_ = true;
    extended_ = false;
    helo_.clear();
}

}  // namespace valija::smtp
