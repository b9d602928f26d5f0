#include "protocol/smtp/client_dialog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "platform/base/text.hpp"

namespace valija::smtp {
namespace {

struct PhaseRow {
    Phase phase;
    Duration deadline;
    std::string_view phrase;
};

// RFC 5321 4.5.3.2; the handshake's is ours.
constexpr PhaseRow kPhases[] = {
    {Phase::Connect, std::chrono::seconds(30), "connecting"},
    {Phase::Greeting, std::chrono::minutes(5), "waiting for the greeting"},
    {Phase::Hello, std::chrono::minutes(5), "waiting for the reply to EHLO"},
    {Phase::StartTls, std::chrono::minutes(5), "waiting for the reply to STARTTLS"},
    {Phase::Handshake, std::chrono::minutes(1), "shaking hands for TLS"},
    {Phase::Mail, std::chrono::minutes(5), "waiting for the reply to MAIL FROM"},
    {Phase::Recipient, std::chrono::minutes(5), "waiting for the reply to RCPT TO"},
    {Phase::Data, std::chrono::minutes(2), "waiting for the reply to DATA"},
    {Phase::Content, std::chrono::minutes(3), "sending the content"},
    {Phase::EndOfData, std::chrono::minutes(10), "waiting for the reply to the end of data"},
    {Phase::Quit, std::chrono::seconds(5), "waiting for the reply to QUIT"},
};

const PhaseRow& row_of(Phase phase) { return kPhases[static_cast<size_t>(phase)]; }

void learn(std::string_view line, Capabilities& capabilities) {
    const size_t blank = line.find(' ');
    const std::string_view word = line.substr(0, blank);
    if (equal_ignoring_case(word, "PIPELINING")) {
        capabilities.pipelining = true;
    } else if (equal_ignoring_case(word, "8BITMIME")) {
        capabilities.eight_bit = true;
    } else if (equal_ignoring_case(word, "STARTTLS")) {
        capabilities.starttls = true;
    } else if (equal_ignoring_case(word, "ENHANCEDSTATUSCODES")) {
        capabilities.enhanced_codes = true;
    } else if (equal_ignoring_case(word, "SIZE")) {
        uint64_t size = 0;
        if (blank != std::string_view::npos) {
            const std::string_view value = trim(line.substr(blank));
            std::from_chars(value.data(), value.data() + value.size(), size);
        }
        capabilities.size = size;
    }
}

}  // namespace

Duration phase_deadline(Phase phase) { return row_of(phase).deadline; }

std::string_view phase_phrase(Phase phase) { return row_of(phase).phrase; }

ClientDialog::ClientDialog(Options options) : options_(std::move(options)) {
    awaited_.push_back(Awaited::Greeting);
}

std::string ClientDialog::output() { return std::exchange(output_, {}); }

void ClientDialog::await(Awaited what, std::string_view command) {
    output_ += command;
    output_ += "\r\n";
    awaited_.push_back(what);
    await_next();
}

// The phase is that of the next reply to come.
void ClientDialog::await_next() {
    if (awaited_.empty()) {
        return;
    }
    need_ = Need::Reply;
    switch (awaited_.front()) {
        case Awaited::Greeting:
            phase_ = Phase::Greeting;
            break;
        case Awaited::Hello:
        case Awaited::OldHello:
            phase_ = Phase::Hello;
            break;
        case Awaited::StartTls:
            phase_ = Phase::StartTls;
            break;
        case Awaited::Mail:
        case Awaited::Reset:
            phase_ = Phase::Mail;
            break;
        case Awaited::Recipient:
            phase_ = Phase::Recipient;
            break;
        case Awaited::Data:
            phase_ = Phase::Data;
            break;
        case Awaited::EndOfData:
            phase_ = Phase::EndOfData;
            break;
        case Awaited::Quit:
            phase_ = Phase::Quit;
            break;
    }
}

void ClientDialog::fail(const Reply& reply) {
    failure_ = reply;
    awaited_.clear();
    need_ = Need::Ended;
}

void ClientDialog::hear(const Reply& reply) {
    if (need_ != Need::Reply || awaited_.empty()) {
        return;
    }
    const Awaited what = awaited_.front();
    // 421 may come at any time; 3xx has a meaning after DATA alone.
    const bool out_of_place = reply.code >= 300 && reply.code < 400 && what != Awaited::Data;
    if ((reply.code == 421 || out_of_place) && what != Awaited::Quit) {
        fail(reply);
        return;
    }
    awaited_.pop_front();
    switch (what) {
        case Awaited::Greeting:
            reply.code == 220 ? say_hello() : fail(reply);
            break;
        case Awaited::Hello:
            on_hello(reply);
            break;
        case Awaited::OldHello:
            on_old_hello(reply);
            break;
        case Awaited::StartTls:
            on_start_tls(reply);
            break;
        case Awaited::Mail:
            on_mail(reply);
            break;
        case Awaited::Recipient:
            on_recipient(reply);
            break;
        case Awaited::Data:
            on_data(reply);
            break;
        case Awaited::EndOfData:
            on_end_of_data(reply);
            break;
        case Awaited::Reset:
            need_ = Need::Outcome;
            break;
        case Awaited::Quit:
            need_ = Need::Ended;
            break;
    }
}

void ClientDialog::say_hello() {
    await(Awaited::Hello,
          fmt::format("{} {}", options_.lmtp ? "LHLO" : "EHLO", options_.client_name));
}

void ClientDialog::on_hello(const Reply& reply) {
    if (reply.code == 250) {
        for (size_t i = 1; i < reply.lines.size(); ++i) {
            learn(reply.lines[i], capabilities_);
        }
        need_ = Need::Decide;
    } else if (reply.is_permanent() && !options_.lmtp) {
        await(Awaited::OldHello, "HELO " + options_.client_name);
    } else {
        fail(reply);
    }
}

void ClientDialog::on_old_hello(const Reply& reply) {
    if (reply.code == 250) {
        need_ = Need::Decide;
    } else {
        fail(reply);
    }
}

void ClientDialog::start_tls() { await(Awaited::StartTls, "STARTTLS"); }

void ClientDialog::on_start_tls(const Reply& reply) {
    if (reply.code == 220) {
        phase_ = Phase::Handshake;
        need_ = Need::Handshake;
    } else {
        fail(reply);
    }
}

void ClientDialog::tls_started() {
    capabilities_ = {};
    output_.clear();
    awaited_.clear();
    say_hello();
}

void ClientDialog::begin(const mail::Envelope& envelope, uint64_t size) {
    outcomes_.assign(envelope.recipients.size(), Reply{});
    recipient_commands_.clear();
    accepted_.clear();
    answered_ = 0;
    next_final_ = 0;
    mail_refused_.reset();
    std::string mail = fmt::format("MAIL FROM:<{}>", envelope.sender_text());
    if (capabilities_.size) {
        mail += fmt::format(" SIZE={}", size);
    }
    if (envelope.eight_bit && capabilities_.eight_bit) {
        mail += " BODY=8BITMIME";
    }
    for (const mail::Recipient& recipient : envelope.recipients) {
        recipient_commands_.push_back(fmt::format("RCPT TO:<{}>", recipient.address.text()));
    }
    await(Awaited::Mail, mail);
    if (capabilities_.pipelining) {
        for (size_t i = 0; i < recipient_commands_.size(); ++i) {
            send_recipient(i);
        }
    }
}

void ClientDialog::send_recipient(size_t index) {
    await(Awaited::Recipient, recipient_commands_[index]);
}

void ClientDialog::on_mail(const Reply& reply) {
    if (!reply.is_positive()) {
        mail_refused_ = reply;
    }
    if (capabilities_.pipelining) {  // the replies to RCPT are on their way
        await_next();
    } else if (mail_refused_) {
        outcomes_.assign(outcomes_.size(), reply);
        finish_message();
    } else {
        send_recipient(0);
    }
}

void ClientDialog::on_recipient(const Reply& reply) {
    const size_t index = answered_++;
    outcomes_[index] = mail_refused_ ? *mail_refused_ : reply;
    if (reply.is_positive() && !mail_refused_) {
        accepted_.push_back(index);
    }
    if (answered_ < recipient_commands_.size()) {
        capabilities_.pipelining ? await_next() : send_recipient(answered_);
    } else if (accepted_.empty()) {
        finish_message();
    } else {
        await(Awaited::Data, "DATA");
    }
}

void ClientDialog::on_data(const Reply& reply) {
    if (reply.code == 354) {
        phase_ = Phase::Content;
        need_ = Need::Content;
        return;
    }
    if (reply.is_positive()) {  // neither yes nor no: nothing was taken over
        fail(reply);
        return;
    }
    for (const size_t index : accepted_) {
        outcomes_[index] = reply;
    }
    finish_message();
}

bool ClientDialog::is_final(size_t recipient) const {
    const auto accepted = std::ranges::find(accepted_, recipient);
    if (accepted == accepted_.end()) {
        return recipient < answered_;
    }
    return options_.lmtp && accepted - accepted_.begin() < static_cast<std::ptrdiff_t>(next_final_);
}

void ClientDialog::content_sent() {
    const size_t replies = options_.lmtp ? accepted_.size() : 1;
    for (size_t i = 0; i < replies; ++i) {
        awaited_.push_back(Awaited::EndOfData);
    }
    await_next();
}

void ClientDialog::on_end_of_data(const Reply& reply) {
    if (options_.lmtp) {
        outcomes_[accepted_[next_final_++]] = reply;
        if (!awaited_.empty()) {
            await_next();
            return;
        }
    } else {
        for (const size_t index : accepted_) {
            outcomes_[index] = reply;
        }
    }
    need_ = Need::Outcome;
}

// A transaction that did not end with its content is still open: RSET closes it.
void ClientDialog::finish_message() { await(Awaited::Reset, "RSET"); }

void ClientDialog::quit() { await(Awaited::Quit, "QUIT"); }

}  // namespace valija::smtp
