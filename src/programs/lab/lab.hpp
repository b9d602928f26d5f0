// `valija lab`: two organisations with their CAs, DNS, CRL server and mailboxes on loopback, and
// scenes that show what Valija does. Without root; leaves nothing behind.
// Exit status: 0 only if every scene went as expected, 1 if not, 2 if the world could not be built.
#pragma once

#include <string>

namespace valija::programs {

struct LabOptions {
    std::string scenes = "path";  // group, "all" or "none"
    bool list = false;            // print groups and scenes
    bool keep = false;            // leave the world up until Ctrl-C or `valija lab --stop`
    bool stop = false;
    bool json = false;
    bool verbose = false;
    std::string program;  // path of this program, for `valija serve`
};

int lab(const LabOptions& options);

}  // namespace valija::programs
