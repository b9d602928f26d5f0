#include "transport/report/dsn.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "platform/base/text.hpp"

namespace valija::report {
namespace {

constexpr size_t kHeaderReturned = 64UL << 10U;
constexpr size_t kLongestLine = 900;

// One line of a field's value: no line ends, no control characters, bounded, ASCII.
std::string field_text(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, kLongestLine)) {
        out += c >= ' ' && c <= '~' ? c : (c == '\t' ? ' ' : '?');
    }
    return out;
}

// Text for people: lines kept, each escaped and bounded.
std::string body_text(std::string_view text) {
    std::string out;
    for (const std::string_view line : split(text, '\n')) {
        out += "    " + escape_peer_text(line, kLongestLine) + "\r\n";
    }
    return out;
}

bool wants_report(const Failure& failure, Action action) {
    if (failure.recipient.notify.empty()) {
        return true;
    }
    const std::string_view wanted = action == Action::Failed ? "FAILURE" : "DELAY";
    return std::ranges::any_of(split(failure.recipient.notify, ','), [&](std::string_view word) {
        return equal_ignoring_case(trim(word), wanted);
    });
}

std::string human_part(const ReportRequest& request, const std::vector<Failure>& failures) {
    const bool failed = request.action == Action::Failed;
    std::string text = fmt::format(
        "This is the mail system at {}.\r\n\r\n{}\r\n\r\n", request.reporting_mta,
        failed
            ? "Your message could not be delivered to the recipients below. It was not sent to\r\n"
              "them again, and will not be."
            : "Your message has not reached the recipients below yet. There is nothing you need\r\n"
              "to do: delivery is tried again.");
    for (const Failure& failure : failures) {
        text += fmt::format("<{}>\r\n{}\r\n", field_text(failure.recipient.address.text()),
                            body_text(failure.explanation));
    }
    if (request.will_retry_until) {
        text +=
            fmt::format("Delivery is tried until {}.\r\n", mail_time(*request.will_retry_until));
    }
    return text;
}

void add_field(std::string& part, std::string_view name, const std::string& value) {
    if (!value.empty()) {
        part += fmt::format("{}: {}\r\n", name, field_text(value));
    }
}

std::string recipient_fields(const ReportRequest& request, const Failure& failure) {
    std::string fields = "\r\n";
    add_field(fields, "Original-Recipient", failure.recipient.original);
    add_field(fields, "Final-Recipient", "rfc822; " + failure.recipient.address.text());
    add_field(fields, "Action", request.action == Action::Failed ? "failed" : "delayed");
    add_field(fields, "Status", failure.status);
    add_field(fields, "Remote-MTA", failure.remote);
    add_field(fields, "Diagnostic-Code", failure.diagnostic);
    add_field(fields, "Last-Attempt-Date", mail_time(request.now));
    if (request.will_retry_until) {
        add_field(fields, "Will-Retry-Until", mail_time(*request.will_retry_until));
    }
    return fields;
}

std::string status_part(const ReportRequest& request, const std::vector<Failure>& failures) {
    std::string part;
    add_field(part, "Reporting-MTA", "dns; " + request.reporting_mta);
    add_field(part, "Arrival-Date", mail_time(request.message->arrival.time));
    for (const Failure& failure : failures) {
        part += recipient_fields(request, failure);
    }
    return part;
}

// The original's header; a line that could be our boundary does not come back.
std::string header_part(const ReportRequest& request) {
    std::string_view header = std::string_view(request.original_header).substr(0, kHeaderReturned);
    std::string part;
    while (!header.empty()) {
        const size_t end = header.find("\r\n");
        const std::string_view line = header.substr(0, end);
        if (!line.starts_with("--" + request.boundary)) {
            part.append(line);
            part += "\r\n";
        }
        header = end == std::string_view::npos ? std::string_view() : header.substr(end + 2);
    }
    return part;
}

std::string report_header(const ReportRequest& request) {
    return fmt::format(
        "From: Mail Delivery System <MAILER-DAEMON@{0}>\r\n"
        "To: <{1}>\r\n"
        "Subject: {2}\r\n"
        "Date: {3}\r\n"
        "Message-ID: {4}\r\n"
        "Auto-Submitted: auto-replied\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status;\r\n"
        "\tboundary=\"{5}\"\r\n\r\n",
        request.reporting_mta, field_text(request.message->sender->text()),
        request.action == Action::Failed ? "Undelivered mail returned to sender"
                                         : "Delivery of your mail is delayed",
        mail_time(request.now), request.message_id, request.boundary);
}

}  // namespace

std::optional<queue::NewMessage> make_report(const ReportRequest& request) {
    if (!request.message->sender) {
        return std::nullopt;
    }
    std::vector<Failure> failures;
    std::ranges::copy_if(request.failures, std::back_inserter(failures),
                         [&](const Failure& one) { return wants_report(one, request.action); });
    if (failures.empty()) {
        return std::nullopt;
    }
    const std::string line = "--" + request.boundary;
    queue::NewMessage report;
    report.envelope.recipients.push_back({.address = *request.message->sender});
    report.envelope.eight_bit = true;
    report.arrival = {.time = request.now,
                      .client = "this server",
                      .session = {},
                      .partner = {},
                      .domain_secured = false,
                      .expires = request.now};
    report.content =
        report_header(request) + "This is a delivery report in MIME format.\r\n\r\n" + line +
        "\r\nContent-Type: text/plain; charset=utf-8\r\n" +
        "Content-Transfer-Encoding: 8bit\r\n\r\n" + human_part(request, failures) + "\r\n" + line +
        "\r\nContent-Type: message/delivery-status\r\n\r\n" + status_part(request, failures) +
        "\r\n" + line + "\r\nContent-Type: text/rfc822-headers\r\n" +
        "Content-Transfer-Encoding: 8bit\r\n\r\n" + header_part(request) + "\r\n" + line + "--\r\n";
    return report;
}

}  // namespace valija::report
