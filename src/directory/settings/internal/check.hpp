// What single values must look like, and what must hold between objects: the checks that are
// written by hand, because a type cannot say them.
#pragma once

#include <string>
#include <string_view>

#include "directory/settings/internal/reader.hpp"

namespace valija::settings {

// Each object alone: names, addresses, ranges, URLs.
void check(const Server& server, Problems& problems);
void check(const Receive& connector, Problems& problems);
void check(const Send& connector, Problems& problems);
void check(const Partner& partner, Problems& problems);

// Between objects: a domain of two partners, an enforced partner over a connector that does not
// hold it to its certificate.
void check_together(const Directory& directory, Problems& problems);

}  // namespace valija::settings
