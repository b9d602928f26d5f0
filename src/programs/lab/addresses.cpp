#include "programs/lab/addresses.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>

namespace valija::lab {
namespace {

constexpr int kMostTries = 50;

class Socket {
  public:
    explicit Socket(int type) : number_(socket(AF_INET, type | SOCK_CLOEXEC, 0)) {}

    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    ~Socket() {
        if (number_ >= 0) close(number_);
    }

    int get() const { return number_; }

  private:
    int number_;
};

sockaddr_in native(const std::string& address, uint16_t port) {
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_port = htons(port);
    inet_pton(AF_INET, address.c_str(), &result.sin_addr);
    return result;
}

// The port that was bound; 0: it is taken.
uint16_t bind_once(int type, const std::string& address, uint16_t port) {
    const Socket socket(type);
    sockaddr_in where = native(address, port);
    socklen_t size = sizeof where;
    if (bind(socket.get(), reinterpret_cast<sockaddr*>(&where), size) != 0) return 0;
    if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&where), &size) != 0) return 0;
    return ntohs(where.sin_port);
}

}  // namespace

Block Block::random() {
    std::random_device source;
    std::uniform_int_distribution<unsigned> number(1, 254);
    const unsigned a = number(source);
    return {a, number(source)};
}

std::string Block::address(unsigned last) const {
    return fmt::format("127.{}.{}.{}", a_, b_, last);
}

std::string Block::range() const { return address(0) + "/24"; }

Result<uint16_t> free_port(const std::vector<std::string>& addresses) {
    for (int attempt = 0; attempt < kMostTries; ++attempt) {
        const uint16_t port = bind_once(SOCK_STREAM, addresses.at(0), 0);
        const bool is_free = port != 0 && std::ranges::all_of(addresses, [&](const auto& address) {
                                 return bind_once(SOCK_STREAM, address, port) == port &&
                                        bind_once(SOCK_DGRAM, address, port) == port;
                             });
        if (is_free) return port;
    }
    return fault(FaultKind::System, "looking for a free port", "none found on " + addresses.at(0));
}

bool is_listening(const std::string& address, uint16_t port) {
    const Socket socket(SOCK_STREAM);
    const sockaddr_in where = native(address, port);
    return connect(socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0;
}

}  // namespace valija::lab
