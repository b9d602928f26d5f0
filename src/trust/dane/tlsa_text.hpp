// TLSA records from text, as `valija certificate verify --tlsa FILE` reads them.
//
// Promise: lines `usage selector matching-type hex`; the hex may have blanks; empty lines and lines
// that begin with # or ; are skipped. Anything else is a Fault that names the line. At most 100
// records of 64 KiB. Whether a record is usable is not judged here (verdict.hpp).
#pragma once

#include <string_view>
#include <vector>

#include "platform/base/result.hpp"
#include "trust/dane/tlsa.hpp"

namespace valija::dane {

Result<std::vector<Tlsa>> read_tlsa_lines(std::string_view text);

}  // namespace valija::dane
