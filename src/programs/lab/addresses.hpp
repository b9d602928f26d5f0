// The lab's own block of loopback addresses, 127.a.b.0/24, and free ports in it.
//
// Promise: a port found here was free on every address asked for a moment ago; whoever starts a
// program on it must still be ready to try another one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "platform/base/result.hpp"

namespace valija::lab {

struct Place {
    std::string address;
    uint16_t port = 0;

    std::string text() const { return address + ":" + std::to_string(port); }
};

class Block {
  public:
    // Chosen at random; never 127.0.0.0/24, where other programs live.
    static Block random();

    std::string address(unsigned last) const;
    std::string range() const;  // "127.a.b.0/24"

  private:
    Block(unsigned a, unsigned b) : a_(a), b_(b) {}

    unsigned a_;
    unsigned b_;
};

// One port above 1023 that is free for TCP (and UDP) on each of the addresses.
Result<uint16_t> free_port(const std::vector<std::string>& addresses);

// Whether somebody accepts a connection there.
bool is_listening(const std::string& address, uint16_t port);

}  // namespace valija::lab
