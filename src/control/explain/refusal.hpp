// What the partner's server means when it refuses *our* certificate: Exchange and Valija name the
// reason in the same words ("454 4.7.5 Certificate validation failure, Reason:RevocationOffline").
//
// Promise: pure, any thread. Empty where the text names no reason that is known.
#pragma once

#include <string_view>

#include "platform/base/phrase.hpp"

namespace valija::explain {

// `said`: what was said to us, whole or in part; hostile.
Text about_refusal(std::string_view said);

}  // namespace valija::explain
