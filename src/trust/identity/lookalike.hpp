// Whether a person could take one host name for another.
//
// Promise: pure and bounded (names over 255 characters look like nothing); equal names
// do not "look like" each other. It only warns: nothing is accepted or refused by it.
// How: labels that are the same after letters of other scripts (in A-labels, RFC 3492), digits
// and accents are replaced by the Latin letters that they resemble; or one label of five letters
// and more that differs by one letter left out, added, exchanged or swapped. Digits that differ are
// ordinary names of a row (mx1, mx2) and do not count. For `*.x` and hosts the parent is compared
// too.
#pragma once

#include <string>
#include <string_view>

namespace valija::identity {

bool looks_like(std::string_view reference, std::string_view name);

// RFC 3492: the label behind "xn--" as code points; empty if malformed.
std::u32string decode_punycode(std::string_view encoded);

}  // namespace valija::identity
