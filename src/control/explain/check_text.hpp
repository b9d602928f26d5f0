// What `valija check` found, as people read it and as JSON.
//
// Promise: pure; what is not good comes first, then warnings; `All` shows every step, every name
// that was compared and what else was seen. Texts are in the language asked for; JSON keys and its
// sentences are English. Any thread.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "control/explain/check.hpp"

namespace valija::explain {

std::string check_text(const CheckReport& report, identity::Show show, Language language);

boost::json::object check_json(const CheckReport& report);

}  // namespace valija::explain
