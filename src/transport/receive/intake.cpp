#include "transport/receive/intake.hpp"

namespace valija::receive {
namespace {

constexpr std::string_view kEmptyLine = "\r\n\r\n";

// Content far beyond the announced limit is not worth reading to its end.
constexpr uint64_t kPatience = 64UL << 20U;

}  // namespace

bool is_too_slow(uint64_t bytes, Duration passed) {
    constexpr Duration kPatient = std::chrono::minutes(5);
    constexpr int64_t kLeastRate = 500;  // bytes a second
    return passed > kPatient && static_cast<int64_t>(bytes) < kLeastRate * passed.count() / 1000;
}

smtp::Reply storage_reply(const Fault& fault) {
    return fault.kind == FaultKind::Full
               ? smtp::reply(452, "4.3.1", "Insufficient system storage, try again later")
               : smtp::reply(451, "4.3.0", "The message could not be stored, try again later");
}

Intake::Intake(queue::Draft draft, Limits limits, Stamp stamp, Judge judge)
    : draft_(std::move(draft)),
      limits_(limits),
      stamp_(std::move(stamp)),
      judge_(std::move(judge)) {}

size_t Intake::take(std::string_view wire) {
    const size_t before = pending_.size();
    const size_t used = reader_.take(wire, pending_);
    total_ += pending_.size() - before;
    absorb();
    return used;
}

bool Intake::is_hopeless() const {
    return total_ > limits_.message && total_ - limits_.message > kPatience;
}

void Intake::absorb() {
    if (reader_.is_malformed()) {
        refuse(
            smtp::reply(550, "5.6.0",
                        "Message contains a bare CR, a bare LF or a NUL, which RFC 5321 forbids"));
    }
    if (total_ > limits_.message) {
        refuse(smtp::reply(552, "5.3.4", "Message size exceeds fixed limit"));
    }
    if (!refusal_ && !header_done_) {
        try_header(is_complete());
    }
    if (refusal_) {
        pending_.clear();
    } else if (header_done_) {
        append(pending_);
        pending_.clear();
    }
}

// The section ends at the first empty line; content that begins with one has no fields, content
// without one is all header.
void Intake::try_header(bool at_end) {
    size_t end = std::string::npos;
    if (pending_.starts_with("\r\n")) {
        end = 0;
    } else {
        const size_t from = searched_ > 3 ? searched_ - 3 : 0;
        const size_t found = pending_.find(kEmptyLine, from);
        searched_ = pending_.size();
        end = found == std::string::npos ? found : found + 2;
    }
    if (end == std::string::npos && at_end) {
        end = pending_.size();
    }
    const size_t seen = end == std::string::npos ? pending_.size() : end;
    if (seen > limits_.header) {
        refuse(smtp::reply(552, "5.3.4", "Header section exceeds fixed limit"));
    } else if (end != std::string::npos) {
        write_header(std::string_view(pending_).substr(0, end));
        pending_.erase(0, end);
        header_done_ = true;
    }
}

void Intake::write_header(std::string_view header) {
    if (header.starts_with(' ') || header.starts_with('\t')) {
        // It would go on with the last field that we put on top: our own verdict.
        refuse(smtp::reply(550, "5.6.0", "Header section begins with a folded line"));
        return;
    }
    policy::ContentDecision decision = judge_(header);
    mark_ = decision.mark;
    if (decision.refusal) {
        refuse(std::move(*decision.refusal));
        return;
    }
    message_id_ = mail::message_id(header);
    append(stamp_.trace);
    append(mail::authentication_results(mark_));
    append(mail::without_our_marks(header, stamp_.authserv_ids));
}

void Intake::append(std::string_view bytes) {
    if (refusal_ || bytes.empty()) {
        return;
    }
    if (const Result<void> written = draft_.append(bytes); !written) {
        refuse(storage_reply(written.error()));
    }
}

void Intake::refuse(smtp::Reply reply) {
    if (!refusal_) {
        refusal_ = std::move(reply);
    }
}

}  // namespace valija::receive
