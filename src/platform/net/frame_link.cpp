#include "platform/net/frame_link.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <span>

namespace valija::net {
namespace {

constexpr size_t kHeader = 4;
constexpr size_t kMostLinks = 253;  // SCM_MAX_FD of the kernel
constexpr size_t kAtOnce = 16UL << 10U;
constexpr auto kSending = "sending to another process";
constexpr auto kReceiving = "receiving from another process";

std::unexpected<Fault> gone(const char* doing) {
    return fault(FaultKind::Network, doing, "it has ended");
}

int milliseconds_until(SteadyTime deadline) {
    if (deadline == SteadyTime::max()) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return static_cast<int>(
        std::clamp<long long>(left.count(), 0, std::numeric_limits<int>::max()));
}

// Whether the descriptor became ready in time.
Result<bool> wait_for(int descriptor, short events, SteadyTime deadline) {
    while (true) {
        pollfd waited{.fd = descriptor, .events = events, .revents = 0};
        const int ready = ::poll(&waited, 1, milliseconds_until(deadline));
        if (ready > 0) return true;
        if (ready == 0) return false;
        if (errno != EINTR) return system_fault("waiting for another process", errno);
    }
}

Result<void> must_be_ready(int descriptor, short events, SteadyTime deadline, const char* doing) {
    const auto ready = wait_for(descriptor, events, deadline);
    if (!ready) return std::unexpected(ready.error());
    if (!*ready) return fault(FaultKind::Timeout, doing, "timed out");
    return {};
}

std::array<char, kHeader> header_of(size_t size) {
    return {static_cast<char>(size >> 24U), static_cast<char>(size >> 16U),
            static_cast<char>(size >> 8U), static_cast<char>(size)};
}

size_t length_in(std::string_view header) {
    size_t length = 0;
    for (size_t i = 0; i < kHeader; ++i) {
        length = length << 8U | static_cast<unsigned char>(header[i]);
    }
    return length;
}

// The bytes of one read; it waits for the first.
Result<std::string_view> some_bytes(int descriptor, std::span<char> into, SteadyTime deadline) {
    while (true) {
        if (auto ready = must_be_ready(descriptor, POLLIN, deadline, kReceiving); !ready) {
            return std::unexpected(ready.error());
        }
        const ssize_t count = ::recv(descriptor, into.data(), into.size(), MSG_DONTWAIT);
        if (count > 0) return std::string_view(into.data(), static_cast<size_t>(count));
        if (count == 0 || errno == ECONNRESET) return gone(kReceiving);
        if (errno != EAGAIN && errno != EINTR) return system_fault(kReceiving, errno);
    }
}

union ControlSpace {
    cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * kMostLinks)];
};

}  // namespace

Result<std::pair<FrameLink, FrameLink>> FrameLink::make_pair() {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return system_fault("making a socket pair", errno);
    }
    return std::pair(FrameLink(ends[0]), FrameLink(ends[1]));
}

FrameLink::~FrameLink() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> FrameLink::send(std::string_view frame, SteadyTime deadline) {
    if (frame.size() > std::numeric_limits<unsigned int>::max()) {
        return fault(FaultKind::Input, kSending, "too much");
    }
    auto header = header_of(frame.size());
    std::array<iovec, 2> parts = {iovec{header.data(), header.size()},
                                  iovec{const_cast<char*>(frame.data()), frame.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    size_t left = header.size() + frame.size();
    while (left > 0) {
        const ssize_t sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return gone(kSending);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) return system_fault(kSending, errno);
        if (sent < 0) {
            auto ready = must_be_ready(descriptor_, POLLOUT, deadline, kSending);
            if (!ready) return ready;
            continue;
        }
        auto count = static_cast<size_t>(sent);
        left -= count;
        for (iovec& part : parts) {
            const size_t taken = std::min(count, part.iov_len);
            part.iov_base = static_cast<char*>(part.iov_base) + taken;
            part.iov_len -= taken;
            count -= taken;
        }
    }
    return {};
}

Result<std::string> FrameLink::receive(size_t limit, SteadyTime deadline) {
    std::array<char, kAtOnce> buffer;
    std::string got;
    while (got.size() < kHeader) {
        const auto more = some_bytes(descriptor_, buffer, deadline);
        if (!more) return std::unexpected(more.error());
        got += *more;
    }
    const size_t length = length_in(got);
    if (length > limit) return fault(FaultKind::Input, kReceiving, "the frame is too long");
    got.erase(0, kHeader);
    while (got.size() < length) {
        const auto more = some_bytes(descriptor_, buffer, deadline);
        if (!more) return std::unexpected(more.error());
        got += *more;
    }
    if (got.size() > length) return fault(FaultKind::Input, kReceiving, "bytes behind the frame");
    return got;
}

Result<void> FrameLink::send_links(const std::vector<FrameLink>& links) {
    VALIJA_ENSURE(!links.empty() && links.size() <= kMostLinks, "as many as the kernel takes");
    ControlSpace space{};
    char mark = 'L';
    iovec part{&mark, 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = space.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * links.size());
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * links.size());
    for (size_t i = 0; i < links.size(); ++i) {
        std::memcpy(CMSG_DATA(header) + i * sizeof(int), &links[i].descriptor_, sizeof(int));
    }
    ssize_t sent = -1;
    do {
        sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return gone(kSending);
    if (sent < 0) return system_fault(kSending, errno);
    return {};
}

Result<std::optional<std::vector<FrameLink>>> FrameLink::receive_links(SteadyTime deadline) {
    const auto ready = wait_for(descriptor_, POLLIN, deadline);
    if (!ready) return std::unexpected(ready.error());
    if (!*ready) return std::nullopt;
    ControlSpace space{};
    char mark = 0;
    iovec part{&mark, 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = space.bytes;
    message.msg_controllen = sizeof space.bytes;
    const ssize_t count = ::recvmsg(descriptor_, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
    if (count < 0 && errno != ECONNRESET) return system_fault(kReceiving, errno);
    if (count <= 0) return gone(kReceiving);
    std::vector<FrameLink> links;
    for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
        if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS) continue;
        const size_t found = (one->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < found; ++i) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(one) + i * sizeof(int), sizeof(int));
            links.push_back(FrameLink(descriptor));
        }
    }
    if (links.empty()) return fault(FaultKind::Input, kReceiving, "no links came");
    return links;
}

}  // namespace valija::net
