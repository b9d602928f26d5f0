#include "trust/channel/internal/input_buffer.hpp"

#include <algorithm>

#include "platform/base/result.hpp"

namespace valija::channel::internal {

void InputBuffer::append(std::string_view bytes) {
    if (begin_ > 0) {
        bytes_.erase(0, begin_);
        searched_ -= std::min(searched_, begin_);
        begin_ = 0;
    }
    bytes_.append(bytes);
}

size_t InputBuffer::find_end() const {
    auto const end = bytes_.find('\n', std::max(begin_, searched_));
    searched_ = std::min(end, bytes_.size());
    return end;
}

bool InputBuffer::has_line() const { return find_end() != std::string::npos; }

// Forgets a part of a line, but for what is asked about it later.
void InputBuffer::skip(std::string_view part) {
    if (part.empty()) return;
    if (skipped_cr_ && part.front() != '\n') skipped_bare_ = true;
    auto const cr = part.find('\r');
    bool const ends_in_cr = part.back() == '\r';
    if (cr != std::string_view::npos && !(ends_in_cr && cr == part.size() - 1))
        skipped_bare_ = true;
    skipped_cr_ = ends_in_cr;
}

std::optional<InputBuffer::Line> InputBuffer::next_line(size_t limit) {
    auto const end = find_end();
    auto text = view().substr(0, end == std::string::npos ? end : end - begin_);
    if (end == std::string::npos) {
        // One byte more may be the CR.
        if (!skipping_ && text.size() <= limit + 1) return {};
        skip(text);
        skipping_ = true;
        begin_ = searched_ = bytes_.size();
        return {};
    }
    begin_ = searched_ = end + 1;
    if (skipping_) {
        skip(text);
        Line const line{{}, true, skipped_bare_ || !skipped_cr_};
        skipping_ = skipped_bare_ = skipped_cr_ = false;
        return line;
    }
    bool const crlf = text.ends_with('\r');
    if (crlf) text.remove_suffix(1);
    bool const bare = !crlf || text.find('\r') != std::string_view::npos;
    if (text.size() > limit) return Line{{}, true, bare};
    return Line{text, false, bare};
}

void InputBuffer::consume(size_t count) {
    VALIJA_ENSURE(count <= bytes_.size() - begin_, "no more is consumed than there is");
    begin_ += count;
}

void InputBuffer::release() {
    if (begin_ < bytes_.size()) return;
    std::string().swap(bytes_);
    begin_ = searched_ = 0;
}

}  // namespace valija::channel::internal
